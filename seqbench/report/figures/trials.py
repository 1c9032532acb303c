"""Trials of a search as parallel coordinates: an axis a setting, the score on eval at the right."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from seqbench.report.analysis import Analysis
from seqbench.report.figures.canvas import Canvas
from seqbench.report.figures.colors import mix
from seqbench.report.figures.figure import Figure, join, page_name, page_words
from seqbench.report.figures.letters import shorten, text_width
from seqbench.report.figures.scales import Scale, padded, ticks
from seqbench.report.figures.sheet import EDGE, INNER, body_room, new_page, pages
from seqbench.report.figures.style import (
    AXIS,
    BACKGROUND,
    GRID,
    INK,
    LEVEL,
    MUTED,
    SERIES,
    SMALL_PT,
    TITLE_PT,
)
from seqbench.report.studies import Study, Tried

_TITLE = 36.0
_PLOT = 130.0
_GAP = 26.0
_HEIGHT = _TITLE + _PLOT + _GAP
_MARGIN = 46.0
"""Room for numbers left of the first and right of the last axis."""
_WORST = "#f0e2c4"
_MOST_LOG = 20.0
"""Values whose greatest is so many times the least stand on a logarithmic axis."""
_HEADING = "Trials of searches"
_NOTES = (
    "A line a trial: its settings from axis to axis, and score on eval at the right; the better, the bluer.",
    "Thick: chosen, trained and scored on test. Dashed grey: pruned. Failed trials are in the table.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Axis:
    """A setting, or the score: where each value lies, and the words beside it."""

    name: str
    places: Mapping[str, float]
    """In points from the top of the page, by value; numbers are looked up in `scale`."""
    words: tuple[tuple[float, str], ...]
    scale: Scale | None

    def at(self, value: object) -> float | None:
        if self.scale is not None and isinstance(value, int | float) and not isinstance(value, bool):
            return self.scale(value)
        return self.places.get(_named(value))


def trial_pages(analysis: Analysis) -> Iterator[Figure]:
    """A panel a search; no figure where nothing was searched for."""
    drawn = [study for study in analysis.results.studies if any(t.score is not None for t in study.trials)]
    shared = pages(drawn, lambda _: _HEIGHT, body_room(len(_NOTES)) + _GAP)
    for number, page in enumerate(shared):
        words = page_words(number, len(shared))
        of = "; ".join(f"{one.model} on {one.dataset}, {one.way}: {', '.join(one.keys)}" for one in page)
        yield Figure(
            name=page_name("trials", number),
            title=join(_HEADING, words),
            alt=f"Parallel coordinates of trials, an axis a setting and one for the score on eval: {of}.",
            draw=partial(_draw, words, tuple(page)),
        )


def _draw(right: str, studies: Sequence[Study]) -> Canvas:
    canvas, top = new_page(len(studies) * _HEIGHT - _GAP, _HEADING, _NOTES, right)
    for study in studies:
        _draw_study(canvas, study, top)
        top += _HEIGHT
    return canvas


def _draw_study(canvas: Canvas, study: Study, top: float) -> None:
    about = f"{len(study.trials)} trials by {study.method}"
    name = f"{study.model} on {study.dataset}, {study.way}"
    room = INNER - text_width(about, SMALL_PT) - 8
    canvas.text(EDGE, top + 10, shorten(name, room, TITLE_PT - 1, bold=True), size=TITLE_PT - 1, bold=True)
    canvas.text(EDGE + INNER, top + 10, about, size=SMALL_PT, color=MUTED, align="right")
    upper, lower = top + _TITLE, top + _TITLE + _PLOT
    axes = _axes(study, upper, lower)
    left, right = EDGE + _MARGIN, EDGE + INNER - _MARGIN
    step = (right - left) / max(1, len(axes) - 1)
    xs = [left + number * step for number in range(len(axes))]
    for trial in _in_order(study):
        _draw_trial(canvas, study, trial, axes, xs)
    for number, (axis, x) in enumerate(zip(axes, xs, strict=True)):
        is_last = number == len(axes) - 1
        canvas.line([(x, upper), (x, lower)], AXIS, 1.0, order=3)
        wide = min(step - 6, 2 * _MARGIN)
        canvas.text(x, upper - 8, shorten(axis.name, wide, SMALL_PT), size=SMALL_PT, align="center")
        for y, words in axis.words:
            if is_last:
                canvas.text(x + 5, y + 2.6, words, size=SMALL_PT, color=MUTED)
            else:
                words = shorten(words, step - 12 if number else _MARGIN - 6, SMALL_PT)
                wide = text_width(words, SMALL_PT)
                # Lines run behind the words.
                canvas.rectangles([(x - 5 - wide, y - 5, wide + 2, 9)], [BACKGROUND], order=4.5)
                canvas.text(x - 4, y + 2.6, words, size=SMALL_PT, color=MUTED, align="right")
            canvas.segments([((x - 2, y), (x + 2, y))], AXIS, 0.8, order=3)


def _axes(study: Study, upper: float, lower: float) -> list[_Axis]:
    known = [trial for trial in study.trials if trial.score is not None]
    axes = [_axis(key, [trial.values.get(key) for trial in known], upper, lower) for key in study.keys]
    scores = [trial.score for trial in known if trial.score is not None]
    low, high = padded(scores, 0.04, 0.04)
    ends = (lower, upper) if study.higher_is_better else (upper, lower)
    scale = Scale(low=low, high=high, start=ends[0], end=ends[1])
    words = tuple((scale(value), text) for value, text in ticks(low, high))
    return [*axes, _Axis(name=study.metric, places={}, words=words, scale=scale)]


def _axis(key: str, values: Sequence[object], upper: float, lower: float) -> _Axis:
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) == len(values) and len(set(numbers)) > 1:
        low, high = min(numbers), max(numbers)
        is_log = low > 0 and high / low >= _MOST_LOG
        scale = Scale(low=low, high=high, start=lower - 4, end=upper + 4, logarithmic=is_log)
        words = _powers(scale) if is_log else tuple((scale(v), text) for v, text in ticks(low, high))
        return _Axis(name=key, places={}, words=words, scale=scale)
    named = list(dict.fromkeys(sorted(map(_named, values))))
    step = (lower - upper) / (len(named) + 1)
    places = {name: lower - (number + 1) * step for number, name in enumerate(named)}
    return _Axis(name=key, places=places, words=tuple((y, name) for name, y in places.items()), scale=None)


def _named(value: object) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _powers(scale: Scale) -> tuple[tuple[float, str], ...]:
    """Powers of ten, and where there is at most one of them both ends."""
    first, last = math.ceil(math.log10(scale.low) - 1e-9), math.floor(math.log10(scale.high) + 1e-9)
    numbers = [10.0**power for power in range(first, last + 1)]
    return tuple((scale(n), f"{n:g}") for n in (numbers if len(numbers) > 1 else [scale.low, scale.high]))


def _in_order(study: Study) -> list[Tried]:
    """Pruned first, then from the worst to the best, so that the best lie on top."""
    sign = 1 if study.higher_is_better else -1
    known = [trial for trial in study.trials if trial.score is not None]
    return sorted(known, key=lambda trial: (trial.state == "done", sign * (trial.score or 0.0)))


def _draw_trial(
    canvas: Canvas, study: Study, trial: Tried, axes: Sequence[_Axis], xs: Sequence[float]
) -> None:
    values = [*(trial.values.get(key) for key in study.keys), trial.score]
    places = [axis.at(value) for axis, value in zip(axes, values, strict=True)]
    points = [(x, float("nan") if y is None else y) for x, y in zip(xs, places, strict=True)]
    if trial.state != "done":
        canvas.line(points, mix(GRID, LEVEL, 0.55), 0.8, dashes=(2.5, 2.0))
        return
    is_chosen = trial is study.chosen
    color = INK if is_chosen else mix(_WORST, SERIES[0], _goodness(study, trial))
    canvas.line(points, color, 2.4 if is_chosen else 1.1)


def _goodness(study: Study, trial: Tried) -> float:
    """From 0, the worst that came to its end, to 1, the best."""
    scores = [one.score for one in study.trials if one.state == "done" and one.score is not None]
    low, high = min(scores), max(scores)
    share = ((trial.score or 0.0) - low) / (high - low) if high > low else 1.0
    return share if study.higher_is_better else 1 - share
