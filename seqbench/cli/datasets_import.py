"""`seqbench datasets import`: what people have, as data sets."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqbench.cli import import_options as options
from seqbench.cli.datasets_import_genome import bed, genbank, gff, vcf
from seqbench.cli.groups import WholeHelps
from seqbench.cli.import_run import import_source
from seqbench.errors import DataError

if TYPE_CHECKING:
    from seqbench.datasets.importing.record import ItemSource

app = typer.Typer(
    cls=WholeHelps,
    help="Import FASTA, tables, CoNLL columns, GenBank, BED, GFF or VCF with a genome, folders, Hugging Face "
    "data sets.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
@options.with_common
def fasta(
    common: options.Common,
    inputs: options.Inputs = None,
    train: options.TrainFiles = None,
    eval: options.EvalFiles = None,
    test: options.TestFiles = None,
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
    letter_labels: Annotated[
        list[Path] | None,
        typer.Option(help="FASTA of labels of letters, strings as long as the sequences. Repeatable."),
    ] = None,
    three_lines: Annotated[
        bool, typer.Option("--three-lines", help="Records are header, sequence, labels of its letters.")
    ] = False,
    split_key: Annotated[str | None, typer.Option(help="Headers hold the split as KEY=value.")] = None,
) -> None:
    """Import FASTA; labels come from headers, a table or the files' names."""
    from seqbench.datasets.importing.fasta import FastaSource
    from seqbench.datasets.importing.headers import header_label
    from seqbench.datasets.importing.letter_fasta import LetterFastaSource

    ways = {
        "--label-key": label_key,
        "--label-field": label_field,
        "--label-regex": label_regex,
        "--labels": labels,
        "--label-by-file": label_by_file or None,
        "--letter-labels": letter_labels and ", ".join(map(str, letter_labels)),
        "--three-lines": three_lines or None,
    }
    chosen = [f"{option} {value}" for option, value in ways.items() if value is not None]
    if len(chosen) != 1:
        raise DataError(f"say with one of {', '.join(ways)} where labels are ({len(chosen)} are given)")
    if letter_labels or three_lines:
        of_letters = LetterFastaSource(
            files=options.split_files(inputs, train, eval, test),
            letter_labels=tuple(letter_labels or ()),
            split_key=split_key,
            label_from=chosen[0].removesuffix(" True"),
            shape="letters",
        )
        import_source(of_letters, common, options.CaseChoice.KEEP)
        return
    made = FastaSource(
        files=options.split_files(inputs, train, eval, test),
        from_header=header_label(label_key, label_field, field_separator, label_regex),
        table=labels,
        split_key=split_key,
        label_from=chosen[0].removesuffix(" True"),
    )
    import_source(made, common, options.CaseChoice.KEEP)


@app.command()
@options.with_common
def conll(
    common: options.Common,
    inputs: options.Inputs = None,
    train: options.TrainFiles = None,
    eval: options.EvalFiles = None,
    test: options.TestFiles = None,
    letter_column: Annotated[int, typer.Option(help="Column of the letter, from 1; -1 is the last.")] = 1,
    label_column: Annotated[int, typer.Option(help="Column of its label.")] = 2,
) -> None:
    """Import columns as of CoNLL: a letter and its label a line, a blank line between sequences."""
    from seqbench.datasets.importing.conll import ConllSource

    made = ConllSource(
        files=options.split_files(inputs, train, eval, test),
        letter_column=letter_column,
        label_column=label_column,
    )
    import_source(made, common, options.CaseChoice.KEEP)


@app.command()
@options.with_common
def table(
    common: options.Common,
    inputs: options.Inputs = None,
    train: options.TrainFiles = None,
    eval: options.EvalFiles = None,
    test: options.TestFiles = None,
    sequence: options.Sequences = None,
    label: options.LabelColumns = None,
    target: Annotated[
        list[str] | None,
        typer.Option(
            "--target",
            metavar="NAME=COLUMN[:TASK]",
            help="One of several labels of an item. Repeatable; empty cells are missing labels.",
        ),
    ] = None,
    label_separator: options.Separator = None,
    id_column: options.IdColumn = None,
    split_column: options.SplitColumn = None,
    chromosome_column: options.ChromColumn = None,
    start_column: options.StartColumn = None,
    end_column: options.EndColumn = None,
    strand_column: options.StrandColumn = None,
    delimiter: Annotated[str | None, typer.Option(help="Found out if not given; tab for TSV.")] = None,
) -> None:
    """Import CSV, TSV, Parquet or JSONL; columns are taken by name."""
    from seqbench.datasets.importing.rows import TableSource
    from seqbench.datasets.importing.table import check_delimiter

    targets = options.target_columns(target, label, common)
    label = [each.column for each in targets] or label
    columns = options.column_names(
        sequence, label, id_column, split_column, chromosome_column, start_column, end_column, strand_column
    )
    made = TableSource(
        files=options.split_files(inputs, train, eval, test),
        columns=columns,
        targets=targets,
        delimiter=check_delimiter(delimiter),
        label_separator=options.separator(label_separator),
    )
    import_source(made, common, options.CaseChoice.KEEP)


for command in (bed, gff, genbank, vcf):
    app.command()(command)


@app.command()
@options.with_common
def folder(
    common: options.Common,
    path: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Holds split/class/*.txt or split/class.csv.gz.")
    ],
    genome: Annotated[
        list[str] | None,
        typer.Option("--genome", help="FASTA for interval lists, or CLASS=FASTA. Repeatable."),
    ] = None,
    out_of_range: options.Edge = options.EdgePolicy.ERROR,
) -> None:
    """Import the folder form of Genomic Benchmarks."""
    from seqbench.datasets.importing.bed import WindowRule
    from seqbench.datasets.importing.folder import FolderSource

    genomes: dict[str, Path] = {}
    for text in genome or ():
        label, equals, file = text.partition("=")
        genomes[label if equals else ""] = Path(file if equals else text)
    rule = WindowRule(out_of_range=out_of_range.value)
    default = options.CaseChoice.UPPER if genomes else options.CaseChoice.KEEP
    import_source(FolderSource(folder=path, genomes=genomes, rule=rule), common, default)


@app.command()
@options.with_common
def hub(
    common: options.Common,
    name: Annotated[str, typer.Argument(metavar="NAME", help="owner/name on the hub, or a local folder.")],
    config: Annotated[str | None, typer.Option(help="The data set's configuration.")] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit.")] = None,
    sequence: options.Sequences = None,
    label: options.LabelColumns = None,
    label_separator: options.Separator = None,
    id_column: options.IdColumn = None,
    split_column: options.SplitColumn = None,
    chromosome_column: options.ChromColumn = None,
    start_column: options.StartColumn = None,
    end_column: options.EndColumn = None,
    strand_column: options.StrandColumn = None,
) -> None:
    """Import a Hugging Face data set by its name, or a folder of Parquet or Arrow files."""
    from seqbench.datasets.importing.hub import HubSource, local_files
    from seqbench.datasets.importing.rows import TableSource

    columns = options.column_names(
        sequence, label, id_column, split_column, chromosome_column, start_column, end_column, strand_column
    )
    separator = options.separator(label_separator)
    made: ItemSource
    if Path(name).is_dir():
        place = Path(name) / config if config else Path(name)
        made = TableSource(files=local_files(place), columns=columns, label_separator=separator, kind="hub")
    else:
        made = HubSource(
            name=name, config=config, revision=revision, columns=columns, label_separator=separator
        )
    import_source(made, common, options.CaseChoice.KEEP)
