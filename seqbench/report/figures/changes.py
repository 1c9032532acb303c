"""What training changed, layer by layer: curves of a model and of the one it began with."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from seqbench.metrics import higher_is_better
from seqbench.report.analysis import Analysis
from seqbench.report.figures.canvas import Canvas, Point
from seqbench.report.figures.figure import Figure, join, page_name, page_words
from seqbench.report.figures.letters import shorten, text_width
from seqbench.report.figures.placing import Box
from seqbench.report.figures.scales import Scale, padded, tick_step, ticks
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
from seqbench.report.results import Score
from seqbench.report.ways import Change

_GAP = 22.0
_WIDTH = (INNER - _GAP) / 2
_TITLE = 30.0
_PLOT = 100.0
_BETWEEN = 16.0
_DIFFERENCE = 52.0
_X_AXIS = 26.0
_Y_AXIS = 34.0
_HEIGHT = _TITLE + _PLOT + _BETWEEN + _DIFFERENCE + _X_AXIS + _GAP
_HEADING = "What training changed, layer by layer"
_NOTES = (
    "Above: score on test by layer, both probed with the same head, with 95 % intervals over items.",
    "Below: how much better the trained model's layer is on the same items, with its paired 95 % interval;",
    "filled where that is clear at 5 % after Holm's correction over layers.",
)


def change_pages(analysis: Analysis) -> Iterator[Figure]:
    """A panel a data set and trained model; no figure where none was probed beside the one it began with."""
    changes = analysis.changes
    drawn = {name for one in changes for name in (one.base, one.model)}
    names = tuple(model.name for model in analysis.results.models if model.name in drawn)
    room = body_room(len(_NOTES), key_height(names)) + _GAP
    shared = pages(changes, lambda _: _HEIGHT, room, 2)
    for number, page in enumerate(shared):
        words = page_words(number, len(shared))
        of = ", ".join(f"{one.model} over {one.base} on {one.dataset}" for one in page)
        yield Figure(
            name=page_name("changes", number),
            title=join(_HEADING, words),
            alt="Line charts of test score against layer for a trained model and the one it began with, and "
            f"below their difference with its interval: {of}.",
            draw=partial(_draw, words, tuple(page), names, looks(analysis.results.models)),
        )


def _draw(right: str, changes: Sequence[Change], names: Sequence[str], models: Mapping[str, Look]) -> Canvas:
    key = key_height(names)
    n_rows = (len(changes) + 1) // 2
    canvas, top = new_page(key + n_rows * _HEIGHT - _GAP, _HEADING, _NOTES, right)
    draw_key(canvas, names, models, top)
    for number, change in enumerate(changes):
        row, column = divmod(number, 2)
        _draw_panel(canvas, change, models, EDGE + column * (_WIDTH + _GAP), top + key + row * _HEIGHT)
    return canvas


def _draw_panel(canvas: Canvas, change: Change, models: Mapping[str, Look], left: float, top: float) -> None:
    right = left + _WIDTH
    about = change.metric if higher_is_better(change.metric) else f"{change.metric}, less is better"
    room = _WIDTH - text_width(about, SMALL_PT) - 6
    canvas.text(
        left, top + 10, shorten(change.dataset, room, TITLE_PT - 1, bold=True), size=TITLE_PT - 1, bold=True
    )
    canvas.text(right, top + 10, about, size=SMALL_PT, color=MUTED, align="right")
    under = shorten(f"{change.model} over {change.base}, head {change.head}", _WIDTH, SMALL_PT)
    canvas.text(left, top + 21, under, size=SMALL_PT, color=MUTED)
    upper = Box(left=left + _Y_AXIS, top=top + _TITLE, right=right, bottom=top + _TITLE + _PLOT)
    lower = Box(
        left=upper.left,
        top=upper.bottom + _BETWEEN,
        right=right,
        bottom=upper.bottom + _BETWEEN + _DIFFERENCE,
    )
    layers = [one.layer for one in change.layers]
    edge = 0.35 + 0.01 * max(layers)
    x = Scale(low=-edge, high=max(layers) + edge, start=upper.left, end=upper.right)
    _draw_scores(canvas, change, models, upper, x)
    _draw_differences(canvas, change, models[change.model], lower, x)


def _draw_scores(canvas: Canvas, change: Change, models: Mapping[str, Look], box: Box, x: Scale) -> None:
    sides = {
        change.base: [(one.layer, one.before) for one in change.layers],
        change.model: [(one.layer, one.after) for one in change.layers],
    }
    low, high = padded(
        [end for side in sides.values() for _, score in side for end in _ends(score)], 0.1, 0.1
    )
    y = Scale(low=low, high=high, start=box.bottom, end=box.top)
    draw_axes(canvas, box, [], [(y(value), words) for value, words in ticks(low, high)])
    for name, side in sides.items():
        _draw_curve(canvas, side, models[name], x, y)


def _ends(score: Score) -> list[float]:
    return [end for end in (score.value, score.low, score.high) if end is not None]


def _draw_curve(canvas: Canvas, side: Sequence[tuple[int, Score]], look: Look, x: Scale, y: Scale) -> None:
    def points(values: Sequence[float | None]) -> list[Point]:
        nan = float("nan")
        return [
            (x(layer), nan if value is None else y(value))
            for (layer, _), value in zip(side, values, strict=True)
        ]

    scores = [score for _, score in side]
    middle = points([score.value for score in scores])
    canvas.area(
        points([score.high for score in scores]), points([score.low for score in scores]), look.color, 0.13
    )
    canvas.line(middle, look.color, look.width, dashes=look.dashes)
    canvas.marks(middle, "o", 3.2, face=look.color)


def _draw_differences(canvas: Canvas, change: Change, look: Look, box: Box, x: Scale) -> None:
    aparts = [one.apart for one in change.layers]
    ends = [end for one in aparts for end in (one.difference, one.low, one.high) if end is not None]
    low, high = padded([0.0, *ends], 0.06, 0.06)
    y = Scale(low=low, high=high, start=box.bottom, end=box.top)
    last = max(one.layer for one in change.layers)
    numbers = [(x(layer), str(layer)) for layer in range(0, last + 1, tick_step(last))]
    signed = [
        (y(value), f"+{words}" if value > 1e-12 else words.replace("-", "\N{MINUS SIGN}"))
        for value, words in ticks(low, high, 4)
    ]
    draw_axes(canvas, box, numbers, signed)
    canvas.line([(box.left, y(0)), (box.right, y(0))], INK, 0.9)
    canvas.text(box.left, box.top - 4, "difference", size=SMALL_PT, color=MUTED)
    middle = (box.left + box.right) / 2
    canvas.text(middle, box.bottom + _X_AXIS - 4, "layer", size=SMALL_PT, color=MUTED, align="center")
    for one in change.layers:
        at, apart = x(one.layer), one.apart
        if apart.low is not None and apart.high is not None:
            canvas.line([(at, y(apart.low)), (at, y(apart.high))], look.color, 1.4)
        face = look.color if apart.is_clear else BACKGROUND
        canvas.marks([(at, y(apart.difference))], "o", 5.0, face=face, edge=look.color, edge_width=1.2)
