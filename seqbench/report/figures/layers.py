"""Layer figures: score against layer, a panel a data set with its plot and legend."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from seqbench.metrics import higher_is_better
from seqbench.report.analysis import Analysis
from seqbench.report.figures.canvas import Canvas
from seqbench.report.figures.figure import Figure, join, page_name, page_words
from seqbench.report.figures.labels import draw_labels
from seqbench.report.figures.legend import draw_legend, legend_height
from seqbench.report.figures.letters import shorten, text_width
from seqbench.report.figures.panels import LayerFigure, Panel, layer_figures
from seqbench.report.figures.placing import Box
from seqbench.report.figures.plot import X_AXIS, draw_plot, tracks_height
from seqbench.report.figures.sheet import EDGE, INNER, body_room, new_page, pages
from seqbench.report.figures.style import INK, MUTED, SMALL_PT, TITLE_PT, Look, looks

_GAP = 20.0
_HALF = (INNER - _GAP) / 2
_KEY = 18.0
_TITLE = 20.0
_PLOT = 110.0
_ALONE = 190.0
"""Height of a plot, and of one that has the page for itself."""
_Y_AXIS = 32.0


def layer_pages(analysis: Analysis, metrics: Sequence[str]) -> Iterator[Figure]:
    """The layer figures of a metric, one a head and page."""
    models = looks(analysis.results.models)
    for figure in layer_figures(analysis.results, metrics, analysis.layers):
        shared = pages(figure.panels, _height, body_room(0, _KEY) + _GAP, 2)
        for number, panels in enumerate(shared):
            names = ", ".join(panel.dataset for panel in panels)
            page = page_words(number, len(shared))
            yield Figure(
                name=page_name(figure.name, number),
                title=join(_title(figure), f"head {figure.head}", page),
                alt=f"Line charts of {figure.metric} on test against layer with the {figure.head} head, a "
                f"line a model and a star on the layer chosen on eval. Data sets: {names}.",
                draw=partial(_draw_page, figure, tuple(panels), page, models),
            )


def _title(figure: LayerFigure) -> str:
    better = "" if higher_is_better(figure.metric) else " (lower is better)"
    return f"{figure.metric} on test by layer{better}"


def _height(panel: Panel) -> float:
    """How tall a panel with its legend and the gap below is where two stand side by side."""
    return _TITLE + _PLOT + tracks_height(panel) + X_AXIS + legend_height(panel, _HALF) + _GAP


def _draw_page(figure: LayerFigure, panels: Sequence[Panel], page: str, models: Mapping[str, Look]) -> Canvas:
    alone = len(figure.panels) == 1
    width, taller = (INNER, _ALONE - _PLOT) if alone else (_HALF, 0.0)
    rows = [panels[start : start + 2] for start in range(0, len(panels), 2)]
    heights = [max(map(_height, row)) + taller for row in rows]
    seeds = f"mean of {figure.n_probes} seeds" if figure.n_probes > 1 else ""
    right = join(f"head {figure.head}", seeds, page)
    canvas, top = new_page(_KEY + sum(heights) - _GAP, _title(figure), (), right)
    _draw_key(canvas, EDGE + 5, top, tracks=any(map(tracks_height, panels)))
    top += _KEY
    for row, height in zip(rows, heights, strict=True):
        tracks = max(map(tracks_height, row))
        for column, panel in enumerate(row):
            left = EDGE + column * (width + _GAP)
            at = Box(left=left, top=top, right=left + width, bottom=top + _TITLE + _PLOT + taller)
            _draw_panel(canvas, panel, models, at, tracks)
        top += height
    return canvas


def _draw_panel(canvas: Canvas, panel: Panel, models: Mapping[str, Look], at: Box, tracks: float) -> None:
    """Draw one data set; `at` has its left and right, its top, and where its plot ends.

    `tracks` is the room for tracks, the same in panels side by side.
    """
    items = f"{panel.n_test:,} test items"
    name = shorten(panel.dataset, at.width - text_width(items, SMALL_PT) - 8, TITLE_PT, bold=True)
    canvas.text(at.left, at.top + 11, name, size=TITLE_PT, bold=True)
    canvas.text(at.right, at.top + 11, items, size=SMALL_PT, color=MUTED, align="right")
    box = Box(left=at.left + _Y_AXIS, top=at.top + _TITLE, right=at.right, bottom=at.bottom)
    draw_labels(canvas, panel, box, draw_plot(canvas, panel, models, box, tracks))
    below = at.bottom + tracks + X_AXIS
    draw_legend(canvas, panel, models, left=at.left, top=below, width=at.width)


def _draw_key(canvas: Canvas, x: float, top: float, *, tracks: bool) -> None:
    y = top + 2
    for marker, size, face, words in (
        ("*", 9.0, INK, "layer chosen on eval"),
        ("o", 6.5, "none", "best on test (oracle)"),
    ):
        canvas.marks([(x, y - 3)], marker, size, face=face, edge=INK, edge_width=0.9)
        canvas.text(x + 9, y, words, size=SMALL_PT, color=MUTED)
        x += 22 + text_width(words, SMALL_PT)
    canvas.line([(x - 5, y - 3), (x + 7, y - 3)], INK, 7, alpha=0.16)
    canvas.text(x + 12, y, "bootstrap interval", size=SMALL_PT, color=MUTED)
    if tracks:
        x += 30 + text_width("bootstrap interval", SMALL_PT)
        canvas.rectangles([(x - 5, y - 5, 12, 3.5)], [INK])
        canvas.text(x + 12, y, "layers that can't be told apart from it", size=SMALL_PT, color=MUTED)
