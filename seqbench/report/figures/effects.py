"""Predicted against real effects of held-out perturbations, gene by gene: a small plot each."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from seqbench.report.analysis import Analysis
from seqbench.report.figures.canvas import Canvas
from seqbench.report.figures.figure import Figure, join, page_name, page_words
from seqbench.report.figures.letters import shorten
from seqbench.report.figures.placing import Box
from seqbench.report.figures.scales import Scale, padded, ticks
from seqbench.report.figures.sheet import EDGE, INNER, body_room, draw_axes, new_page, pages
from seqbench.report.figures.style import AXIS, MUTED, SMALL_PT, TEXT_PT, Look, looks
from seqbench.report.leaderboard import LeaderRow
from seqbench.report.results import PredictedEffects

MOST_SHOWN = 48
"""Perturbations of a figure: those that change most."""
_COLUMNS = 4
_TITLE = 20.0
_X_AXIS = 14.0
_GAP = 8.0
_Y_AXIS = 30.0
_BETWEEN = 8.0
_SIDE = (INNER - _COLUMNS * _Y_AXIS - (_COLUMNS - 1) * _BETWEEN) / _COLUMNS
_HEIGHT = _TITLE + _SIDE + _X_AXIS + _GAP
_HEADING = "Predicted against real change of each gene"
_NOTES = (
    "A dot a gene: across the real change of mean expression from the controls, upward the predicted one; "
    "the line is where they agree.",
    "r is Pearson's over the genes shown.",
)


def effect_pages(analysis: Analysis) -> Iterator[Figure]:
    """A figure for the chosen head and layer of each model on each file of cells; none without cells."""
    results = analysis.results
    for row in analysis.leaderboard:
        mine = [each for each in results.effects if _key(each) == _key(row)]
        if not mine:
            continue
        shown = _largest(mine)
        left_out = "" if len(mine) == len(shown) else f"the {len(shown)} of {len(mine)} that change most"
        words = join(row.dataset, f"{row.model}, layer {row.choice.layer}, {row.head}", left_out)
        found = pages(shown, lambda _: _HEIGHT, body_room(len(_NOTES) + 1), _COLUMNS)
        for number, page in enumerate(found):
            place = page_words(number, len(found))
            yield Figure(
                name=page_name(f"effects_{row.dataset}_{row.model}", number),
                title=join(f"{_HEADING}: {words}", place),
                alt="Small scatter plots of predicted against real change of each gene for the perturbations "
                f"{', '.join(each.perturbation for each in page)} of {words}.",
                draw=partial(_draw, words, place, page, looks(results.models)[row.model]),
            )


def shown_effects(analysis: Analysis) -> tuple[PredictedEffects, ...]:
    """What the figures show, in the order of the leaderboard."""
    effects = analysis.results.effects
    return tuple(
        each
        for row in analysis.leaderboard
        for each in _largest([each for each in effects if _key(each) == _key(row)])
    )


def _key(one: PredictedEffects | LeaderRow) -> tuple[str, str, str]:
    return one.dataset, one.model, one.head


def _largest(effects: Sequence[PredictedEffects]) -> list[PredictedEffects]:
    """The perturbations that change most, by name."""
    largest = sorted(effects, key=lambda each: -float(np.square(each.real).sum()))[:MOST_SHOWN]
    return sorted(largest, key=lambda each: each.perturbation)


def _draw(words: str, place: str, page: Sequence[PredictedEffects], look: Look) -> Canvas:
    n_rows = -(-len(page) // _COLUMNS)
    canvas, top = new_page(_HEIGHT * n_rows, _HEADING, (words, *_NOTES), place)
    for number, each in enumerate(page):
        row, column = divmod(number, _COLUMNS)
        left = EDGE + _Y_AXIS + column * (_SIDE + _Y_AXIS + _BETWEEN)
        upper = top + row * _HEIGHT + _TITLE
        box = Box(left=left, top=upper, right=left + _SIDE, bottom=upper + _SIDE)
        _draw_panel(canvas, each, look, box)
    return canvas


def _draw_panel(canvas: Canvas, each: PredictedEffects, look: Look, box: Box) -> None:
    across = padded([*each.real, 0.0], 0.06, 0.06)
    upward = padded([*each.predicted, 0.0], 0.06, 0.06)
    x = Scale(low=across[0], high=across[1], start=box.left, end=box.right)
    y = Scale(low=upward[0], high=upward[1], start=box.bottom, end=box.top)
    draw_axes(
        canvas,
        box,
        [(x(value), words) for value, words in ticks(*across, 3)],
        [(y(value), words) for value, words in ticks(*upward, 3)],
        size=SMALL_PT - 1,
    )
    low, high = max(across[0], upward[0]), min(across[1], upward[1])
    canvas.line([(x(low), y(low)), (x(high), y(high))], AXIS, 0.9)
    points = [(x(real), y(predicted)) for real, predicted in zip(each.real, each.predicted, strict=True)]
    canvas.marks(points, "o", 2.2, face=look.color)
    r = _pearson(each)
    said = "r –" if r is None else f"r {r:.2f}"
    canvas.text(box.right, box.top - 4, said, size=SMALL_PT, color=MUTED, align="right")
    canvas.text(box.left, box.top - 4, shorten(each.perturbation, _SIDE - 34, TEXT_PT, bold=True), bold=True)


def _pearson(each: PredictedEffects) -> float | None:
    """None where predicted or real effects are all the same."""
    if len(set(each.predicted)) < 2 or len(set(each.real)) < 2:
        return None
    return float(np.corrcoef(each.predicted, each.real)[0, 1])
