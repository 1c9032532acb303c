"""Gains over the untrained twin, k-mers and composition: what pre-training bought."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from seqbench.report.analysis import Analysis, Gain
from seqbench.report.figures.canvas import Canvas
from seqbench.report.figures.figure import Figure, join, page_name, page_words
from seqbench.report.figures.placing import Box
from seqbench.report.figures.rows import LABELS, Row, body_height, draw_rows, grouped, row_pages
from seqbench.report.figures.scales import Scale, padded, ticks
from seqbench.report.figures.sheet import EDGE, INNER, body_room, draw_key, key_height, new_page
from seqbench.report.figures.style import BACKGROUND, GRID, INK, MUTED, PALE, SMALL_PT, TEXT_PT, Look, looks

_KINDS = {"untrained": "over its untrained twin", "kmer": "over k-mers", "composition": "over composition"}
"""Not over shuffled labels: that gain is mostly several times as large, and all plots have one scale."""
_STEP = 7.0
_LEAST_ROW = 15.0
_GAP = 26.0
_HEADS = 20.0
_X_AXIS = 26.0
_TITLE = "What pre-training bought: gain on test"
_NOTES = (
    "Gain in units of the data set's ranking metric, with its 95 % interval where the two could be compared "
    "item by item.",
    "Filled: clear at 5 % after Holm's correction. Open: not clear, or not compared.",
)


def gain_pages(analysis: Analysis) -> Iterator[Figure]:
    """Dots and intervals, data sets down, a plot a kind of control; no figure where no gain is known."""
    gains = tuple(gain for gain in analysis.gains if gain.kind in _KINDS)
    if not gains:
        return
    results = analysis.results
    with_gains = {gain.dataset for gain in gains}
    metrics = {row.dataset: row.metric for row in analysis.leaderboard if row.dataset in with_gains}
    names = [model.name for model in results.models if any(g.model == model.name for g in gains)]
    height = max(_LEAST_ROW, _STEP * len(names) + 5)
    room = body_room(len(_NOTES), key_height(names)) - _HEADS - _X_AXIS
    shared = row_pages(grouped(results.datasets, metrics), height, room)
    for number, page in enumerate(shared):
        words = page_words(number, len(shared))
        yield Figure(
            name=page_name("gains", number),
            title=join(_TITLE, words),
            alt=f"Dots with intervals: gain of {', '.join(names)} over the untrained twin, k-mers and "
            "composition, a row a data set, with a line at zero.",
            draw=partial(_draw, words, tuple(page), gains, tuple(names), looks(results.models)),
        )


def _draw(
    page: str,
    rows: Sequence[Row],
    gains: Sequence[Gain],
    names: Sequence[str],
    models: Mapping[str, Look],
) -> Canvas:
    kinds = [kind for kind in _KINDS if any(gain.kind == kind for gain in gains)]
    height = max(_LEAST_ROW, _STEP * len(names) + 5)
    key = key_height(names)
    body = body_height(rows, height)
    canvas, top = new_page(key + _HEADS + body + _X_AXIS, _TITLE, _NOTES, page)
    draw_key(canvas, names, models, top)
    top += key + _HEADS
    width = (INNER - LABELS - _GAP * (len(kinds) - 1)) / len(kinds)
    low, high = _range(gains)
    tops = {row.name: y for row, y in draw_rows(canvas, rows, top, height)}
    for number, kind in enumerate(kinds):
        left = EDGE + LABELS + number * (width + _GAP)
        box = Box(left=left, top=top, right=left + width, bottom=top + body)
        x = Scale(low=low, high=high, start=box.left, end=box.right)
        _draw_frame(canvas, kind, box, x, [(y, height) for y in tops.values()])
        for gain in gains:
            if gain.kind == kind and gain.dataset in tops:
                place = names.index(gain.model) - (len(names) - 1) / 2
                y = tops[gain.dataset] + height / 2 + place * _STEP
                _draw_gain(canvas, gain, x, y, models[gain.model].color)
    return canvas


def _range(gains: Sequence[Gain]) -> tuple[float, float]:
    """The same for all pages and kinds, so that lengths can be compared; zero is always in it."""
    ends = [end for gain in gains for end in (gain.difference, gain.low, gain.high) if end is not None]
    return padded([0.0, *ends], 0.04, 0.04)


def _draw_frame(canvas: Canvas, kind: str, box: Box, x: Scale, bands: Sequence[tuple[float, float]]) -> None:
    canvas.text(box.left, box.top - 7, _KINDS[kind], size=TEXT_PT, bold=True)
    boxes = [(box.left, y + 0.5, box.width, height - 1) for y, height in bands]
    canvas.rectangles(boxes, [PALE] * len(boxes), order=0)
    numbers = ticks(x.low, x.high, 5)
    canvas.segments([((x(value), box.top), (x(value), box.bottom)) for value, _ in numbers], GRID, 0.8)
    canvas.line([(x(0), box.top), (x(0), box.bottom)], INK, 1.0, order=2)
    for value, words in numbers:
        signed = f"+{words}" if value > 1e-12 else words.replace("-", "−")
        canvas.text(x(value), box.bottom + 11, signed, size=SMALL_PT, color=MUTED, align="center")
    words = "← control better    model better →"
    canvas.text(
        (box.left + box.right) / 2, box.bottom + 22, words, size=SMALL_PT, color=MUTED, align="center"
    )


def _draw_gain(canvas: Canvas, gain: Gain, x: Scale, y: float, color: str) -> None:
    if gain.low is not None and gain.high is not None:
        canvas.line([(x(gain.low), y), (x(gain.high), y)], color, 1.5)
    face = color if gain.is_clear else BACKGROUND
    canvas.marks([(x(gain.difference), y)], "o", 5.5, face=face, edge=color, edge_width=1.2)
