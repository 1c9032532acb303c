"""Layer figures on sheets: a panel a data set, with its title, plot and legend.

All lengths are points (1/72 inch).
"""

from collections.abc import Mapping

from seqbench.metrics import higher_is_better
from seqbench.report.figures.canvas import Canvas, shorten, text_width
from seqbench.report.figures.labels import draw_labels
from seqbench.report.figures.legend import draw_legend, legend_height
from seqbench.report.figures.panels import LayerFigure, Panel
from seqbench.report.figures.plot import draw_plot
from seqbench.report.figures.style import INK, MUTED, SMALL_PT, TITLE_PT, Look

PANEL_WIDTH = 280.0
GAP = 22.0
_EDGE = 16.0
_HEAD = 44.0
"""Title and key of a figure."""
_TITLE = 20.0
_PLOT = 132.0
_X_AXIS = 25.0
_Y_AXIS = 32.0


def draw_figure(figure: LayerFigure, looks: Mapping[str, Look]) -> Canvas:
    """All panels of a figure on one sheet, at most three side by side; the caller sets the house style."""
    columns = 2 if len(figure.panels) == 4 else min(3, len(figure.panels))
    width = PANEL_WIDTH if columns > 1 else 1.5 * PANEL_WIDTH
    rows = [figure.panels[start : start + columns] for start in range(0, len(figure.panels), columns)]
    heights = [max(panel_height(panel, width) for panel in row) for row in rows]
    sheet_width = 2 * _EDGE + columns * width + (columns - 1) * GAP
    canvas = Canvas(sheet_width, 2 * _EDGE + _HEAD + sum(heights) + GAP * (len(rows) - 1))
    _draw_head(canvas, figure)
    top = _EDGE + _HEAD
    for row, height in zip(rows, heights, strict=True):
        for column, panel in enumerate(row):
            draw_panel(canvas, panel, looks, left=_EDGE + column * (width + GAP), top=top, width=width)
        top += height + GAP
    return canvas


def draw_alone(panel: Panel, looks: Mapping[str, Look]) -> Canvas:
    """One panel on its own sheet, for pages that arrange panels themselves."""
    canvas = Canvas(PANEL_WIDTH, panel_height(panel, PANEL_WIDTH))
    draw_panel(canvas, panel, looks, left=0, top=0, width=PANEL_WIDTH)
    return canvas


def panel_height(panel: Panel, width: float) -> float:
    """How tall a panel with its legend is."""
    return _TITLE + _PLOT + _X_AXIS + legend_height(panel, width)


def draw_panel(
    canvas: Canvas, panel: Panel, looks: Mapping[str, Look], *, left: float, top: float, width: float
) -> None:
    """Draw one data set with its upper left corner at (left, top)."""
    items = f"{panel.n_test:,} test items"
    room = width - text_width(items, SMALL_PT) - 8
    canvas.text(left, top + 11, shorten(panel.dataset, room, TITLE_PT), size=TITLE_PT, weight="bold")
    canvas.text(left + width, top + 11, items, size=SMALL_PT, color=MUTED, ha="right")
    axes = canvas.axes(left + _Y_AXIS, top + _TITLE, width - _Y_AXIS, _PLOT)
    draw_plot(axes, panel, looks)
    draw_labels(axes, panel, width - _Y_AXIS, _PLOT)
    draw_legend(canvas, panel, looks, left=left, top=top + _TITLE + _PLOT + _X_AXIS, width=width)


def _draw_head(canvas: Canvas, figure: LayerFigure) -> None:
    better = "" if higher_is_better(figure.metric) else " (lower is better)"
    seeds = f", mean of {figure.n_probes} seeds" if figure.n_probes > 1 else ""
    y = _EDGE + 10
    title = f"{figure.metric} on test by layer{better}"
    canvas.text(_EDGE, y, title, size=TITLE_PT + 2.5, weight="bold")
    canvas.text(canvas.width - _EDGE, y, f"head: {figure.head}{seeds}", color=MUTED, ha="right")
    _draw_key(canvas, _EDGE + 5, y + 18)


def _draw_key(canvas: Canvas, x: float, y: float) -> None:
    for marker, size, face, words in (
        ("*", 9.0, INK, "layer chosen on eval"),
        ("o", 6.5, "none", "best on test (oracle)"),
    ):
        canvas.line([x], [y - 3], marker=marker, ms=size, mfc=face, mec=INK, mew=0.9)
        canvas.text(x + 9, y, words, size=SMALL_PT, color=MUTED)
        x += 22 + text_width(words, SMALL_PT)
    canvas.line([x - 5, x + 7], [y - 3, y - 3], lw=7, color=INK, alpha=0.16, solid_capstyle="butt")
    canvas.text(x + 12, y, "bootstrap interval", size=SMALL_PT, color=MUTED)
