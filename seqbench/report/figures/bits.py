"""What adaptation brought: bits a letter of models on corpora; bits and scores by its steps."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from seqbench.metrics import higher_is_better
from seqbench.report.analysis import Analysis
from seqbench.report.bits import CorpusBits, corpora_of, curves_of, final_models, models_of
from seqbench.report.figures.canvas import Canvas
from seqbench.report.figures.colors import diverging, ink_on
from seqbench.report.figures.figure import Figure, join, page_name, page_words
from seqbench.report.figures.letters import shorten, text_width
from seqbench.report.figures.placing import Box
from seqbench.report.figures.rows import LABELS, draw_heads, heads_height
from seqbench.report.figures.scales import Scale, count, padded, ticks
from seqbench.report.figures.sheet import (
    EDGE,
    INNER,
    TITLE_PT,
    body_room,
    draw_axes,
    draw_key,
    key_height,
    new_page,
    pages,
)
from seqbench.report.figures.style import GRID, HATCH, MUTED, PALE, SERIES, SMALL_PT, Look, looks

_Found = TypeVar("_Found")

_ROW = 22.0
_LEGEND = 26.0
_WIDEST = 92.0
_MOST_MODELS = 7
_LEAST_SPAN = 0.02
"""Bits that the colours span at least, so that a hair's breadth does not look like a gulf."""

_GAP = 26.0
_WIDTH = (INNER - _GAP) / 2
_TITLE = 28.0
_PLOT = 110.0
_HEIGHT = _TITLE + _PLOT + 26.0 + _GAP
_Y_AXIS = 34.0

_HEAT = "Bits a letter on held-out documents"
_HEAT_NOTES = (
    "Each model on the same letters of the same documents; less is better. Bold: least of its row.",
    "Colour: bits fewer (blue) or more (orange) than the model that it was adapted from; that one is grey.",
)
_STEPS = "Bits and scores by steps of adaptation"
_STEPS_NOTES = ("From the model that adaptation began with (step 0). Bands: 95 % intervals.",)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Point:
    """A checkpoint: steps, value, ends of its interval."""

    step: int
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Panel:
    """A corpus or data set."""

    name: str
    unit: str
    lines: Mapping[str, Sequence[_Point]]
    """By the last model of each adaptation."""


def bits_pages(analysis: Analysis) -> Iterator[Figure]:
    """The heat map, and curves where there are checkpoints; no figure where nothing was adapted."""
    bits = analysis.results.bits
    if not bits:
        return
    last = {*final_models(bits)}
    names = [
        name
        for name in models_of(bits)
        if name in last or all(one.step is None for one in bits if one.model == name)
    ]
    sets = [names[start : start + _MOST_MODELS] for start in range(0, len(names), _MOST_MODELS)]
    corpora = corpora_of(bits)
    for number, models in enumerate(sets):
        words = page_words(number, len(sets))
        yield Figure(
            name=page_name("adaptation", number),
            title=join(_HEAT, words),
            alt=f"Heat map of bits a letter. Rows are the corpora {', '.join(corpora)}, columns the models "
            f"{', '.join(models)}. Colour tells the gain over the model that each was adapted from.",
            draw=partial(_draw_heat, words, tuple(models), tuple(corpora), bits),
        )
    yield from _step_pages(analysis)


def _draw_heat(
    right: str, models: Sequence[str], corpora: Sequence[str], bits: Sequence[CorpusBits]
) -> Canvas:
    width = min(_WIDEST, (INNER - LABELS) / len(models))
    heads = heads_height(models, width)
    canvas, top = new_page(heads + len(corpora) * _ROW + _LEGEND, _HEAT, _HEAT_NOTES, right)
    left = EDGE + LABELS
    draw_heads(canvas, models, left, top, width)
    cells = {(one.corpus, one.model): one for one in bits}
    gains = [abs(one.gain.difference) for one in bits if one.gain is not None]
    span = max([*gains, _LEAST_SPAN])
    for number, corpus in enumerate(corpora):
        y = top + heads + number * _ROW
        mine = [one for one in bits if one.corpus == corpus]
        about = f"{'watched, ' if mine[0].is_watched else ''}bits a {mine[0].symbol}"
        room = LABELS - 12 - text_width(about, SMALL_PT)
        canvas.text(EDGE, y + _ROW / 2 + 3, shorten(corpus, room))
        canvas.text(left - 8, y + _ROW / 2 + 3, about, size=SMALL_PT, color=MUTED, align="right")
        least = min(one.bits for one in mine)
        for place, model in enumerate(models):
            box = (left + place * width + 0.75, y + 0.75, width - 1.5, _ROW - 1.5)
            _draw_cell(canvas, box, cells.get((corpus, model)), span, least)
    _draw_legend(canvas, left, top + heads + len(corpora) * _ROW + 8, span)
    return canvas


def _draw_cell(
    canvas: Canvas, box: tuple[float, float, float, float], one: CorpusBits | None, span: float, least: float
) -> None:
    left, top, width, height = box
    if one is None:
        canvas.hatch(*box, HATCH)
        return
    color = PALE if one.gain is None else diverging(max(-1.0, min(1.0, one.gain.difference / span)))
    canvas.rectangles([box], [color], edge=GRID, edge_width=0.4)
    middle, ink = left + width / 2, ink_on(color)
    is_bold = one.bits == least
    canvas.text(
        middle, top + height / 2 + 3, f"{one.bits:.3f}", size=8, color=ink, align="center", bold=is_bold
    )


def _draw_legend(canvas: Canvas, left: float, top: float, span: float) -> None:
    steps, width = 41, 110.0
    boxes = [(left + at * width / steps, top, width / steps + 0.3, 7.0) for at in range(steps)]
    canvas.rectangles(boxes, [diverging(2 * at / (steps - 1) - 1) for at in range(steps)])
    ends = ((0.0, f"{span:.3f} more", "left"), (1.0, f"{span:.3f} fewer", "right"))
    for share, words, align in ends:
        canvas.text(left + share * width, top + 16, words, size=SMALL_PT, color=MUTED, align=align)


def _step_pages(analysis: Analysis) -> Iterator[Figure]:
    panels = [panel for panel in _panels(analysis) if panel.lines]
    names = tuple(dict.fromkeys(name for panel in panels for name in panel.lines))
    # A model may have been measured and not yet extracted, so that the catalog knows no more of it.
    unknown = {
        name: Look(color=SERIES[place % len(SERIES)], dashes=(), width=1.8)
        for place, name in enumerate(names)
    }
    every = unknown | looks(analysis.results.models)
    room = body_room(len(_STEPS_NOTES), key_height(names)) + _GAP if panels else 0.0
    shared = pages(panels, lambda _: _HEIGHT, room, 2)
    for number, page in enumerate(shared):
        words = page_words(number, len(shared))
        yield Figure(
            name=page_name("adaptation_steps", number),
            title=join(_STEPS, words),
            alt="Line charts against steps of adaptation, a panel each of "
            f"{', '.join(f'{panel.unit} on {panel.name}' for panel in page)}.",
            draw=partial(_draw_steps, words, tuple(page), names, every),
        )


def _panels(analysis: Analysis) -> Iterator[_Panel]:
    """Corpora, then data sets; of each the adaptations that have checkpoints."""
    bits = analysis.results.bits
    families = {name: curves_of(bits, name) for name in final_models(bits)}
    families = {name: curve for name, curve in families.items() if len(curve) > 2}
    for corpus in corpora_of(bits):
        mine = {one.model: one for one in bits if one.corpus == corpus}
        lines = {
            name: [
                _Point(step=step, value=one.bits, low=one.low, high=one.high)
                for step, one in _known(curve, mine)
            ]
            for name, curve in families.items()
        }
        symbol = next(iter(mine.values())).symbol
        yield _Panel(name=corpus, unit=f"bits a {symbol}", lines=_of_several(lines))
    for dataset in dict.fromkeys(row.dataset for row in analysis.leaderboard):
        rows = {row.model: row for row in analysis.leaderboard if row.dataset == dataset}
        scores = {name: row.choice.test for name, row in rows.items() if row.choice.test.value is not None}
        lines = {
            name: [
                _Point(step=step, value=score.value or 0.0, low=score.low, high=score.high)
                for step, score in _known(curve, scores)
            ]
            for name, curve in families.items()
        }
        metric = next(iter(rows.values())).metric
        about = metric if higher_is_better(metric) else f"{metric}, less is better"
        yield _Panel(name=dataset, unit=about, lines=_of_several(lines))


def _known(curve: Sequence[tuple[int, str]], found: Mapping[str, _Found]) -> list[tuple[int, _Found]]:
    return [(step, found[model]) for step, model in curve if model in found]


def _of_several(lines: Mapping[str, Sequence[_Point]]) -> dict[str, Sequence[_Point]]:
    return {name: points for name, points in lines.items() if len(points) > 1}


def _draw_steps(
    right: str, panels: Sequence[_Panel], names: Sequence[str], models: Mapping[str, Look]
) -> Canvas:
    key = key_height(names)
    n_rows = (len(panels) + 1) // 2
    canvas, top = new_page(key + n_rows * _HEIGHT - _GAP, _STEPS, _STEPS_NOTES, right)
    draw_key(canvas, names, models, top)
    for number, panel in enumerate(panels):
        row, column = divmod(number, 2)
        _draw_panel(canvas, panel, models, EDGE + column * (_WIDTH + _GAP), top + key + row * _HEIGHT)
    return canvas


def _draw_panel(canvas: Canvas, panel: _Panel, models: Mapping[str, Look], left: float, top: float) -> None:
    right = left + _WIDTH
    room = _WIDTH - text_width(panel.unit, SMALL_PT) - 6
    canvas.text(
        left, top + 10, shorten(panel.name, room, TITLE_PT - 1, bold=True), size=TITLE_PT - 1, bold=True
    )
    canvas.text(right, top + 10, panel.unit, size=SMALL_PT, color=MUTED, align="right")
    box = Box(left=left + _Y_AXIS, top=top + _TITLE, right=right, bottom=top + _TITLE + _PLOT)
    points = [point for line in panel.lines.values() for point in line]
    last = max(point.step for point in points)
    ends = [end for point in points for end in (point.value, point.low, point.high) if end is not None]
    low, high = padded(ends, 0.06, 0.06)
    x = Scale(low=0, high=last, start=box.left + 4, end=box.right - 8)
    y = Scale(low=low, high=high, start=box.bottom, end=box.top)
    across = [(x(value), count(round(value))) for value, _ in ticks(0, last)]
    draw_axes(canvas, box, across, [(y(value), words) for value, words in ticks(low, high)])
    middle = (box.left + box.right) / 2
    canvas.text(middle, box.bottom + 21, "steps", size=SMALL_PT, color=MUTED, align="center")
    for name, line in panel.lines.items():
        look = models[name]
        middle_line = [(x(point.step), y(point.value)) for point in line]
        nan = float("nan")
        lower, upper = (
            [(x(point.step), nan if end is None else y(end)) for point, end in zip(line, side, strict=True)]
            for side in ([point.low for point in line], [point.high for point in line])
        )
        canvas.area(upper, lower, look.color, 0.13)
        canvas.line(middle_line, look.color, look.width, dashes=look.dashes)
        canvas.marks(middle_line, "o", 3.4, face=look.color)
