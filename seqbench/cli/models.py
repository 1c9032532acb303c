"""`seqbench models`: what the models of a config are."""

import typer

from seqbench.cli.options import ConfigPath, Overrides, console, load, reporter

app = typer.Typer(help="Look at the models of a config.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_models(config: ConfigPath, set_: Overrides = None) -> None:
    """List the models of a config: kind, layers, width, and the fingerprint of their weights."""
    from rich import box
    from rich.table import Table

    from seqbench.schedule.workspace import Workspace

    told = reporter()
    workspace = Workspace(load(config, set_, told), told)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in ("model", "kind", "layers", "width", "fingerprint", "path"):
        table.add_column(
            column, justify="right" if column in ("layers", "width") else "left", overflow="fold"
        )
    for name in workspace.model_names:
        identity = workspace.identity(name)
        table.add_row(
            name,
            identity.kind,
            str(identity.n_layers),
            str(identity.hidden or "by data set"),
            identity.fingerprint[:12],
            identity.path or "–",
        )
    console().print(table)
