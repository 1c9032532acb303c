"""The plot of a layer panel: lines with bands, levels, ceiling, stars and rings, and the tracks below."""

from collections.abc import Mapping, Sequence

from seqbench.report.figures.canvas import Canvas, Point
from seqbench.report.figures.colors import mix
from seqbench.report.figures.panels import Line, Panel
from seqbench.report.figures.placing import Box
from seqbench.report.figures.scales import Scale, padded, tick_step, ticks
from seqbench.report.figures.sheet import draw_axes
from seqbench.report.figures.style import BACKGROUND, GRID, INK, MUTED, SMALL_PT, Look

_MOST_DOTTED = 16
"""Deepest layer of a plot whose layers are dots; with more the line would be all dots."""
_FEW_LINES = 3
_TRACK = 3.5
_TRACK_GAP = 1.5
X_AXIS = 25.0
"""Room below a plot for the numbers of layers and the word."""

Scales = tuple[Scale, Scale]
"""Across and upward."""


def tracks_height(panel: Panel) -> float:
    """How tall the tracks of layers that are as good as the chosen one are; 0 where nothing was compared."""
    tracks = sum(bool(line.as_good) for line in panel.lines)
    return tracks * (_TRACK + _TRACK_GAP) + 2 if tracks else 0.0


def draw_plot(canvas: Canvas, panel: Panel, looks: Mapping[str, Look], box: Box, below: float) -> Scales:
    """Draw a data set's lines into a box and its tracks below, and tell how numbers were placed.

    `below` is the room for tracks, at least `tracks_height`.
    """
    last = max(max(line.layers) for line in panel.lines)
    edge = 0.35 + 0.01 * last
    x = Scale(low=-edge, high=last + edge, start=box.left, end=box.right)
    low, high = padded(_ends(panel), 0.12, 0.14)
    y = Scale(low=low, high=high, start=box.bottom, end=box.top)
    numbers = [(x(layer), str(layer)) for layer in range(0, last + 1, tick_step(last))]
    draw_axes(canvas, box, numbers, [(y(value), words) for value, words in ticks(low, high)], below=below)
    middle = (box.left + box.right) / 2
    canvas.text(middle, box.bottom + below + X_AXIS - 4, "layer", size=SMALL_PT, color=MUTED, align="center")
    if panel.ceiling is not None:
        at = y(panel.ceiling)
        canvas.line([(box.left, at), (box.right, at)], INK, 1, dashes=(5, 3))
    shade = 0.13 if sum(not line.is_level for line in panel.lines) <= _FEW_LINES else 0.07
    for line in sorted(panel.lines, key=lambda line: not line.is_level):
        _draw_line(canvas, line, looks[line.model], (x, y), dots=last <= _MOST_DOTTED, shade=shade)
    for line in panel.lines:
        _draw_marks(canvas, line, looks[line.model], (x, y))
    _draw_tracks(canvas, panel, looks, x, box.bottom + 3)
    return x, y


def _ends(panel: Panel) -> list[float]:
    """The lowest and highest of everything that is drawn, and more between them."""
    ends = [value for line in panel.lines for value in (*line.values, *_band(line)) if value is not None]
    return ends if panel.ceiling is None else [*ends, panel.ceiling]


def _band(line: Line) -> tuple[float | None, ...]:
    return () if line.is_level else (*line.low, *line.high)


def _draw_line(canvas: Canvas, line: Line, look: Look, scales: Scales, *, dots: bool, shade: float) -> None:
    x, y = scales
    if line.is_level:
        level = y(next(value for value in line.values if value is not None))
        canvas.line([(x.start, level), (x.end, level)], look.color, look.width, dashes=look.dashes)
        return
    middle, low, high = (_points(line.layers, row, scales) for row in (line.values, line.low, line.high))
    canvas.area(high, low, look.color, shade)
    canvas.line(middle, look.color, look.width, dashes=look.dashes)
    if dots or len(line.layers) == 1:
        canvas.marks(middle, "o", 2.8, face=look.color, order=3)


def _points(layers: Sequence[int], values: Sequence[float | None], scales: Scales) -> list[Point]:
    x, y = scales
    nan = float("nan")
    pairs = zip(layers, values, strict=True)
    return [(x(layer), nan if value is None else y(value)) for layer, value in pairs]


def _draw_marks(canvas: Canvas, line: Line, look: Look, scales: Scales) -> None:
    choice = line.choice
    if choice is None or line.is_level:
        return
    x, y = scales
    if choice.oracle_layer is not None and choice.oracle_score is not None:
        same = choice.oracle_layer == choice.layer
        at = (x(choice.oracle_layer), y(choice.oracle_score))
        face, size = ("none", 15) if same else (BACKGROUND, 7.5)
        canvas.marks([at], "o", size, face=face, edge=look.color, edge_width=1.1)
    if choice.test.value is not None:
        at = (x(choice.layer), y(choice.test.value))
        canvas.marks([at], "*", 12, face=look.color, edge=BACKGROUND, edge_width=0.7, order=5)


def _draw_tracks(canvas: Canvas, panel: Panel, looks: Mapping[str, Look], x: Scale, top: float) -> None:
    """A track a model: filled at the layers that can't be told apart from the chosen one."""
    for line in panel.lines:
        if line.as_good:
            look = looks[line.model]
            color = mix(BACKGROUND, look.color, 0.5 if look.dashes else 1.0)
            pale = [(x.start, top, x.end - x.start, _TRACK)]
            canvas.rectangles(pale, [GRID], order=0)
            width = x(1) - x(0)
            edges = [(max(x.start, x(layer) - width / 2), x(layer) + width / 2) for layer in line.as_good]
            boxes = [(left, top, min(right, x.end) - left, _TRACK) for left, right in edges]
            canvas.rectangles(boxes, [color] * len(boxes), order=1)
            top += _TRACK + _TRACK_GAP
