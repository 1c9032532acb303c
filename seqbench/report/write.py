"""Making a report: everything that is wanted, from the catalog into one folder."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from seqbench.catalog import Catalog
from seqbench.errors import CatalogError
from seqbench.progress import Advance, Reporter
from seqbench.report.figures.canvas import house_style
from seqbench.report.figures.draw import draw_alone, draw_figure
from seqbench.report.files import write_file
from seqbench.report.leaderboard import LeaderRow, leaderboard
from seqbench.report.page.render import DrawnFigure, DrawnPanel, render_page
from seqbench.report.figures.panels import LayerFigure, layer_figures
from seqbench.report.read import read_results
from seqbench.report.results import Failure, Place, Results, Selection
from seqbench.report.figures.style import Look, looks
from seqbench.report.summary import summarize
from seqbench.report.tables.table import Table, to_markdown, to_tsv
from seqbench.report.tables.best import best_table, last_layer_table
from seqbench.vocabulary import FigureFormat, TableFormat

PAGE = "index.html"
MetricChoice = str | tuple[str, ...]
"""One metric, or several that are looked at together, as in the config."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSettings:
    """What is made, and where."""

    out: Path
    """Folder of all files; made if need be. Files of other names in it are left alone."""
    best_table: tuple[MetricChoice, ...]
    layer_figure: tuple[MetricChoice, ...]
    table_formats: tuple[TableFormat, ...] = ("tsv", "md")
    figure_formats: tuple[FigureFormat, ...] = ("png", "svg")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOutcome:
    """What was made, and what it says in short."""

    files: tuple[Path, ...]
    """All that were written, the page last."""
    page: Path
    sentences: tuple[str, ...]
    """The summary."""
    leaderboard: tuple[LeaderRow, ...]
    ceilings: dict[str, float | None]
    """By data set, the best attainable score by the metric of the leaderboard, where it is known."""
    missing: tuple[Place, ...]
    failed: tuple[Failure, ...]


def write_report(
    *, catalog: Catalog, selection: Selection, settings: ReportSettings, reporter: Reporter
) -> ReportOutcome:
    """Write tables, figures and the page.

    The same catalog gives the same bytes. Each file is put in place whole, so whoever reads a report while it
    is made anew never sees half a file.

    Args:
        catalog: Where the results are.
        selection: Models, data sets and heads to show, in this order.
        settings: Tables, figures and the folder.
        reporter: Shows progress of the drawing.

    Raises:
        CatalogNotFoundError: There is no catalog.
        CatalogError: It can't be read, or holds neither results nor failures of the selection.
        ConfigError: The folder can't be written.
    """
    results = read_results(catalog, selection)
    if not results.curves and not results.failed:
        raise CatalogError(
            f"catalog {catalog.path} holds no results of the config's models, data sets and heads: "
            "run `seqbench probe`"
        )
    rows = leaderboard(results)
    tables = list(_tables(results, settings))
    figures = [
        figure for choice in settings.layer_figure for figure in layer_figures(results, _names(choice))
    ]
    files = [path for table in tables for path in _write_table(settings.out, table)]
    drawn = []
    with reporter.task("figures", sum(len(figure.panels) for figure in figures), "panels") as advance:
        for figure in figures:
            made, page_figure = _write_figure(settings.out, figure, looks(results.models), advance)
            files += made
            drawn.append(page_figure)
    sentences = summarize(results, rows)
    page = write_file(settings.out / PAGE, render_page(results, rows, sentences, drawn, tables))
    return ReportOutcome(
        files=(*files, page),
        page=page,
        sentences=sentences,
        leaderboard=rows,
        ceilings=_ceilings(results, rows),
        missing=results.missing,
        failed=results.failed,
    )


def _names(choice: MetricChoice) -> tuple[str, ...]:
    return (choice,) if isinstance(choice, str) else choice


def _tables(results: Results, settings: ReportSettings) -> Iterator[Table]:
    wanted = [best_table(results, _names(choice)) for choice in settings.best_table]
    for table in (*wanted, last_layer_table(results)):
        if table is not None:
            yield table


def _write_table(out: Path, table: Table) -> Iterator[Path]:
    yield write_file(out / f"{table.name}.tsv", to_tsv(table))
    yield write_file(out / f"{table.name}.md", to_markdown(table))


def _write_figure(
    out: Path, figure: LayerFigure, models: dict[str, Look], advance: Advance
) -> tuple[list[Path], DrawnFigure]:
    """Write a figure's files and draw its panels for the page."""
    panels = []
    with house_style():
        sheet = draw_figure(figure, models)
        made = [
            write_file(out / f"{figure.name}.png", sheet.png()),
            write_file(out / f"{figure.name}.svg", sheet.svg(figure.name)),
        ]
        for panel in figure.panels:
            svg = draw_alone(panel, models).svg(f"{figure.name}/{panel.dataset}")
            label = f"{figure.metric} on test by layer, {panel.dataset}, head {figure.head}"
            panels.append(DrawnPanel(label=label, svg=svg))
            advance(1)
    title = f"{figure.metric}, head {figure.head}"
    return made, DrawnFigure(title=title, name=figure.name, panels=tuple(panels))


def _ceilings(results: Results, rows: Iterable[LeaderRow]) -> dict[str, float | None]:
    metrics = {row.dataset: row.metric for row in rows}
    return {
        dataset.name: dataset.ceiling.get(metrics[dataset.name])
        for dataset in results.datasets
        if dataset.name in metrics
    }
