"""The legend of a panel: a line a model that is also a small table of the chosen layer and its scores.

All lengths are points (1/72 inch).
"""

from collections.abc import Mapping

from seqbench.report.figures.canvas import Canvas
from seqbench.report.figures.letters import shorten, text_width
from seqbench.report.figures.panels import Line, Panel
from seqbench.report.figures.sheet import draw_sample
from seqbench.report.figures.style import MUTED, SMALL_PT, Look
from seqbench.report.tables.table import readable

DIGITS = 3
_ROW = 12.5
_NAMES_FROM = 30.0
_MIN_NAME = 90.0
"""Room that names get at least; where columns leave less, the other metrics go below the name."""
_MIN_COLUMN = 34.0
_NAMED_GAP = "   "


def legend_height(panel: Panel, width: float) -> float:
    """How tall the legend is: a line of headings, and for each model a line and what goes below it."""
    below = len(_below(panel, width))
    return _ROW * (1 + len(panel.lines) * (1 + below))


def draw_legend(
    canvas: Canvas, panel: Panel, looks: Mapping[str, Look], *, left: float, top: float, width: float
) -> None:
    """Draw the legend with its upper left corner at (left, top)."""
    below = _below(panel, width)
    heads = ("layer", panel.metric) if below else ("layer", panel.metric, *panel.others)
    widths = [_column(head) for head in heads]
    ends = [left + width - sum(widths[index + 1 :]) for index in range(len(widths))]
    y = top + 8
    for head, end in zip(heads, ends, strict=True):
        canvas.text(end, y, head, size=SMALL_PT, color=MUTED, align="right")
    room = width - _NAMES_FROM - sum(widths) - 4
    for line in panel.lines:
        y += _ROW
        draw_sample(canvas, left, y - 3, looks[line.model])
        canvas.text(left + _NAMES_FROM, y, shorten(line.model, room))
        for words, end in zip(_cells(line)[: len(ends)], ends, strict=True):
            canvas.text(end, y, words, align="right")
        values = dict(zip(panel.others, line.others, strict=True))
        for names in below:
            y += _ROW
            words = _NAMED_GAP.join(_named(name, values[name]) for name in names)
            canvas.text(left + _NAMES_FROM, y, words, size=SMALL_PT, color=MUTED)


def _column(head: str) -> float:
    return max(_MIN_COLUMN, text_width(head, SMALL_PT) + 8)


def _below(panel: Panel, width: float) -> list[tuple[str, ...]]:
    """Other metrics that have no column, by the line below the name that they stand on."""
    columns = sum(map(_column, ("layer", panel.metric, *panel.others)))
    if width - _NAMES_FROM - columns >= _MIN_NAME:
        return []
    rows: list[tuple[str, ...]] = []
    for name in panel.others:
        longer = (*rows[-1], name) if rows else (name,)
        words = _NAMED_GAP.join(_named(each, -0.5) for each in longer)
        if rows and text_width(words, SMALL_PT) <= width - _NAMES_FROM:
            rows[-1] = longer
        else:
            rows.append((name,))
    return rows


def _named(name: str, value: float | None) -> str:
    return f"{name} {readable(value, DIGITS)}"


def _cells(line: Line) -> tuple[str, ...]:
    choice = line.choice
    layer = readable(None) if choice is None or line.is_level else str(choice.layer)
    value = None if choice is None else choice.test.value
    return (layer, readable(value, DIGITS), *(readable(other, DIGITS) for other in line.others))
