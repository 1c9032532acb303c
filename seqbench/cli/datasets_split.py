"""`seqbench datasets split`: splits that do not leak."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqbench.cli.options import console, names_of, reporter
from seqbench.core.types import Task
from seqbench.errors import ConfigError

if TYPE_CHECKING:
    from seqbench.splitting.settings import SplitSettings


class Labelled(StrEnum):
    """What labels are of."""

    ITEM = "item"
    TOKEN = "token"


class Clustering(StrEnum):
    """Who clusters."""

    AUTO = "auto"
    BUILTIN = "builtin"
    MMSEQS = "mmseqs"
    CD_HIT = "cd-hit"


Input = Annotated[
    Path, typer.Argument(metavar="INPUT", help="A JSONL file, or a folder whose splits are pooled.")
]
Out = Annotated[Path, typer.Argument(metavar="OUT", help="The folder to make; must not be there.")]
By = Annotated[
    str, typer.Option(help="What stays together: random (copies), cluster, chromosome, or group:KEY.")
]
Fractions = Annotated[str, typer.Option(help="Of train, eval and test.")]
Folds = Annotated[int | None, typer.Option(help="So many splits, in fold0, fold1 …; each item is test once.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same bytes.")]
Identity = Annotated[float, typer.Option(help="For cluster: items so alike stay together.")]
Clusterer = Annotated[Clustering, typer.Option(help="auto takes MMseqs2 or CD-HIT where installed.")]
TestGroups = Annotated[
    str | None, typer.Option("--test-groups", help="Groups that are test, such as chr8,chr9.")
]
TaskOption = Annotated[Task | None, typer.Option(help="Of the labels; told by the file if left out.")]
SeqKey = Annotated[str | None, typer.Option("--seq-key", help="Keys of the sequences, with commas between.")]
LevelOption = Annotated[
    Labelled, typer.Option("--level", help="token: a label is a list or string, one entry a letter.")
]
LabelKey = Annotated[
    str,
    typer.Option("--label-key", help="Key of the label; of several, with commas, all keep proportion."),
]


def split(
    source: Input,
    out: Out,
    by: By = "random",
    fractions: Fractions = "0.8,0.1,0.1",
    folds: Folds = None,
    seed: Seed = 0,
    identity: Identity = 0.9,
    clusterer: Clusterer = Clustering.AUTO,
    test_groups: TestGroups = None,
    task: TaskOption = None,
    seq_key: SeqKey = None,
    label_key: LabelKey = "label",
    level: LevelOption = Labelled.ITEM,
) -> None:
    """Split items into train, eval and test without leaks, and write a manifest of hashes beside them."""
    from seqbench.splitting.settings import SplitSettings, parse_by
    from seqbench.splitting.split import split_dataset

    kind, key = parse_by(by)
    first_label, *other_labels = names_of(label_key) or ["label"]
    settings = SplitSettings(
        by=kind,
        group_key=key,
        fractions=_fractions(fractions),
        folds=folds,
        held_out=names_of(test_groups),
        seed=seed,
        identity=identity,
        clusterer=clusterer.value,
        task=task,
        seq_keys=names_of(seq_key) or None,
        label_key=first_label,
        level="token" if level is Labelled.TOKEN else None,
        other_label_keys=tuple(other_labels) or None,
    )
    _show(split_dataset(source, out, settings, reporter()), settings)


def _fractions(text: str) -> tuple[float, float, float]:
    try:
        train, evaluation, test = (float(each) for each in text.split(","))
    except ValueError as error:
        raise ConfigError(f"--fractions: must be three numbers like 0.8,0.1,0.1, got {text!r}") from error
    return train, evaluation, test


def _show(manifest: dict[str, Any], settings: "SplitSettings") -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in ("split", "items", "labels"):
        table.add_column(column, justify="right" if column == "items" else "left", overflow="fold")
    first = settings.label_key if settings.other_label_keys else ""
    for place, splits in (manifest["folds"] if settings.folds else {"": manifest["splits"]}).items():
        for name, facts in splits.items():
            labels = "\n".join(
                f"{f'{key}: ' if key else ''}{_labels(each)}"
                for key, each in {first: facts["labels"], **facts.get("other_labels", {})}.items()
            )
            table.add_row(f"{place}/{name}" if place else name, f"{facts['items']:,}", Text(labels))
    shown = console()
    shown.print(table)
    together, clusterer = manifest["stay_together"], manifest["clusterer"]
    told = "" if clusterer == "none" else f"; clustered by {clusterer}"
    groups, largest = f"{together['groups']:,}", f"{together['largest']:,}"
    line = f"{groups} groups that stay together, the largest of {largest} items{told}"
    shown.print(line, markup=False, highlight=False)


def _labels(labels: Any) -> str:
    pairs = list(labels.items() if isinstance(labels, dict) else enumerate(labels))
    more = f"  … {len(pairs) - 8} more" if len(pairs) > 8 else ""
    return "  ".join(f"{name}: {value:,}" for name, value in pairs[:8]) + more
