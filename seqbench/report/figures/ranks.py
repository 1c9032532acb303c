"""Critical-difference diagrams (Demšar 2006, JMLR 7): average ranks, and which can't be told apart."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from seqbench.report.analysis import OVERALL, Analysis, RankTest, Standing
from seqbench.report.figures.canvas import Canvas
from seqbench.report.figures.figure import Figure, join, page_name, page_words
from seqbench.report.figures.letters import shorten, text_width
from seqbench.report.figures.scales import Scale
from seqbench.report.figures.sheet import EDGE, INNER, body_room, new_page, pages
from seqbench.report.figures.style import AXIS, INK, MUTED, SMALL_PT, TITLE_PT, Look, looks

_TITLE = 20.0
_RULER = 20.0
_AXIS = 18.0
_BAR = 6.0
_LABEL = 15.0
_GAP = 26.0
_SIDE = 150.0
"""Room for names at either side of the axis."""
_NOTES = (
    "Average rank by test score, 1 the best. Models that a bar joins can't be told apart: ranks differ by "
    "less than the",
    "critical difference (CD) of Nemenyi's test at 5 %. p is Friedman's: whether the ranks differ at all.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagram:
    """One scope."""

    test: RankTest
    ranks: tuple[tuple[str, float], ...]
    """Models and their average ranks, best first."""
    over: Mapping[str, str]
    """`1 of 2`, by model whose average is not over all data sets."""

    @property
    def height(self) -> float:
        """Of the diagram with the gap below."""
        sides = math.ceil(len(self.ranks) / 2)
        return _TITLE + _RULER + _AXIS + 8 + _BAR * len(self.test.cliques) + _LABEL * sides + _GAP


def rank_pages(analysis: Analysis) -> Iterator[Figure]:
    """A diagram for every scope that has a critical difference; no figure where none has."""
    diagrams = [
        Diagram(
            test=test,
            ranks=_ranks(analysis.standings, test.scope),
            over={
                one.model: f"{one.n_datasets} of {one.n_in_scope}"
                for one in analysis.standings
                if one.scope == test.scope and one.n_datasets < one.n_in_scope
            },
        )
        for test in analysis.rank_tests
        if test.critical_difference is not None
    ]
    shared = pages(diagrams, lambda diagram: diagram.height, body_room(2) + _GAP)
    models = looks(analysis.results.models)
    for number, page in enumerate(shared):
        scopes = ", ".join(diagram.test.scope for diagram in page)
        words = page_words(number, len(shared))
        yield Figure(
            name=page_name("ranks", number),
            title=join("Average ranks with critical differences", words),
            alt=f"Critical-difference diagrams: average ranks of models over data sets. Scopes: {scopes}.",
            draw=partial(_draw, tuple(page), words, models),
        )


def _ranks(standings: Sequence[Standing], scope: str) -> tuple[tuple[str, float], ...]:
    found = [
        (standing.model, standing.average_rank)
        for standing in standings
        if standing.scope == scope and standing.average_rank is not None
    ]
    return tuple(sorted(found, key=lambda pair: pair[1]))


def _draw(diagrams: Sequence[Diagram], page: str, models: Mapping[str, Look]) -> Canvas:
    height = sum(diagram.height for diagram in diagrams) - _GAP
    canvas, top = new_page(height, "Average ranks with critical differences", _NOTES, page)
    for diagram in diagrams:
        _draw_diagram(canvas, diagram, top, models)
        top += diagram.height
    return canvas


def _draw_diagram(canvas: Canvas, diagram: Diagram, top: float, models: Mapping[str, Look]) -> None:
    test = diagram.test
    scope = "All data sets" if test.scope == OVERALL else test.scope
    about = join(f"{test.n_datasets} data sets", "" if test.p is None else f"p {_p(test.p)}")
    room = INNER - text_width(about, SMALL_PT) - 8
    canvas.text(EDGE, top + 11, shorten(scope, room, TITLE_PT, bold=True), size=TITLE_PT, bold=True)
    canvas.text(EDGE + INNER, top + 11, about, size=SMALL_PT, color=MUTED, align="right")
    most = max(2, test.n_models, *(math.ceil(rank) for _, rank in diagram.ranks))
    x = Scale(low=1, high=most, start=EDGE + _SIDE, end=EDGE + INNER - _SIDE)
    _draw_ruler(canvas, test, x, top + _TITLE + 8)
    axis = top + _TITLE + _RULER + _AXIS
    _draw_axis(canvas, most, x, axis)
    below = _draw_cliques(canvas, diagram, x, axis + 8)
    _draw_names(canvas, diagram, x, axis, below, models)


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


def _draw_ruler(canvas: Canvas, test: RankTest, x: Scale, y: float) -> None:
    """The critical difference as a length, from rank 1; cut at the axis' end where it is longer."""
    difference = test.critical_difference or 0.0
    end = min(x(1 + difference), x.end)
    ends = [((place, y - 3), (place, y + 3)) for place in (x(1), end)]
    canvas.segments([((x(1), y), (end, y)), *ends], INK, 1.1)
    canvas.text(end + 6, y + 3, f"CD = {difference:.2f}", size=SMALL_PT)


def _draw_axis(canvas: Canvas, most: int, x: Scale, y: float) -> None:
    canvas.segments([((x.start, y), (x.end, y))], INK, 1.1)
    step = max(1, math.ceil(most / 12))
    numbers = [rank for rank in range(1, most + 1) if (rank - 1) % step == 0]
    canvas.segments([((x(rank), y - 4), (x(rank), y)) for rank in numbers], INK, 1.1)
    halves = [(x(rank + 0.5), y) for rank in range(1, most)] if step == 1 else []
    canvas.segments([((at, down - 2.5), (at, down)) for at, down in halves], INK, 0.8)
    for rank in numbers:
        canvas.text(x(rank), y - 7, str(rank), size=SMALL_PT, align="center")


def _draw_cliques(canvas: Canvas, diagram: Diagram, x: Scale, y: float) -> float:
    """Bars below the axis, and where names can start."""
    ranks = dict(diagram.ranks)
    for clique in diagram.test.cliques:
        places = [x(ranks[model]) for model in clique if model in ranks]
        if len(places) > 1:
            canvas.line([(min(places) - 3, y), (max(places) + 3, y)], INK, 3, order=4)
            y += _BAR
    return y + 4


def _draw_names(
    canvas: Canvas,
    diagram: Diagram,
    x: Scale,
    axis: float,
    top: float,
    models: Mapping[str, Look],
) -> None:
    """The better half at the left, the others at the right, each joined to its place on the axis."""
    half = math.ceil(len(diagram.ranks) / 2)
    for number, (model, rank) in enumerate(diagram.ranks):
        left = number < half
        y = top + (number if left else len(diagram.ranks) - 1 - number) * _LABEL + 6
        end = EDGE + _SIDE - 12 if left else EDGE + INNER - _SIDE + 12
        canvas.line([(x(rank), axis), (x(rank), y), (end, y)], AXIS, 0.9, order=1)
        canvas.marks([(x(rank), axis)], "o", 5, face=models[model].color, order=5)
        words = " over ".join(filter(None, (f"{rank:.2f}", diagram.over.get(model))))
        taken = text_width(words, SMALL_PT) + 6
        name = shorten(model, _SIDE - 16 - taken)
        inner, outer = (end - 4, end - 4 - taken) if left else (end + 4, end + 4 + taken)
        align = "right" if left else "left"
        canvas.text(inner, y + 3, words, size=SMALL_PT, color=MUTED, align=align)
        canvas.text(outer, y + 3, name, align=align)
