"""The words in a plot: layer and value beside each star, and the name of the ceiling, where they hide least.

Coordinates are points from the lower left corner of the axes.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from seqbench.metrics import higher_is_better
from seqbench.report.figures.canvas import text_width
from seqbench.report.figures.panels import Line, Panel
from seqbench.report.figures.placing import Box, along, place
from seqbench.report.figures.style import BACKGROUND, INK, MUTED, SMALL_PT
from seqbench.report.tables.table import readable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DIGITS = 3
_SIZE_PT = 8.0
_MOST_LABELLED = 3
"""Lines whose stars are all labelled; among more only the best one's is, the legend holding all numbers."""
_STAR = 4.5
_RING = 7.5
"""Half the width of a star, and of one with the oracle's ring around it."""

_At = Callable[[float, float], tuple[float, float]]
"""From layer and score to points."""


def draw_labels(axes: "Axes", panel: Panel, width: float, height: float) -> None:
    """Label the plot of a panel in axes of so many points, whose limits are set."""
    frame = Box(left=0, bottom=0, right=width, top=height)
    (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()

    def at(x: float, y: float) -> tuple[float, float]:
        return (x - x0) / (x1 - x0) * width, (y - y0) / (y1 - y0) * height

    drawn = _obstacles(panel, at, width)
    taken: list[Box] = []
    for line in _labelled(panel):
        choice = line.choice
        if choice is None or choice.test.value is None:
            continue
        words = f"layer {choice.layer}: {readable(choice.test.value, _DIGITS)}"
        size = (text_width(words, _SIZE_PT), _SIZE_PT)
        around = _RING if choice.layer == choice.oracle_layer else _STAR
        box = place(at(choice.layer, choice.test.value), around, size, frame, drawn, taken)
        _write(axes, box, words, frame, color=INK, size=_SIZE_PT)
        taken.append(box)
    if panel.ceiling is not None:
        words = f"ceiling {readable(panel.ceiling, _DIGITS)}"
        size = (text_width(words, SMALL_PT), SMALL_PT)
        box = place(at(x0, panel.ceiling), 0, size, frame, drawn, taken)
        _write(axes, box, words, frame, color=MUTED, size=SMALL_PT)


def _labelled(panel: Panel) -> Sequence[Line]:
    lines = [line for line in panel.lines if not line.is_level and line.choice is not None]
    if len(lines) <= _MOST_LABELLED:
        return lines
    return [max(lines, key=lambda line: _goodness(line, higher_is_better(panel.metric)))]


def _goodness(line: Line, higher: bool) -> float:
    value = None if line.choice is None else line.choice.test.value
    if value is None:
        return -float("inf")
    return value if higher else -value


def _obstacles(panel: Panel, at: _At, width: float) -> list[tuple[float, float]]:
    """Points along everything that a label should not hide."""
    points: list[tuple[float, float]] = []
    levels = [value for line in panel.lines if line.is_level for value in line.values if value is not None]
    for level in levels if panel.ceiling is None else [*levels, panel.ceiling]:
        up = at(0, level)[1]
        points += along([(0, up), (width, up)])
    for line in panel.lines:
        if not line.is_level:
            known = zip(line.layers, line.values, strict=True)
            points += along([at(layer, value) for layer, value in known if value is not None])
            points += _around_marks(line, at)
    return points


def _around_marks(line: Line, at: _At) -> list[tuple[float, float]]:
    choice = line.choice
    if choice is None:
        return []
    around = _RING if choice.layer == choice.oracle_layer else _STAR
    points: list[tuple[float, float]] = []
    for layer, value in ((choice.layer, choice.test.value), (choice.oracle_layer, choice.oracle_score)):
        if layer is not None and value is not None:
            x, y = at(layer, value)
            points += [(x + dx, y + dy) for dx in (-around, 0, around) for dy in (-around, 0, around)]
    return points


def _write(axes: "Axes", box: Box, words: str, frame: Box, *, color: str, size: float) -> None:
    axes.text(
        (box.left + box.right) / 2 / frame.right,
        (box.bottom + 0.12 * size) / frame.top,
        words,
        transform=axes.transAxes,
        fontsize=size,
        color=color,
        ha="center",
        va="baseline",
        zorder=6,
        bbox={"facecolor": BACKGROUND, "alpha": 0.75, "pad": 0.5, "lw": 0},
    )
