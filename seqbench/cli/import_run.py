"""One import from the command line, and what is told of it."""

from typing import TYPE_CHECKING

import typer

from seqbench.cli import import_options as options
from seqbench.cli.options import relative, reporter

if TYPE_CHECKING:
    from seqbench.datasets.importing.record import ItemSource


def import_source(source: "ItemSource", common: options.Common, default_case: options.CaseChoice) -> None:
    """Import, and tell what was made, left out and looks odd."""
    from seqbench.datasets.importing.importing import import_dataset

    made = import_dataset(source, options.import_settings(common, default_case), reporter())
    counts = ", ".join(f"{count:,} {split}" for split, count in made.items.items())
    tasks = ", ".join(f"{name}: {task.value}" for name, task in made.targets.items()) or made.task.value
    what = f"{tasks}, a label a letter" if made.level == "token" else tasks
    typer.echo(f"{relative(made.folder)}: {counts} ({what}, {made.alphabet})")
    if made.targets or made.level == "token":
        info = relative(made.folder.parent / "datasets_info.yaml")
        them = "targets" if made.targets else "labels"
        typer.echo(f"its {them} are described in {info}: name it as datasets.info in a config, or by --info")
    if made.names:
        shown = ", ".join(f"{number} = {name}" for number, name in list(enumerate(made.names))[:20])
        typer.echo(f"labels: {shown}{', …' if len(made.names) > 20 else ''}")
    for reason, skipped in made.skipped.items():
        first = f" (first: {skipped.places[0]})" if skipped.places else ""
        typer.echo(f"left out: {skipped.count:,} {reason}{first}", err=True)
    for warning in made.warnings:
        typer.echo(f"warning: {warning}", err=True)
