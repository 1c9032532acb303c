"""`seqbench config`: start from a demo, convert old files, print the schema."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from seqbench.cli.options import Overrides

app = typer.Typer(
    help="Start from the demo, convert old configs, print the schema.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    seed: Annotated[int, typer.Option(help="Seed of the planted data sets.")] = 0,
) -> None:
    """Write the demo: a config, a small trained DNA model and planted data sets, ready for `seqbench run`."""
    from seqbench.demo import write_demo

    config = write_demo(folder, seed=seed)
    typer.echo(f"{config} is ready. Next:\n  seqbench run {config}")


@app.command()
def convert(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A flat config of the reference system.")],
    out: Annotated[Path | None, typer.Option(help="Where to write; standard output if not given.")] = None,
    set_: Overrides = None,
) -> None:
    """Rewrite a config of the reference system in the new form."""
    from seqbench.config import load_config, to_yaml
    from seqbench.core.atomic import write_atomically
    from seqbench.errors import ConfigError

    loaded = load_config(old, set_ or ())
    for warning in loaded.warnings:
        typer.echo(f"warning: {warning}", err=True)
    for line in loaded.controls:
        typer.echo(line, err=True)
    text = to_yaml(loaded.config, (out.parent if out else Path()).absolute())
    if out is None:
        sys.stdout.write(text)
        return
    if out.exists():
        raise ConfigError(f"{out}: exists already (give --out another name)")
    try:
        out.parent.stat()  # a folder that is not there is rather misspelt than to be made
        write_atomically(out, text)
    except OSError as error:
        raise ConfigError(f"{out}: can't be written: {error.strerror} (give --out another place)") from error
    typer.echo(f"{out} written")


@app.command()
def schema() -> None:
    """Print the JSON schema of a config, for editors and checkers."""
    from seqbench.config import json_schema

    json.dump(json_schema(), sys.stdout, indent=2)
    sys.stdout.write("\n")
