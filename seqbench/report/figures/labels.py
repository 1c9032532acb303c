"""The words in a layer plot, beside stars and the ceiling, where they hide least."""

from collections.abc import Sequence

from seqbench.metrics import higher_is_better
from seqbench.report.figures.canvas import Canvas, Point
from seqbench.report.figures.letters import text_width
from seqbench.report.figures.panels import Line, Panel
from seqbench.report.figures.placing import Box, along, place
from seqbench.report.figures.plot import Scales
from seqbench.report.figures.style import INK, MUTED, SMALL_PT
from seqbench.report.tables.table import readable

_DIGITS = 3
_SIZE_PT = 8.0
_MOST_LABELLED = 3
"""Lines whose stars are all labelled; among more only the best one's is, the legend holding all numbers."""
_STAR = 4.5
_RING = 7.5
"""Half the width of a star, and of one with the oracle's ring around it."""


def draw_labels(canvas: Canvas, panel: Panel, box: Box, scales: Scales) -> None:
    """Label a plot; a label for which there is no room without hiding another is left out."""
    x, y = scales
    drawn = _obstacles(panel, scales)
    taken: list[Box] = []
    for line in _labelled(panel):
        choice = line.choice
        if choice is None or choice.test.value is None:
            continue
        words = f"layer {choice.layer}: {readable(choice.test.value, _DIGITS)}"
        around = _RING if choice.layer == choice.oracle_layer else _STAR
        mark = (x(choice.layer), y(choice.test.value))
        size = (text_width(words, _SIZE_PT), _SIZE_PT)
        _write(canvas, words, place(mark, around, size, box, drawn, taken), taken, INK)
    if panel.ceiling is not None:
        words = f"ceiling {readable(panel.ceiling, _DIGITS)}"
        size = (text_width(words, SMALL_PT), SMALL_PT)
        mark = (box.left, y(panel.ceiling))
        _write(canvas, words, place(mark, 0, size, box, drawn, taken), taken, MUTED)


def _write(canvas: Canvas, words: str, spot: Box | None, taken: list[Box], color: str) -> None:
    if spot is not None:
        middle, base = (spot.left + spot.right) / 2, spot.bottom - 0.12 * spot.height
        canvas.text(middle, base, words, size=spot.height, color=color, align="center", halo=True)
        taken.append(spot)


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


def _obstacles(panel: Panel, scales: Scales) -> list[Point]:
    """Points along everything that a label should not hide."""
    x, y = scales
    points: list[Point] = []
    levels = [value for line in panel.lines if line.is_level for value in line.values if value is not None]
    for level in levels if panel.ceiling is None else [*levels, panel.ceiling]:
        points += along([(x.start, y(level)), (x.end, y(level))])
    for line in panel.lines:
        if not line.is_level:
            known = zip(line.layers, line.values, strict=True)
            points += along([(x(layer), y(value)) for layer, value in known if value is not None])
            points += _around_marks(line, scales)
    return points


def _around_marks(line: Line, scales: Scales) -> list[Point]:
    choice = line.choice
    if choice is None:
        return []
    x, y = scales
    around = _RING if choice.layer == choice.oracle_layer else _STAR
    sides = (-around, 0.0, around)
    points: list[Point] = []
    for layer, value in ((choice.layer, choice.test.value), (choice.oracle_layer, choice.oracle_score)):
        if layer is not None and value is not None:
            points += [(x(layer) + dx, y(value) + dy) for dx in sides for dy in sides]
    return points
