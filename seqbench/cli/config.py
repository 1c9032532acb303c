"""`seqbench config`: start from own data or a demo, check, convert old files, print the schema."""

import json
import sys
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from seqbench.cli.groups import WholeHelps
from seqbench.cli.options import ConfigPath, Overrides, load_whole, relative, reporter
from seqbench.cli.suggest import LabelOption, SequenceOption, SplitOption, TaskChoice, choices_of, say

app = typer.Typer(
    cls=WholeHelps,
    help="Start from own data or the demo, check a config, convert old ones, print the schema.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def init(
    target: Annotated[
        Path, typer.Argument(metavar="TARGET", help="For the demo a new folder; with --data a new my.yaml.")
    ],
    data: Annotated[
        Path | None,
        typer.Option(help="Your data: CSV, TSV, Parquet, JSONL, FASTA, or a folder of data sets."),
    ] = None,
    model: Annotated[str | None, typer.Option(help="Your model: a folder, or a hub id.")] = None,
    label: LabelOption = None,
    sequence: SequenceOption = None,
    split_column: SplitOption = None,
    task: TaskChoice = None,
    seed: Annotated[int, typer.Option(help="Seed of the demo's planted data sets.")] = 0,
) -> None:
    """Write a config for your data and model; or the demo, ready for `seqbench run`.

    A file's items are imported and split into `data` beside the config.
    """
    from seqbench.errors import ConfigError

    if data is None and model is None and target.suffix not in (".yaml", ".yml"):
        from seqbench.demo import write_demo

        if any((sequence, label, split_column, task)):
            raise ConfigError(f"config init {target}: --label and the like go with --data and --model")
        config = write_demo(target, seed=seed)
        typer.echo(f"{config} is ready. Next:\n  seqbench run {config}")
        return
    from seqbench.suggest.write import write_config

    lacking = [
        text for given, text in ((data, "--data FILE_OR_FOLDER"), (model, "--model FOLDER")) if not given
    ]
    if target.suffix not in (".yaml", ".yml"):
        lacking.append("a name that ends in .yaml for the config")
    if data is None or model is None or lacking:
        demo = "; a folder's name alone writes the demo" if data is None and model is None else ""
        raise ConfigError(f"config init {target}: give {' and '.join(lacking)}{demo}")
    choices = choices_of(sequence, label, split_column, task)
    say(write_config(target, data, model, choices, reporter()).said)
    shown = quote(str(relative(target.absolute())))
    typer.echo(f"{shown} written. Next:\n  seqbench plan {shown}\n  seqbench run {shown}")


@app.command()
def check(config: ConfigPath, set_: Overrides = None) -> None:
    """See that a config is right: keys, values, models' folders and data sets. Computes nothing.

    `seqbench datasets check` reads the data, `seqbench models check` runs the models.
    """
    from seqbench.stages.workspace import Workspace

    told = reporter()
    whole = load_whole(config, set_, told)
    loaded = whole.config
    resolved = Workspace(loaded, told).resolved
    for warning in resolved.warnings:
        told.note(f"warning: {warning}")
    for line in whole.controls:
        told.note(line)
    said = [
        ("models", ", ".join(model.name for model in loaded.models) or "none"),
        ("data sets", ", ".join(spec.name for spec in resolved.specs) or "none"),
        ("heads", f"{', '.join(loaded.probe.heads)}; seeds {', '.join(map(str, loaded.probe.seeds))}"),
        ("results", f"{relative(loaded.catalog)} and {relative(loaded.report.out)}"),
    ]
    say(said)
    typer.echo(f"{config} is right")


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
