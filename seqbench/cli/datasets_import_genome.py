"""`seqbench datasets import`: the forms whose sequences a genome has."""

from typing import Annotated

import typer

from seqbench.cli import import_options as options
from seqbench.cli.import_run import import_source


@options.with_common
def bed(
    common: options.Common,
    genome: options.GenomeFile,
    inputs: options.Inputs = None,
    train: options.TrainFiles = None,
    eval: options.EvalFiles = None,
    test: options.TestFiles = None,
    label_column: Annotated[
        int | None, typer.Option(help="Column of the label, from 1; the file's name if not given.")
    ] = None,
    window: Annotated[int | None, typer.Option(help="Letters around the interval's middle.")] = None,
    flanks: Annotated[int, typer.Option(help="Letters added on both sides.")] = 0,
    ignore_strand: options.IgnoreStrand = False,
    blocks: Annotated[
        options.BlockChoice | None,
        typer.Option(help="Of BED12: join takes exons alone, whole takes what lies between as well."),
    ] = None,
    out_of_range: options.Edge = options.EdgePolicy.ERROR,
) -> None:
    """Import BED intervals, whose sequences a genome has."""
    from seqbench.datasets.importing.bed import BedSource, WindowRule

    rule = WindowRule(
        window=window,
        flanks=flanks,
        stranded=not ignore_strand,
        out_of_range=out_of_range.value,
        joins=blocks is options.BlockChoice.JOIN,
    )
    made = BedSource(
        files=options.split_files(inputs, train, eval, test),
        genome=genome,
        rule=rule,
        label_column=label_column,
        blocks=None if blocks is None else blocks.value,
    )
    import_source(made, common, options.CaseChoice.UPPER)


@options.with_common
def gff(
    common: options.Common,
    genome: options.GenomeFile,
    feature: options.Features,
    inputs: options.Inputs = None,
    train: options.TrainFiles = None,
    eval: options.EvalFiles = None,
    test: options.TestFiles = None,
    label_attribute: Annotated[
        str | None, typer.Option(help="Attribute of the label, of a feature or its parents.")
    ] = None,
    parts: Annotated[
        options.PartChoice, typer.Option(help="join makes one item of the features of a parent.")
    ] = options.PartChoice.EACH,
    window: Annotated[int | None, typer.Option(help="Letters around the feature's middle.")] = None,
    flanks: Annotated[int, typer.Option(help="Letters added on both sides.")] = 0,
    ignore_strand: options.IgnoreStrand = False,
    out_of_range: options.Edge = options.EdgePolicy.ERROR,
) -> None:
    """Import features of GFF3 or GTF, whose sequences a genome has."""
    from seqbench.datasets.importing.bed import WindowRule
    from seqbench.datasets.importing.gff import GffSource

    rule = WindowRule(
        window=window,
        flanks=flanks,
        stranded=not ignore_strand,
        out_of_range=out_of_range.value,
        joins=parts is options.PartChoice.JOIN,
    )
    made = GffSource(
        files=options.split_files(inputs, train, eval, test),
        genome=genome,
        features=tuple(dict.fromkeys(feature)),
        label_attribute=label_attribute,
        parts=parts.value,
        rule=rule,
    )
    import_source(made, common, options.CaseChoice.UPPER)


@options.with_common
def genbank(
    common: options.Common,
    feature: options.Features,
    inputs: options.Inputs = None,
    train: options.TrainFiles = None,
    eval: options.EvalFiles = None,
    test: options.TestFiles = None,
    label_qualifier: Annotated[
        str | None, typer.Option(help="Qualifier of the label, such as product.")
    ] = None,
    ignore_strand: options.IgnoreStrand = False,
) -> None:
    """Import features of GenBank files, which hold their sequences."""
    from seqbench.datasets.importing.genbank import GenBankSource

    made = GenBankSource(
        files=options.split_files(inputs, train, eval, test),
        features=tuple(dict.fromkeys(feature)),
        label_qualifier=label_qualifier,
        stranded=not ignore_strand,
    )
    import_source(made, common, options.CaseChoice.UPPER)


@options.with_common
def vcf(
    common: options.Common,
    genome: options.GenomeFile,
    window: Annotated[int, typer.Option(help="Letters of each of the two sequences.")],
    inputs: options.Inputs = None,
    train: options.TrainFiles = None,
    eval: options.EvalFiles = None,
    test: options.TestFiles = None,
    label_info: Annotated[
        str | None, typer.Option(help="INFO key of the label; the file's name if not given.")
    ] = None,
    on_mismatch: Annotated[
        options.Policy, typer.Option(help="Variants whose reference allele the genome does not have.")
    ] = options.Policy.ERROR,
    out_of_range: options.Edge = options.EdgePolicy.ERROR,
) -> None:
    """Import VCF variants as pairs of a reference and an alternate window."""
    from seqbench.datasets.importing.vcf import VcfSource

    made = VcfSource(
        files=options.split_files(inputs, train, eval, test),
        genome=genome,
        window=window,
        label_info=label_info,
        on_mismatch=on_mismatch.value,
        out_of_range=out_of_range.value,
    )
    import_source(made, common, options.CaseChoice.UPPER)
