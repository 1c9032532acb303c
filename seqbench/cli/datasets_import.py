"""`seqbench datasets import`: what people have, as data sets."""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from seqbench.cli.options import relative, reporter
from seqbench.errors import DataError
from seqbench.vocabulary import SplitName, Task

if TYPE_CHECKING:
    from seqbench.datasets.importing.files import SplitPath
    from seqbench.datasets.importing.importing import ImportSettings
    from seqbench.datasets.importing.record import Source
    from seqbench.datasets.importing.rows import ColumnNames

app = typer.Typer(
    help="Import FASTA, tables, BED or VCF with a genome, folders and Hugging Face data sets.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class Policy(StrEnum):
    """What is done with items at fault."""

    ERROR = "error"
    SKIP = "skip"


class EdgePolicy(StrEnum):
    """What is done with windows over the end of a chromosome."""

    ERROR = "error"
    SKIP = "skip"
    PAD = "pad"


class CaseChoice(StrEnum):
    """How letters are written."""

    KEEP = "keep"
    UPPER = "upper"


class DuplicatePolicy(StrEnum):
    """What is done with ids that occur again."""

    KEEP = "keep"
    FIRST = "first"
    ERROR = "error"


class TaskChoice(StrEnum):
    """The tasks."""

    CLASSIFICATION = "classification"
    LABELS = "labels"
    REGRESSION = "regression"


Inputs = Annotated[list[Path] | None, typer.Argument(metavar="[FILE]...", help="Files without a split.")]
TrainFiles = Annotated[list[Path] | None, typer.Option("--train", help="A file of train. Repeatable.")]
EvalFiles = Annotated[list[Path] | None, typer.Option("--eval", help="A file of eval. Repeatable.")]
TestFiles = Annotated[list[Path] | None, typer.Option("--test", help="A file of test. Repeatable.")]
GenomeFile = Annotated[Path, typer.Option("--genome", help="FASTA, plain, gzip or bgzip.")]
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
        TaskChoice | None, typer.Option(help="What labels are; told from all of them if not given.")
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


def _with_common(command: Callable[..., None]) -> Callable[..., None]:
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


@app.command()
@_with_common
def fasta(
    common: Common,
    inputs: Inputs = None,
    train: TrainFiles = None,
    eval: EvalFiles = None,
    test: TestFiles = None,
    label_key: Annotated[str | None, typer.Option(help="Headers hold the label as KEY=value.")] = None,
    label_field: Annotated[
        int | None, typer.Option(help="Headers hold the label in this field, from 1; -1 is the last.")
    ] = None,
    field_separator: Annotated[str, typer.Option(help="Between fields of a header.")] = "|",
    label_regex: Annotated[
        str | None, typer.Option(help="The first group of this regular expression, in the header.")
    ] = None,
    labels: Annotated[Path | None, typer.Option(help="A table (TSV or CSV) of id and label.")] = None,
    label_by_file: Annotated[
        bool, typer.Option("--label-by-file", help="A file's name is the class of its records.")
    ] = False,
    split_key: Annotated[str | None, typer.Option(help="Headers hold the split as KEY=value.")] = None,
) -> None:
    """Import FASTA; labels come from headers, a table or the files' names."""
    from seqbench.datasets.importing import fasta as source

    ways = {
        "--label-key": label_key,
        "--label-field": label_field,
        "--label-regex": label_regex,
        "--labels": labels,
        "--label-by-file": label_by_file or None,
    }
    chosen = [f"{option} {value}" for option, value in ways.items() if value is not None]
    if len(chosen) != 1:
        raise DataError(f"say with one of {', '.join(ways)} where labels are ({len(chosen)} are given)")
    header: source.HeaderLabel | None = None
    if label_key is not None:
        header = source.label_by_key(label_key)
    elif label_field is not None:
        header = source.label_by_field(label_field, field_separator)
    elif label_regex is not None:
        header = source.label_by_regex(label_regex)
    files = _files(inputs, train, eval, test)
    made = source.FastaSource(
        files=files,
        from_header=header,
        table=labels,
        split_key=split_key,
        label_from=chosen[0].removesuffix(" True"),
    )
    _import(made, common, CaseChoice.KEEP)


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


@app.command()
@_with_common
def table(
    common: Common,
    inputs: Inputs = None,
    train: TrainFiles = None,
    eval: EvalFiles = None,
    test: TestFiles = None,
    sequence: Sequences = None,
    label: LabelColumns = None,
    label_separator: Separator = None,
    id_column: IdColumn = None,
    split_column: SplitColumn = None,
    chromosome_column: ChromColumn = None,
    start_column: StartColumn = None,
    end_column: EndColumn = None,
    strand_column: StrandColumn = None,
    delimiter: Annotated[str | None, typer.Option(help="Found out if not given; tab for TSV.")] = None,
) -> None:
    """Import CSV, TSV or Parquet; columns are taken by name."""
    from seqbench.datasets.importing.rows import TableSource
    from seqbench.datasets.importing.table import check_delimiter

    columns = _columns(
        sequence, label, id_column, split_column, chromosome_column, start_column, end_column, strand_column
    )
    made = TableSource(
        files=_files(inputs, train, eval, test),
        columns=columns,
        delimiter=check_delimiter(delimiter),
        label_separator=_separator(label_separator),
    )
    _import(made, common, CaseChoice.KEEP)


@app.command()
@_with_common
def bed(
    common: Common,
    genome: GenomeFile,
    inputs: Inputs = None,
    train: TrainFiles = None,
    eval: EvalFiles = None,
    test: TestFiles = None,
    label_column: Annotated[
        int | None, typer.Option(help="Column of the label, from 1; the file's name if not given.")
    ] = None,
    window: Annotated[int | None, typer.Option(help="Letters around the interval's middle.")] = None,
    flanks: Annotated[int, typer.Option(help="Letters added on both sides.")] = 0,
    ignore_strand: Annotated[
        bool, typer.Option("--ignore-strand", help="Do not reverse-complement the minus strand.")
    ] = False,
    out_of_range: Edge = EdgePolicy.ERROR,
) -> None:
    """Import BED intervals, whose sequences a genome has."""
    from seqbench.datasets.importing.bed import BedSource, WindowRule

    rule = WindowRule(
        window=window, flanks=flanks, stranded=not ignore_strand, out_of_range=out_of_range.value
    )
    files = _files(inputs, train, eval, test)
    _import(
        BedSource(files=files, genome=genome, rule=rule, label_column=label_column), common, CaseChoice.UPPER
    )


@app.command()
@_with_common
def vcf(
    common: Common,
    genome: GenomeFile,
    window: Annotated[int, typer.Option(help="Letters of each of the two sequences.")],
    inputs: Inputs = None,
    train: TrainFiles = None,
    eval: EvalFiles = None,
    test: TestFiles = None,
    label_info: Annotated[
        str | None, typer.Option(help="INFO key of the label; the file's name if not given.")
    ] = None,
    on_mismatch: Annotated[
        Policy, typer.Option(help="Variants whose reference allele the genome does not have.")
    ] = Policy.ERROR,
    out_of_range: Edge = EdgePolicy.ERROR,
) -> None:
    """Import VCF variants as pairs of a reference and an alternate window."""
    from seqbench.datasets.importing.vcf import VcfSource

    made = VcfSource(
        files=_files(inputs, train, eval, test),
        genome=genome,
        window=window,
        label_info=label_info,
        on_mismatch=on_mismatch.value,
        out_of_range=out_of_range.value,
    )
    _import(made, common, CaseChoice.UPPER)


@app.command()
@_with_common
def folder(
    common: Common,
    path: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Holds split/class/*.txt or split/class.csv.gz.")
    ],
    genome: Annotated[
        list[str] | None,
        typer.Option("--genome", help="FASTA for interval lists, or CLASS=FASTA. Repeatable."),
    ] = None,
    out_of_range: Edge = EdgePolicy.ERROR,
) -> None:
    """Import the folder form of Genomic Benchmarks."""
    from seqbench.datasets.importing.bed import WindowRule
    from seqbench.datasets.importing.folder import FolderSource

    genomes: dict[str, Path] = {}
    for text in genome or ():
        label, equals, file = text.partition("=")
        genomes[label if equals else ""] = Path(file if equals else text)
    rule = WindowRule(out_of_range=out_of_range.value)
    default = CaseChoice.UPPER if genomes else CaseChoice.KEEP
    _import(FolderSource(folder=path, genomes=genomes, rule=rule), common, default)


@app.command()
@_with_common
def hub(
    common: Common,
    name: Annotated[str, typer.Argument(metavar="NAME", help="owner/name on the hub, or a local folder.")],
    config: Annotated[str | None, typer.Option(help="The data set's configuration.")] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit.")] = None,
    sequence: Sequences = None,
    label: LabelColumns = None,
    label_separator: Separator = None,
    id_column: IdColumn = None,
    split_column: SplitColumn = None,
    chromosome_column: ChromColumn = None,
    start_column: StartColumn = None,
    end_column: EndColumn = None,
    strand_column: StrandColumn = None,
) -> None:
    """Import a Hugging Face data set by its name, or a folder of Parquet or Arrow files."""
    from seqbench.datasets.importing.hub import HubSource, local_files
    from seqbench.datasets.importing.rows import TableSource

    columns = _columns(
        sequence, label, id_column, split_column, chromosome_column, start_column, end_column, strand_column
    )
    separator = _separator(label_separator)
    made: Source
    if Path(name).is_dir():
        place = Path(name) / config if config else Path(name)
        made = TableSource(files=local_files(place), columns=columns, label_separator=separator, kind="hub")
    else:
        made = HubSource(
            name=name, config=config, revision=revision, columns=columns, label_separator=separator
        )
    _import(made, common, CaseChoice.KEEP)


def _files(
    inputs: list[Path] | None, train: list[Path] | None, eval_: list[Path] | None, test: list[Path] | None
) -> "list[SplitPath]":
    from seqbench.datasets.importing.files import split_paths

    return split_paths(inputs or [], train or [], eval_ or [], test or [])


def _columns(sequence: list[str] | None, label: list[str] | None, *single: str | None) -> "ColumnNames":
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


def _separator(text: str | None) -> str | None:
    if text == "":
        raise DataError("--label-separator must be some text, such as ;")
    return text


def _settings(common: Common, default: CaseChoice) -> "ImportSettings":
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
        labels=LabelRule(task=None if common.task is None else Task(common.task.value), classes=classes),
        splits=_split_rule(common),
        max_items=common.max_items,
        seed=common.seed,
        force=common.force,
    )


def _split_rule(common: Common) -> Any:
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


def _import(source: "Source", common: Common, default_case: CaseChoice) -> None:
    from seqbench.datasets.importing.importing import import_dataset

    made = import_dataset(source, _settings(common, default_case), reporter())
    counts = ", ".join(f"{count:,} {split}" for split, count in made.items.items())
    typer.echo(f"{relative(made.folder)}: {counts} ({made.task.value}, {made.alphabet})")
    if made.names:
        shown = ", ".join(f"{number} = {name}" for number, name in list(enumerate(made.names))[:20])
        typer.echo(f"labels: {shown}{', …' if len(made.names) > 20 else ''}")
    for reason, skipped in made.skipped.items():
        first = f" (first: {skipped.places[0]})" if skipped.places else ""
        typer.echo(f"left out: {skipped.count:,} {reason}{first}", err=True)
    for warning in made.warnings:
        typer.echo(f"warning: {warning}", err=True)
