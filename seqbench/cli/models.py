"""`seqbench models`: what the models of a config are, and whether a model can be trusted."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqbench.cli.groups import WholeHelps
from seqbench.cli.models_score import score
from seqbench.cli.options import EXIT_PARTIAL, ConfigPath, Overrides, console, load, reporter
from seqbench.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seqbench.config import Config
    from seqbench.core.progress import Reporter
    from seqbench.datasets.dataset import Dataset

app = typer.Typer(
    cls=WholeHelps,
    help="Look at the models of a config, and check models.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


app.command()(score)


@app.command("list")
def list_models(config: ConfigPath, set_: Overrides = None) -> None:
    """List the models of a config: kind, layers, width, and the fingerprint of their weights."""
    from rich import box
    from rich.table import Table

    from seqbench.stages.workspace import Workspace

    told = reporter()
    workspace = Workspace(load(config, set_, told), told)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in ("model", "kind", "layers", "width", "fingerprint", "path"):
        table.add_column(
            column, justify="right" if column in ("layers", "width") else "left", overflow="fold"
        )
    for name in workspace.entries.names:
        identity = workspace.identity(name)
        table.add_row(
            name,
            identity.kind,
            str(identity.n_layers),
            str(identity.hidden or "by data set"),
            identity.fingerprint[:12],
            _place(identity.path, workspace.entries.parameters(name)),
        )
    console().print(table)


def _place(path: str | None, parameters: dict[str, Any]) -> str:
    """Where a model lies, and what is done to it there."""
    adapter, attention = parameters.get("adapter"), parameters.get("attn_implementation")
    parts = [
        path or "–",
        f"adapter {adapter}" if adapter else "",
        f"attention {attention}" if attention else "",
    ]
    return ", ".join(filter(None, parts))


@app.command()
def check(
    target: Annotated[
        str, typer.Argument(metavar="PATH", help="A model's directory or hub id, or a config (.yaml).")
    ],
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", metavar="ROOT/DATASET", help="Check on this data set too. Repeatable."),
    ] = None,
    model: Annotated[str | None, typer.Option(help="Of a config: only the model of this name.")] = None,
    dtype: Annotated[str | None, typer.Option(help="float32, bfloat16 (the default) or float16.")] = None,
    adapter: Annotated[Path | None, typer.Option(help="Directory of a LoRA adapter saved by peft.")] = None,
    revision: Annotated[str | None, typer.Option(help="Commit, tag or branch of a hub id.")] = None,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run Python code shipped with the model.")
    ] = False,
    attn_implementation: Annotated[
        str | None, typer.Option(metavar="NAME", help="Attention kernel: sdpa, eager, flash_attention_2, …")
    ] = None,
    requires: Annotated[
        str | None, typer.Option(metavar="PACKAGE", help="Package that adds the model to transformers.")
    ] = None,
    set_: Overrides = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print certificates as JSON.")] = False,
) -> None:
    """Check before a long run that a model's embeddings will be what they are taken for.

    Exit 3 if a check fails.
    """
    from seqbench.cli.certificate_table import print_certificate
    from seqbench.stages.preflight import check_models
    from seqbench.stages.workspace import Workspace

    options = {
        "dtype": dtype,
        "adapter": adapter and adapter.absolute(),
        "revision": revision,
        "trust_remote_code": trust_remote_code or None,
        "attn_implementation": attn_implementation,
        "requires": requires,
    }
    given = {key: value for key, value in options.items() if value is not None}
    told = reporter()
    workspace = Workspace(_config(target, given, model, set_, told), told)
    datasets = [workspace.dataset(name) for name in workspace.dataset_names] if _is_config(target) else []
    datasets += [_dataset(folder, told) for folder in data or ()]
    certificates = []
    for certificate in check_models(workspace, _chosen(workspace.entries.names, model), datasets):
        certificates.append(certificate)
        if not as_json:
            print_certificate(certificate, console())
    if as_json:
        typer.echo(json.dumps([certificate.attrs() for certificate in certificates], indent=2))
    if any(certificate.verdict.value == "fail" for certificate in certificates):
        raise typer.Exit(EXIT_PARTIAL)


def _is_config(target: str) -> bool:
    return target.endswith((".yaml", ".yml"))


def _config(
    target: str,
    given: dict[str, Any],
    model: str | None,
    overrides: "Sequence[str] | None",
    told: "Reporter",
) -> "Config":
    """The config that was named, or one of the model that was; each refuses the other's options."""
    from seqbench.cli.one_model import one_model

    if not _is_config(target):
        if model is not None or overrides:
            raise ConfigError(f"{target}: --model and --set go with a config (give a .yaml file)")
        return one_model(target, given)
    if given:
        option = f"--{next(iter(given)).replace('_', '-')}"
        raise ConfigError(
            f"{target}: {option} goes with a model's path (a config says it itself, or use --set)"
        )
    return load(Path(target), overrides, told)


def _chosen(names: "Sequence[str]", wanted: str | None) -> "Sequence[str]":
    if wanted is None:
        return names
    if wanted not in names:
        raise ConfigError(f"--model {wanted}: the config has {', '.join(names)}")
    return [wanted]


def _dataset(folder: Path, told: "Reporter") -> "Dataset":
    from seqbench.datasets.dataset import open_dataset
    from seqbench.datasets.registry import resolve

    whole = folder.absolute()
    (spec,) = resolve(whole.parent, None, [whole.name]).specs
    return open_dataset(spec, reporter=told)
