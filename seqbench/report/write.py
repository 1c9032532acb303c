"""Making a report: everything that is wanted, from the catalog into one folder."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from seqbench.catalog import Catalog
from seqbench.core.atomic import remove_stale
from seqbench.core.progress import Reporter
from seqbench.core.types import FigureFormat, TableFormat, check_name
from seqbench.errors import CatalogError
from seqbench.report.analyse import analyse
from seqbench.report.analysis import Analysis
from seqbench.report.figures.drawn import Drawn, draw_all
from seqbench.report.figures.every import figures
from seqbench.report.files import write_file
from seqbench.report.page.document import render_page
from seqbench.report.selection import Selection
from seqbench.report.summary import summarize
from seqbench.report.tables.card import carded_models, model_index
from seqbench.report.tables.every import forms, tables

PAGE = "index.html"
TABLES, FIGURES, CARDS = "tables", "figures", "tables/model-index"
"""Folders of the report."""
MADE = ".made.json"
"""Lists what the last report made, so that what a later one no longer makes does not stay and mislead."""

MetricChoice = str | tuple[str, ...]
"""One metric, or several that are looked at together, as in the config."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSettings:
    """What is made, and where."""

    out: Path
    """Folder of all files; made if need be. Files in it that no report made are left alone."""
    best_table: tuple[MetricChoice, ...]
    layer_figure: tuple[MetricChoice, ...]
    table_formats: tuple[TableFormat, ...] = ("tsv", "md")
    figure_formats: tuple[FigureFormat, ...] = ("png", "svg")
    processes: int = 1
    """How many draw at once; see `seqbench.report.figures.drawn.draw_all`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOutcome:
    """What was made, and what it says in short."""

    files: tuple[Path, ...]
    """All files of the report, the page last; those that would not have changed were left as they were."""
    page: Path
    sentences: tuple[str, ...]
    """The summary, as short as for a terminal; the page tells more of gains."""
    analysis: Analysis


def write_report(
    *, catalog: Catalog, selection: Selection, settings: ReportSettings, reporter: Reporter
) -> ReportOutcome:
    """Write tables, figures and the page.

    The same catalog gives the same bytes, and a file that would not change is left alone. Each is put in
    place whole, so whoever reads a report while it is made anew never sees half a file.

    Args:
        catalog: Where the results are; comparisons that are made are recorded there.
        selection: Models, data sets and heads to show, in this order.
        settings: Tables, figures and the folder.
        reporter: Shows progress of comparing and drawing.

    Raises:
        CatalogNotFoundError: There is no catalog.
        CatalogError: It can't be read, or holds neither results nor failures of the selection, nor bits.
        ConfigError: The folder can't be written, or a model's name can't be that of a file.
    """
    remove_stale(settings.out, depth=2)
    analysis = analyse(catalog, selection, reporter)
    results = analysis.results
    if not (results.curves or results.trained or results.failed or results.bits):
        raise CatalogError(
            f"catalog {catalog.path} holds no results of the config's models, data sets and heads"
            f"{_narrowed(selection)}: run `seqbench probe`"
        )
    files = [*_tables(analysis, settings), *_cards(analysis, settings.out)]
    files += _figures(analysis, settings, reporter)
    linked = [path.relative_to(settings.out).as_posix() for path in files]
    page = write_file(settings.out / PAGE, render_page(analysis, files=linked))
    _forget_others(settings.out, [*linked, PAGE])
    sentences = summarize(analysis, brief=True)
    return ReportOutcome(files=(*files, page), page=page, sentences=sentences, analysis=analysis)


def _narrowed(selection: Selection) -> str:
    return "" if selection.since is None else f" since {selection.since:%Y-%m-%d %H:%M} UTC"


def _names(choice: MetricChoice) -> tuple[str, ...]:
    return (choice,) if isinstance(choice, str) else choice


def _tables(analysis: Analysis, settings: ReportSettings) -> Iterator[Path]:
    for table in tables(analysis, [_names(choice) for choice in settings.best_table]):
        for form, content in forms(table, settings.table_formats):
            yield write_file(settings.out / TABLES / f"{table.name}.{form}", content)


def _cards(analysis: Analysis, out: Path) -> Iterator[Path]:
    for model in carded_models(analysis):
        yield write_file(out / CARDS / f"{check_name(model, 'model')}.yml", model_index(analysis, model))


def _figures(analysis: Analysis, settings: ReportSettings, reporter: Reporter) -> Iterator[Path]:
    wanted = list(figures(analysis, [_names(choice) for choice in settings.layer_figure]))
    drawn = Drawn(settings.out / FIGURES, settings.figure_formats)
    changed = [figure for figure in wanted if not drawn.has(figure)]
    if changed:
        with reporter.task("figures", len(changed), "figures") as advance:
            for figure, files in draw_all(changed, settings.figure_formats, processes=settings.processes):
                drawn.write(figure, files)
                advance(1)
    drawn.close()
    return (drawn.path(figure, form) for figure in wanted for form in settings.figure_formats)


def _forget_others(out: Path, made: Sequence[str]) -> None:
    """Remove what an earlier report made and this one does not, and write down what this one made."""
    for name in sorted(_made_before(out) - set(made)):
        path = out / name
        with suppress(OSError):
            if path.resolve().is_relative_to(out.resolve()):
                path.unlink()
    write_file(out / MADE, json.dumps(sorted(made), indent=1) + "\n")


def _made_before(out: Path) -> set[str]:
    try:
        found = json.loads((out / MADE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return set()
    return {name for name in found if isinstance(name, str)} if isinstance(found, list) else set()
