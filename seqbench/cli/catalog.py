"""`seqbench catalog`: what is in a catalog, whether it is sound, and results in and out of it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqbench.cli.groups import WholeHelps
from seqbench.cli.options import EXIT_PARTIAL, console, names_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seqbench.catalog.merge import Merged

app = typer.Typer(
    cls=WholeHelps,
    help="Describe, check, export, import and merge catalogs.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

CatalogPath = Annotated[Path, typer.Option("--catalog", help="The catalog.")]
DEFAULT = Path("catalog.duckdb")
Names = list[str] | None


@app.command()
def info(catalog: CatalogPath = DEFAULT) -> None:
    """Show a catalog's tables with their rows, its size and format, and the last run."""
    from seqbench.catalog import open_catalog
    from seqbench.catalog.overview import overview
    from seqbench.core.progress import human

    found = overview(open_catalog(catalog))
    later = "" if found.format == found.newest_format else f" (this seqbench writes {found.newest_format})"
    out = console()

    def say(line: str) -> None:
        out.print(line, markup=False, highlight=False, soft_wrap=True)

    say(f"{catalog}: {human(found.bytes)}B, format {found.format}{later}")
    say(f"probes: {found.rows['probes']:,}, {found.failed:,} of them failed")
    if found.last_run is not None:
        run = found.last_run
        say(f"last run: {run.command}, {run.status}, {run.started_at:%Y-%m-%d %H:%M} UTC on {run.host}")
    for table, count in found.rows.items():
        say(f"{table:<{max(map(len, found.rows))}}  {count:>13,} rows")


@app.command()
def check(catalog: CatalogPath = DEFAULT) -> None:
    """Read all of a catalog and see that it fits together; exits with 3 if it does not.

    Every row of scores, curves and predictions has its probe and is there once, probes that are ok have
    scores, and their models, data sets and runs are described. Runs that were killed are told. Nothing is
    changed.
    """
    from seqbench.catalog import open_catalog
    from seqbench.catalog.check import check as look

    found = look(open_catalog(catalog))
    for line in (*found.findings, *found.remarks):
        typer.echo(line)
    if found.findings:
        typer.echo(f"{catalog}: findings: {len(found.findings)}, probes: {found.probes:,}")
        raise typer.Exit(EXIT_PARTIAL)
    typer.echo(f"{catalog}: sound, probes: {found.probes:,}")


@app.command()
def export(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A folder that is not there yet.")],
    catalog: CatalogPath = DEFAULT,
    tables: Annotated[Names, typer.Option(help="Only these tables, with commas between. Repeatable.")] = None,
    models: Annotated[Names, typer.Option(help="Only these models, with commas between. Repeatable.")] = None,
    datasets: Annotated[
        Names, typer.Option(help="Only these data sets, with commas between. Repeatable.")
    ] = None,
) -> None:
    """Write the tables of a catalog as Parquet files, with a manifest of their rows and hashes."""
    from seqbench.catalog import open_catalog
    from seqbench.catalog.exchange import export as write
    from seqbench.catalog.tables import CatalogPart

    part = CatalogPart(tables=names_of(tables), models=names_of(models), datasets=names_of(datasets))
    rows = write(open_catalog(catalog), out, part)
    typer.echo(f"{out}: {len(rows)} tables, {sum(rows.values()):,} rows")


@app.command("import")
def import_(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="What `catalog export` wrote.")],
    catalog: CatalogPath = DEFAULT,
) -> None:
    """Take over what `catalog export` wrote, as `catalog merge` takes over a catalog."""
    from seqbench.catalog import Catalog
    from seqbench.catalog.exchange import import_folder

    _tell([import_folder(Catalog(catalog), folder)])


@app.command()
def merge(
    others: Annotated[list[Path], typer.Argument(metavar="OTHER...", help="Catalogs to take results from.")],
    catalog: CatalogPath = DEFAULT,
) -> None:
    """Take over the results of other catalogs: what two machines found becomes one.

    Equal probes are kept once, a failed one gives way to one that is ok, and of models, data sets, runs and
    embeddings of one name the newest counts. It is all done or nothing; the others stay as they are.
    """
    from seqbench.catalog import Catalog
    from seqbench.catalog.merge import merge as take_over

    _tell(take_over(Catalog(catalog), others))


def _tell(done: "Sequence[Merged]") -> None:
    for one in done:
        for warning in one.warnings:
            typer.echo(f"warning: {warning}", err=True)
        typer.echo(
            f"{one.name}: probes added: {one.added:,}, in the place of failed ones: {one.replaced:,}, "
            f"there already: {one.known:,}"
        )
