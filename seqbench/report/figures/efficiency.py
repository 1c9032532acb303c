"""Data efficiency: score on test against the number of training items, a panel a data set."""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from seqbench.metrics import higher_is_better
from seqbench.report.analysis import Analysis
from seqbench.report.figures.canvas import Canvas, Point
from seqbench.report.figures.figure import Figure, join, page_name, page_words
from seqbench.report.figures.letters import shorten, text_width
from seqbench.report.figures.placing import Box
from seqbench.report.figures.scales import Scale, count, padded, ticks
from seqbench.report.figures.sheet import (
    EDGE,
    INNER,
    body_room,
    draw_axes,
    draw_key,
    key_height,
    new_page,
    pages,
)
from seqbench.report.figures.style import MUTED, SMALL_PT, TITLE_PT, Look, looks
from seqbench.report.results import EfficiencyCurve

_COLUMNS = 3
_GAP = 18.0
_TITLE = 19.0
_PLOT = 96.0
_X_AXIS = 26.0
_Y_AXIS = 30.0
_HEIGHT = _TITLE + _PLOT + _X_AXIS + _GAP
_WIDTH = (INNER - (_COLUMNS - 1) * _GAP) / _COLUMNS
_WIDE = 340.0
"""Of a panel that has the page for itself."""
_HEADING = "Score on test by number of training items"
_NOTES = (
    "The layer is chosen on eval for each number of items. Bands: a standard deviation over seeds and draws.",
)


def efficiency_pages(analysis: Analysis) -> Iterator[Figure]:
    """Data-efficiency curves, one figure a head and page; none where train was only used as a whole."""
    results = analysis.results
    for head in dict.fromkeys(curve.head for curve in results.efficiency):
        panels: dict[str, list[EfficiencyCurve]] = {}
        for curve in results.efficiency:
            if curve.head == head and _known(curve):
                panels.setdefault(curve.dataset, []).append(curve)
        drawn = {curve.model for curves in panels.values() for curve in curves}
        names = tuple(model.name for model in results.models if model.name in drawn)
        room = body_room(len(_NOTES), key_height(names)) + _GAP
        shared = pages(list(panels), lambda _: _HEIGHT, room, _COLUMNS)
        for number, page in enumerate(shared):
            words = join(f"head {head}", page_words(number, len(shared)))
            curves = tuple(tuple(panels[name]) for name in page)
            yield Figure(
                name=page_name(f"efficiency_{head}", number),
                title=join(_HEADING, words),
                alt=f"Line charts of test score against the number of training items with the {head} head, a "
                f"line a model. Data sets: {', '.join(page)}.",
                draw=partial(_draw, words, curves, names, looks(results.models), len(panels) == 1),
            )


def _known(curve: EfficiencyCurve) -> bool:
    return any(point.value is not None for point in curve.points)


def _draw(
    right: str,
    panels: Sequence[Sequence[EfficiencyCurve]],
    names: Sequence[str],
    models: Mapping[str, Look],
    alone: bool,
) -> Canvas:
    key = key_height(names)
    width, taller = (_WIDE, 60.0) if alone else (_WIDTH, 0.0)
    n_rows = math.ceil(len(panels) / _COLUMNS)
    body = n_rows * (_HEIGHT + taller) - _GAP
    canvas, top = new_page(key + body, _HEADING, _NOTES, right)
    draw_key(canvas, names, models, top)
    for number, curves in enumerate(panels):
        row, column = divmod(number, _COLUMNS)
        left, upper = EDGE + column * (width + _GAP), top + key + row * (_HEIGHT + taller)
        at = Box(left=left, top=upper, right=left + width, bottom=upper + _TITLE + _PLOT + taller)
        _draw_panel(canvas, curves, models, at)
    return canvas


def _draw_panel(
    canvas: Canvas, curves: Sequence[EfficiencyCurve], models: Mapping[str, Look], at: Box
) -> None:
    """Draw a data set; `at` has its left, right and top, and where its plot ends."""
    metric = curves[0].metric
    about = metric if higher_is_better(metric) else f"{metric}, less is better"
    room = at.width - text_width(about, SMALL_PT) - 6
    name = shorten(curves[0].dataset, room, TITLE_PT - 1, bold=True)
    canvas.text(at.left, at.top + 10, name, size=TITLE_PT - 1, bold=True)
    canvas.text(at.right, at.top + 10, about, size=SMALL_PT, color=MUTED, align="right")
    box = Box(left=at.left + _Y_AXIS, top=at.top + _TITLE, right=at.right, bottom=at.bottom)
    x, y = _scales(curves, box)
    numbers = [(y(value), words) for value, words in ticks(y.low, y.high)]
    draw_axes(canvas, box, _sizes(curves, x), numbers)
    middle = (box.left + box.right) / 2
    canvas.text(
        middle, box.bottom + _X_AXIS - 4, "training items", size=SMALL_PT, color=MUTED, align="center"
    )
    for curve in curves:
        _draw_curve(canvas, curve, models[curve.model], x, y)


def _scales(curves: Sequence[EfficiencyCurve], box: Box) -> tuple[Scale, Scale]:
    points = [point for curve in curves for point in curve.points if point.value is not None]
    sizes = [point.n_train for point in points]
    ends = [
        value + sign * (point.std or 0.0)
        for point in points
        for value in (point.value,)
        if value is not None
        for sign in (-1, 1)
    ]
    low, high = padded(ends, 0.06, 0.06)
    widest = max(max(sizes) / min(sizes), 2.0) ** 0.06
    x = Scale(
        low=max(1, min(sizes)) / widest,
        high=max(2, max(sizes)) * widest,
        start=box.left,
        end=box.right,
        logarithmic=True,
    )
    return x, Scale(low=low, high=high, start=box.bottom, end=box.top)


def _sizes(curves: Sequence[EfficiencyCurve], x: Scale) -> list[tuple[float, str]]:
    """The numbers of items that occur, from the greatest down, as far as their words don't touch."""
    numbers: list[tuple[float, str]] = []
    for size in sorted({point.n_train for curve in curves for point in curve.points}, reverse=True):
        words = count(size)
        half = text_width(words, SMALL_PT) / 2
        if not numbers or x(size) + half + 6 < numbers[-1][0] - text_width(numbers[-1][1], SMALL_PT) / 2:
            numbers.append((x(size), words))
    return numbers


def _draw_curve(canvas: Canvas, curve: EfficiencyCurve, look: Look, x: Scale, y: Scale) -> None:
    points = [point for point in curve.points if point.value is not None]
    upper: list[Point] = []
    middle: list[Point] = []
    lower: list[Point] = []
    for point in points:
        value, spread = point.value or 0.0, point.std or 0.0
        middle.append((x(point.n_train), y(value)))
        upper.append((x(point.n_train), y(value + spread)))
        lower.append((x(point.n_train), y(value - spread)))
    canvas.area(upper, lower, look.color, 0.12)
    canvas.line(middle, look.color, look.width, dashes=look.dashes)
    canvas.marks(middle, "o", 3.2, face=look.color)
