"""The options that every `seqbench datasets import` takes, and what they mean to the library."""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from seqbench.core.types import SplitName, Task
from seqbench.errors import DataError

if TYPE_CHECKING:
    from seqbench.datasets.importing.files import SplitPath
    from seqbench.datasets.importing.importing import ImportSettings
    from seqbench.datasets.importing.rows import ColumnNames
    from seqbench.datasets.importing.splits import SplitRule
    from seqbench.datasets.importing.targets import TargetColumn


class Policy(StrEnum):
    """What is done with items at fault."""

    ERROR = "error"
    SKIP = "skip"


class EdgePolicy(StrEnum):
    """What is done with windows over the end of a chromosome."""

    ERROR = "error"
    SKIP = "skip"
    PAD = "pad"


class BlockChoice(StrEnum):
    """What is done with the parts of an interval."""

    JOIN = "join"
    WHOLE = "whole"


class PartChoice(StrEnum):
    """What becomes of features with one parent."""

    EACH = "each"
    JOIN = "join"


class CaseChoice(StrEnum):
    """How letters are written."""

    KEEP = "keep"
    UPPER = "upper"


class DuplicatePolicy(StrEnum):
    """What is done with ids that occur again."""

    KEEP = "keep"
    FIRST = "first"
    ERROR = "error"


Inputs = Annotated[list[Path] | None, typer.Argument(metavar="[FILE]...", help="Files without a split.")]
TrainFiles = Annotated[list[Path] | None, typer.Option("--train", help="A file of train. Repeatable.")]
EvalFiles = Annotated[list[Path] | None, typer.Option("--eval", help="A file of eval. Repeatable.")]
TestFiles = Annotated[list[Path] | None, typer.Option("--test", help="A file of test. Repeatable.")]
GenomeFile = Annotated[Path, typer.Option("--genome", help="FASTA, plain, gzip or bgzip; 2bit; GenBank.")]
Features = Annotated[
    list[str], typer.Option("--feature", help="Kind of feature that becomes items, such as CDS. Repeatable.")
]
IgnoreStrand = Annotated[
    bool, typer.Option("--ignore-strand", help="Do not reverse-complement the minus strand.")
]
Edge = Annotated[
    EdgePolicy, typer.Option("--out-of-range", help="Windows over the end of a chromosome; pad writes N.")
]


@dataclass(frozen=True, kw_only=True)
class Common:
    """The options that every kind of input takes."""

    out: Annotated[
        Path,
        typer.Option(
            "--out", help="The data set's folder, such as data/enhancers; its name is the data set's."
        ),
    ]
    split: Annotated[
        str | None, typer.Option(help="Draw splits: shares of train/eval/test, such as 0.8/0.1/0.1.")
    ] = None
    test_chromosomes: Annotated[
        str | None, typer.Option(help="Test is what lies on these, such as chr8,chr9; the rest is train.")
    ] = None
    eval_chromosomes: Annotated[str | None, typer.Option(help="Eval is what lies on these.")] = None
    task: Annotated[
        Task | None, typer.Option(help="What labels are; told from all of them if not given.")
    ] = None
    classes: Annotated[
        str | None, typer.Option(help="Names of class 0, 1 …, such as neg,pos; sorted names if not given.")
    ] = None
    missing: Annotated[Policy, typer.Option(help="Items without a label.")] = Policy.ERROR
    empty: Annotated[Policy, typer.Option(help="Items with an empty sequence.")] = Policy.ERROR
    duplicate_ids: Annotated[DuplicatePolicy, typer.Option(help="Items whose id an earlier item has.")] = (
        DuplicatePolicy.KEEP
    )
    case: Annotated[
        CaseChoice | None, typer.Option(help="Of letters; upper with a genome, else keep, if not given.")
    ] = None
    max_items: Annotated[int | None, typer.Option(min=2, help="Keep a sample of so many, in proportion.")] = (
        None
    )
    seed: Annotated[int, typer.Option(min=0, help="Of drawn splits and of the sample.")] = 0
    force: Annotated[bool, typer.Option("--force", help="Replace what an earlier import made.")] = False


def with_common(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `Common`, which it gets as the argument `common`."""
    hints = get_type_hints(Common, include_extras=True)
    extra = [
        inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if each.name == "out" else each.default,
            annotation=hints[each.name],
        )
        for each in fields(Common)
    ]
    own_hints = get_type_hints(command, include_extras=True)
    own = [
        each.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=own_hints[each.name])
        for each in inspect.signature(command).parameters.values()
        if each.name != "common"
    ]

    def wrapped(**given: Any) -> None:
        common = Common(**{each.name: given.pop(each.name) for each in fields(Common)})
        command(common=common, **given)

    wrapped.__name__, wrapped.__doc__ = command.__name__, command.__doc__
    wrapped.__annotations__ = {each.name: each.annotation for each in (*own, *extra)}
    wrapped.__signature__ = inspect.Signature([*own, *extra])  # type: ignore[attr-defined]
    return wrapped


Sequences = Annotated[
    list[str] | None, typer.Option("--sequence", help="Column of a sequence; repeat it for pairs.")
]
LabelColumns = Annotated[
    list[str] | None, typer.Option("--label", help="Column of a label; repeat it for several.")
]
Separator = Annotated[
    str | None, typer.Option("--label-separator", help="Labels are sets of names, such as a;b.")
]
IdColumn = Annotated[str | None, typer.Option("--id-column", help="Column of ids; id if there is one.")]
SplitColumn = Annotated[str | None, typer.Option("--split-column", help="Column of train, eval or test.")]
ChromColumn = Annotated[str | None, typer.Option("--chromosome-column", help="Column of chromosomes.")]
StartColumn = Annotated[str | None, typer.Option("--start-column", help="Column of starts, from 0.")]
EndColumn = Annotated[str | None, typer.Option("--end-column", help="Column of ends, exclusive.")]
StrandColumn = Annotated[str | None, typer.Option("--strand-column", help="Column of strands, + or -.")]


def split_files(
    inputs: list[Path] | None, train: list[Path] | None, eval_: list[Path] | None, test: list[Path] | None
) -> "list[SplitPath]":
    """The files of a command and their splits.

    Raises:
        DataError: As `seqbench.datasets.importing.files.split_paths`.
    """
    from seqbench.datasets.importing.files import split_paths

    return split_paths(inputs or [], train or [], eval_ or [], test or [])


def column_names(sequence: list[str] | None, label: list[str] | None, *single: str | None) -> "ColumnNames":
    """The columns that a table's options name; `single` in the order of the options."""
    from seqbench.datasets.importing.rows import ColumnNames

    id_, split, chrom, start, end, strand = single
    return ColumnNames(
        sequences=tuple(sequence or ()),
        labels=tuple(label or ()),
        id=id_,
        split=split,
        chrom=chrom,
        start=start,
        end=end,
        strand=strand,
    )


def target_columns(
    texts: list[str] | None, labels: list[str] | None, common: Common
) -> "tuple[TargetColumn, ...]":
    """The targets that options name.

    Raises:
        DataError: One is named wrongly or twice, or an option goes with one label only.
    """
    from seqbench.datasets.importing.targets import target_column

    if not texts:
        return ()
    for option, value in (("--label", labels), ("--task", common.task), ("--classes", common.classes)):
        if value:
            raise DataError(f"{option} and --target exclude each other (each target has NAME=COLUMN:TASK)")
    found = tuple(target_column(text) for text in texts)
    names = [each.name for each in found]
    if again := next((name for name in names if names.count(name) > 1), None):
        raise DataError(f"--target {again} is given {names.count(again)} times")
    return found


def separator(text: str | None) -> str | None:
    """Check the text between the names of a set.

    Raises:
        DataError: It is empty.
    """
    if text == "":
        raise DataError("--label-separator must be some text, such as ;")
    return text


def import_settings(common: Common, default: CaseChoice) -> "ImportSettings":
    """What an import is told beside its source.

    Args:
        common: The options.
        default: How letters are written if no option says so.

    Raises:
        DataError: An option is wrong, or two exclude each other.
    """
    from seqbench.datasets.importing.importing import ImportSettings
    from seqbench.datasets.importing.labels import LabelRule
    from seqbench.datasets.importing.spool import ItemRule

    classes = None if common.classes is None else tuple(each.strip() for each in common.classes.split(","))
    if classes is not None and (len(set(classes)) != len(classes) or not all(classes)):
        raise DataError(f"--classes {common.classes}: must be different names with commas between them")
    return ImportSettings(
        out=common.out,
        items=ItemRule(
            case=(common.case or default).value,
            missing=common.missing.value,
            empty=common.empty.value,
            duplicate_ids=common.duplicate_ids.value,
        ),
        labels=LabelRule(task=common.task, classes=classes),
        splits=_split_rule(common),
        max_items=common.max_items,
        seed=common.seed,
        force=common.force,
    )


def _split_rule(common: Common) -> "SplitRule":
    from seqbench.datasets.importing.splits import SplitRule, fractions_of, plain_chromosome

    chromosomes: dict[str, SplitName] = {}
    lists: tuple[tuple[SplitName, str | None], ...] = (
        ("test", common.test_chromosomes),
        ("eval", common.eval_chromosomes),
    )
    for split, text in lists:
        for name in re.split(r"[,\s]+", text.strip(", ")) if text else ():
            if chromosomes.setdefault(plain_chromosome(name), split) != split:
                raise DataError(f"{name} is among both --test-chromosomes and --eval-chromosomes")
    if chromosomes and common.split is not None:
        raise DataError("--split and --test-chromosomes exclude each other: give one")
    if common.eval_chromosomes and not common.test_chromosomes:
        raise DataError("--eval-chromosomes needs --test-chromosomes")
    fractions = None if common.split is None else fractions_of(common.split)
    return SplitRule(fractions=fractions, chromosomes=chromosomes or None)
