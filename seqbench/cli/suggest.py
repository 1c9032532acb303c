"""`seqbench suggest`: a table and a model's folder in, the answer out."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqbench.cli.options import console, relative, reporter
from seqbench.core.types import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seqbench.suggest.columns import Choices


class LabelTask(StrEnum):
    """What labels of sequences may be."""

    CLASSIFICATION = "classification"
    LABELS = "labels"
    REGRESSION = "regression"


SequenceOption = Annotated[
    list[str] | None,
    typer.Option("--sequence", help="Column or key of a sequence; repeat it for pairs. Told from the file."),
]
LabelOption = Annotated[
    list[str] | None,
    typer.Option("--label", help="Column or key of the label; repeat it for several. Told from the file."),
]
SplitOption = Annotated[
    str | None,
    typer.Option("--split-column", help="Column of train, eval or test. Drawn if there is none."),
]
TaskChoice = Annotated[LabelTask | None, typer.Option("--task", help="What labels are. Told from the file.")]


def choices_of(
    sequence: "Sequence[str] | None", label: "Sequence[str] | None", split: str | None, task: LabelTask | None
) -> "Choices":
    """What the options say of a file."""
    from seqbench.suggest.columns import Choices

    return Choices(
        sequences=tuple(sequence or ()),
        labels=tuple(label or ()),
        split=split,
        task=None if task is None else Task(task.value),
    )


def suggest(
    data: Annotated[
        Path, typer.Argument(metavar="FILE", help="Sequences with labels: CSV, TSV, Parquet, JSONL, FASTA.")
    ],
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model's folder, or a hub id.")],
    label: LabelOption = None,
    sequence: SequenceOption = None,
    split_column: SplitOption = None,
    task: TaskChoice = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for all that comes of it; suggest-NAME if not given.")
    ] = None,
) -> None:
    """Tell which layer of a model knows most of what a table says, and how sure that is.

    Splits without leaks, extracts, probes with controls and reports. Running again goes on where it stopped.
    """
    from seqbench.cli.stages import run_and_report
    from seqbench.errors import ConfigError
    from seqbench.suggest.answer import answer
    from seqbench.suggest.prepare import dataset_name
    from seqbench.suggest.write import CONFIG, write_config

    if data.is_dir():
        raise ConfigError(
            f"{data}: is a folder; `seqbench config init my.yaml --data {data} --model {model}` takes it"
        )
    told = reporter()
    folder = out or Path(f"suggest-{dataset_name(data)}")
    choices = choices_of(sequence, label, split_column, task)
    made = write_config(folder / CONFIG, data, model, choices, told, keep=True)
    say(made.said)
    shown = relative(made.config.absolute())
    told.note(f"{shown} is there and taken as it is" if made.already else f"{shown} written")
    with run_and_report(made.config, told) as report:
        if report is not None:
            typer.echo()
            say(answer(report.analysis, Path(shown)))
            typer.echo()
            say([("config", str(shown)), ("page", str(relative(report.page.absolute())))])


def say(said: "Sequence[tuple[str, str]]") -> None:
    """Lines with a word in front of each, wrapped behind it; commands stay whole, to be pasted."""
    from textwrap import wrap

    from rich.text import Text

    out = console()
    width = max(len(word) for word, _ in said) + 2
    for word, text in said:
        if text.startswith("seqbench "):
            out.print(f"{'':{width}}{text}", soft_wrap=True, markup=False, highlight=False)
            continue
        first, *others = wrap(text, max(40, out.width - width), break_long_words=False) or [""]
        out.print(Text.assemble((f"{word:<{width}}", "bold"), first), soft_wrap=True)
        for other in others:
            out.print(f"{'':{width}}{other}", soft_wrap=True, markup=False, highlight=False)
