"""Score on test against trained parameters: frozen, LoRA and full, a panel a data set."""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby

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
from seqbench.report.figures.style import BACKGROUND, INK, MUTED, SMALL_PT, TITLE_PT, Look, looks
from seqbench.report.ways import FROZEN, Way, WayRow

_COLUMNS = 2
_GAP = 22.0
_TITLE = 19.0
_PLOT = 118.0
_X_AXIS = 28.0
_Y_AXIS = 32.0
_HEIGHT = _TITLE + _PLOT + _X_AXIS + _GAP
_WIDTH = (INNER - (_COLUMNS - 1) * _GAP) / _COLUMNS
_WIDE = 380.0
"""Of a panel that has the page for itself."""
_KEY = 16.0
_HEADING = "Is training the model worth it? Score on test by trained parameters"
_NOTES = (
    "Lines join the ways to use a model. Filled: clear against the frozen model at 5 %, Holm-corrected.",
    "A frozen model's parameters are its head's; a head without comparable ones (trees, neighbours) is at "
    "the left edge.",
)
_SHAPES: dict[Way, tuple[str, str, float]] = {
    FROZEN: ("o", "frozen, best probe", 6.5),
    "lora": ("D", "LoRA", 6.0),
    "full": ("s", "full", 6.5),
}
"""Marker, its name and its size."""

Line = tuple[WayRow, ...]
"""The ways of one model, the least trained first."""


def trained_pages(analysis: Analysis) -> Iterator[Figure]:
    """Panels page by page; no figure where no model was trained."""
    results = analysis.results
    panels: dict[str, list[Line]] = {}
    known = [one for one in analysis.ways if one.row.choice.test.value is not None]
    for (dataset, _), group in groupby(known, key=lambda one: (one.row.dataset, one.row.model)):
        panels.setdefault(dataset, []).append(tuple(group))
    drawn = {line[0].row.model for lines in panels.values() for line in lines}
    names = tuple(model.name for model in results.models if model.name in drawn)
    room = body_room(len(_NOTES), key_height(names) + _KEY) + _GAP
    shared = pages(list(panels), lambda _: _HEIGHT, room, _COLUMNS)
    for number, page in enumerate(shared):
        words = page_words(number, len(shared))
        yield Figure(
            name=page_name("trained", number),
            title=join(_HEADING, words),
            alt="Scatter of test score against trained parameters on a logarithmic axis: frozen (circle), "
            f"LoRA (diamond) and full (square), joined by model. Data sets: {', '.join(page)}.",
            draw=partial(
                _draw, words, tuple(tuple(panels[name]) for name in page), names, looks(results.models),
                len(panels) == 1,
            ),
        )  # fmt: skip


def _draw(
    right: str,
    panels: Sequence[Sequence[Line]],
    names: Sequence[str],
    models: Mapping[str, Look],
    alone: bool,
) -> Canvas:
    key = key_height(names) + _KEY
    width, taller = (_WIDE, 60.0) if alone else (_WIDTH, 0.0)
    n_rows = math.ceil(len(panels) / _COLUMNS)
    body = n_rows * (_HEIGHT + taller) - _GAP
    canvas, top = new_page(key + body, _HEADING, _NOTES, right)
    _draw_shapes(canvas, top + 8)
    draw_key(canvas, names, models, top + _KEY)
    for number, lines in enumerate(panels):
        row, column = divmod(number, _COLUMNS)
        left, upper = EDGE + column * (width + _GAP), top + key + row * (_HEIGHT + taller)
        at = Box(left=left, top=upper, right=left + width, bottom=upper + _TITLE + _PLOT + taller)
        _draw_panel(canvas, lines, models, at)
    return canvas


def _draw_shapes(canvas: Canvas, y: float) -> None:
    x = EDGE + 5
    for marker, words, size in _SHAPES.values():
        canvas.marks([(x, y - 3)], marker, size, face=INK)
        canvas.text(x + 9, y, words, size=SMALL_PT, color=MUTED)
        x += 26 + text_width(words, SMALL_PT)


def _draw_panel(canvas: Canvas, lines: Sequence[Line], models: Mapping[str, Look], at: Box) -> None:
    """Draw a data set; `at` has its left, right and top, and where its plot ends."""
    row = lines[0][0].row
    about = row.metric if higher_is_better(row.metric) else f"{row.metric}, less is better"
    room = at.width - text_width(about, SMALL_PT) - 6
    name = shorten(row.dataset, room, TITLE_PT - 1, bold=True)
    canvas.text(at.left, at.top + 10, name, size=TITLE_PT - 1, bold=True)
    canvas.text(at.right, at.top + 10, about, size=SMALL_PT, color=MUTED, align="right")
    box = Box(left=at.left + _Y_AXIS, top=at.top + _TITLE, right=at.right, bottom=at.bottom)
    x, y = _scales(lines, box)
    draw_axes(canvas, box, _powers(x), [(y(value), words) for value, words in ticks(y.low, y.high)])
    middle = (box.left + box.right) / 2
    words = "trained parameters"
    canvas.text(middle, box.bottom + _X_AXIS - 5, words, size=SMALL_PT, color=MUTED, align="center")
    for line in lines:
        _draw_line(canvas, line, models[line[0].row.model], x, y)


def _scales(lines: Sequence[Line], box: Box) -> tuple[Scale, Scale]:
    every = [one for line in lines for one in line]
    sizes = [one.cost.trained_parameters for one in every if one.cost.trained_parameters] or [1]
    tests = [one.row.choice.test for one in every]
    ends = [end for test in tests for end in (test.value, test.low, test.high) if end is not None]
    low, high = padded(ends, 0.08, 0.08)
    x = Scale(
        low=min(sizes) / 4, high=max(2, max(sizes)) * 4, start=box.left, end=box.right, logarithmic=True
    )
    return x, Scale(low=low, high=high, start=box.bottom, end=box.top)


def _powers(x: Scale) -> list[tuple[float, str]]:
    """Powers of ten, every second one where they are many."""
    first, last = math.ceil(math.log10(x.low)), math.floor(math.log10(x.high))
    step = 1 if last - first < 5 else 2
    numbers = [int(10**power) for power in range(max(0, first), last + 1, step)]
    return [(x(number), _written(number)) for number in numbers]


def _written(number: int) -> str:
    return f"{number // 10**9}G" if number >= 10**9 else count(number)


def _draw_line(canvas: Canvas, line: Line, look: Look, x: Scale, y: Scale) -> None:
    places = [(_across(one, x), y(one.row.choice.test.value or 0.0)) for one in line]
    canvas.line(places, look.color, look.width, dashes=look.dashes)
    for one, place in zip(line, places, strict=True):
        test = one.row.choice.test
        if test.low is not None and test.high is not None:
            canvas.line([(place[0], y(test.low)), (place[0], y(test.high))], look.color, 1.0)
        _draw_mark(canvas, one, place, look)


def _across(one: WayRow, x: Scale) -> float:
    size = one.cost.trained_parameters
    return x(size) if size else x.start + 4


def _draw_mark(canvas: Canvas, one: WayRow, place: Point, look: Look) -> None:
    marker, _, size = _SHAPES[one.way]
    is_clear = one.over_frozen is None or one.over_frozen.is_clear is True
    face = look.color if is_clear else BACKGROUND
    canvas.marks([place], marker, size, face=face, edge=look.color, edge_width=1.3)
