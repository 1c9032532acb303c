"""Win matrix: on how many data sets one model is clearly better than another."""

from collections.abc import Iterator, Sequence
from functools import partial

from seqbench.report.analysis import OVERALL, Analysis, Wins
from seqbench.report.figures.canvas import Canvas
from seqbench.report.figures.colors import ink_on, sequential
from seqbench.report.figures.figure import Figure
from seqbench.report.figures.letters import shorten
from seqbench.report.figures.rows import LABELS, draw_heads, heads_height
from seqbench.report.figures.sheet import EDGE, INNER, new_page
from seqbench.report.figures.style import GRID, SMALL_PT

_ROW = 26.0
_WIDEST = 72.0
_FOR_BOTH = 46.0
_FOR_TOTAL = 30.0
"""Width from which a cell holds both counts, and the number of data sets."""
_NOTES = (
    "Data sets on which the row's model is clearly better than the column's (paired bootstrap over test",
    "items, Holm) and, in brackets, better by score, of those that both have. Best average rank first.",
)


def win_figure(analysis: Analysis) -> Iterator[Figure]:
    """One figure, where at least two models met on a data set."""
    met = {(win.model, win.other): win for win in analysis.wins if win.n_datasets}
    if not met:
        return
    ranked = [standing.model for standing in analysis.standings if standing.scope == OVERALL]
    known = [model.name for model in analysis.results.models]
    names = [name for name in dict.fromkeys([*ranked, *known]) if any(name in pair for pair in met)]
    yield Figure(
        name="wins",
        title="Who is clearly better than whom",
        alt=f"Matrix of {len(names)} models against each other: number of data sets on which the row's model "
        "is clearly better than the column's.",
        draw=partial(_draw, tuple(names), met),
    )


def _draw(names: Sequence[str], met: dict[tuple[str, str], Wins]) -> Canvas:
    width = min(_WIDEST, (INNER - LABELS) / len(names))
    heads = heads_height(names, width)
    canvas, top = new_page(heads + _ROW * len(names), "Who is clearly better than whom", _NOTES)
    left = EDGE + LABELS
    draw_heads(canvas, names, left, top, width)
    for number, name in enumerate(names):
        y = top + heads + number * _ROW
        canvas.text(EDGE, y + _ROW / 2 + 3, shorten(name, LABELS - 8))
        for column, other in enumerate(names):
            if name != other:
                _draw_cell(canvas, met.get((name, other)), left + column * width, y, width)
    return canvas


def _draw_cell(canvas: Canvas, win: Wins | None, left: float, top: float, width: float) -> None:
    box = (left + 0.75, top + 0.75, width - 1.5, _ROW - 1.5)
    middle = left + width / 2
    if win is None:
        canvas.hatch(*box, GRID)
        return
    color = sequential(0.95 * win.clearly_better / win.n_datasets)
    ink = ink_on(color)
    canvas.rectangles([box], [color], edge=GRID, edge_width=0.4)
    words = f"{win.clearly_better} ({win.better})" if width >= _FOR_BOTH else str(win.clearly_better)
    canvas.text(middle, top + 11.5, words, color=ink, align="center", bold=True)
    if width >= _FOR_TOTAL:
        canvas.text(middle, top + 21, f"of {win.n_datasets}", size=SMALL_PT, color=ink, align="center")
