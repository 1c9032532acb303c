"""Heat map: which model scores how much on which data set."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from seqbench.metrics import higher_is_better
from seqbench.report.analysis import Analysis
from seqbench.report.figures.canvas import Canvas
from seqbench.report.figures.colors import diverging, ink_on, sequential
from seqbench.report.figures.figure import Figure, join, page_name, page_words
from seqbench.report.figures.rows import (
    LABELS,
    Row,
    body_height,
    draw_heads,
    draw_rows,
    grouped,
    heads_height,
    row_pages,
)
from seqbench.report.figures.sheet import EDGE, INNER, body_room, new_page
from seqbench.report.figures.style import GRID, HATCH, MUTED, PALE, SERIES, SMALL_PT
from seqbench.report.leaderboard import LeaderRow
from seqbench.report.tables.table import readable

_ROW = 17.0
_MOST_MODELS = 9
_WIDEST = 76.0
_LEGEND = 26.0
_LEAST_SPAN = 0.02
"""The colours span at least this much of a score, so that a hair's breadth does not look like a gulf."""
_FAILED = SERIES[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A model on a data set."""

    value: float | None
    shade: float | None
    """-1 to 1 about the best control, where controls have none; or 0 to 1 from the data set's worst model to
    its best."""
    is_first: bool
    """Whether nothing is clearly better."""
    failed: bool
    """Whether any of its probes failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shading:
    """What colours mean in the whole figure."""

    over_controls: bool
    """Whether they tell the gain over the best control; otherwise the place between worst and best model."""
    span: float
    """The gain at which they end."""


_Boards = Mapping[str, Mapping[str, float]]
"""By data set and model: the score, negated where lower is better."""


def score_pages(analysis: Analysis) -> Iterator[Figure]:
    """The heat map of scores, model by data set; no figure where nothing has a place in the leaderboard."""
    results = analysis.results
    metrics = {row.dataset: row.metric for row in analysis.leaderboard}
    if not metrics:
        return
    rows = grouped(results.datasets, metrics)
    shading, cells = _cells(analysis)
    names = [model.name for model in results.models]
    sets = [names[start : start + _MOST_MODELS] for start in range(0, len(names), _MOST_MODELS)]
    blocks = [(models, page) for models in sets for page in row_pages(rows, _ROW, _room(models))]
    one = set(metrics.values())
    title = f"Test scores ({one.pop()})" if len(one) == 1 else "Test scores by each data set's ranking metric"
    for number, (models, page) in enumerate(blocks):
        words = page_words(number, len(blocks))
        yield Figure(
            name=page_name("scores", number),
            title=join(title, words),
            alt=f"Heat map of test scores. Rows are {sum(not row.is_heading for row in page)} data sets, "
            f"columns are the models {', '.join(models)}. {_meaning(shading)}",
            draw=partial(_draw_scores, title, words, tuple(models), tuple(page), cells, shading),
        )


def _room(models: Sequence[str]) -> float:
    return body_room(2, _LEGEND) - heads_height(models, _cell_width(len(models)))


def _cell_width(n_models: int) -> float:
    return min(_WIDEST, (INNER - LABELS) / n_models)


def _cells(analysis: Analysis) -> tuple[Shading, dict[tuple[str, str], Cell]]:
    """By data set and model; what colours mean is the same everywhere."""
    boards = _boards(analysis.leaderboard)
    controls = {row.model for row in analysis.leaderboard if row.control}
    references = {
        dataset: max((value for model, value in board.items() if model in controls), default=None)
        for dataset, board in boards.items()
    }
    shading = _shading(boards, controls, references)
    broken = {(failure.dataset, failure.model) for failure in analysis.results.failed}
    cells = {place: Cell(value=None, shade=None, is_first=False, failed=True) for place in broken}
    for row in analysis.leaderboard:
        board = boards[row.dataset]
        if row.model in board:
            cells[row.dataset, row.model] = Cell(
                value=row.choice.test.value,
                shade=_shade(row, board, references[row.dataset], shading),
                is_first=row.rank == 1,
                failed=(row.dataset, row.model) in broken,
            )
    return shading, cells


def _boards(leaderboard: Sequence[LeaderRow]) -> _Boards:
    boards: dict[str, dict[str, float]] = {}
    for row in leaderboard:
        board = boards.setdefault(row.dataset, {})
        if row.choice.test.value is not None:
            board[row.model] = row.choice.test.value * (1 if higher_is_better(row.metric) else -1)
    return boards


def _shading(boards: _Boards, controls: Collection[str], references: Mapping[str, float | None]) -> Shading:
    """Gains over controls where every data set has one, and a model that is none."""
    gains = [
        abs(value - (references[dataset] or 0.0))
        for dataset, board in boards.items()
        for model, value in board.items()
        if model not in controls
    ]
    known = all(reference is not None for reference in references.values())
    return Shading(over_controls=known and bool(gains), span=max([*gains, _LEAST_SPAN]))


def _shade(
    row: LeaderRow, board: Mapping[str, float], reference: float | None, shading: Shading
) -> float | None:
    if shading.over_controls and row.control:
        return None
    model = row.model
    if shading.over_controls and reference is not None:
        return max(-1.0, min(1.0, (board[model] - reference) / shading.span))
    return 1 - (max(board.values()) - board[model]) / max(
        max(board.values()) - min(board.values()), _LEAST_SPAN
    )


def _meaning(shading: Shading) -> str:
    if shading.over_controls:
        return "Colour: score minus the data set's best control (blue: better, orange: worse); controls grey."
    return "Colour: from the data set's worst model (pale) to its best (dark)."


def _draw_scores(
    title: str,
    page: str,
    models: Sequence[str],
    rows: Sequence[Row],
    cells: Mapping[tuple[str, str], Cell],
    shading: Shading,
) -> Canvas:
    width = _cell_width(len(models))
    heads = heads_height(models, width)
    notes = (
        "Of the layer chosen on eval, with each model's best head by eval. Bold: nothing is clearly better.",
        _meaning(shading),
    )
    canvas, top = new_page(heads + body_height(rows, _ROW) + _LEGEND, title, notes, page)
    left = EDGE + LABELS
    draw_heads(canvas, models, left, top, width)
    for row, y in draw_rows(canvas, rows, top + heads, _ROW):
        for number, model in enumerate(models):
            cell = cells.get((row.name, model))
            _draw_cell(canvas, left + number * width, y, width, cell, over=shading.over_controls)
    dagger = any(cell.failed and cell.value is not None for cell in cells.values())
    _draw_legend(canvas, left, top + heads + body_height(rows, _ROW) + 8, shading, dagger=dagger)
    return canvas


def _draw_cell(
    canvas: Canvas, left: float, top: float, width: float, cell: Cell | None, *, over: bool
) -> None:
    box = (left + 0.75, top + 0.75, width - 1.5, _ROW - 1.5)
    middle, base = left + width / 2, top + _ROW / 2 + 3
    if cell is None or cell.value is None:
        failed = cell is not None
        canvas.hatch(*box, HATCH)
        words, color = ("failed", _FAILED) if failed else ("missing", MUTED)
        canvas.text(middle, base, words, size=SMALL_PT, color=color, align="center", halo=True)
        return
    color = PALE if cell.shade is None else (diverging if over else sequential)(cell.shade)
    canvas.rectangles([box], [color], edge=GRID, edge_width=0.4)
    words = readable(cell.value, 3) + ("†" if cell.failed else "")
    canvas.text(middle, base, words, size=8, color=ink_on(color), align="center", bold=cell.is_first)


def _draw_legend(canvas: Canvas, left: float, top: float, shading: Shading, *, dagger: bool) -> None:
    """What the ends of the colours are, and what a dagger says."""
    steps = 41
    width = 110.0
    boxes = [(left + i * width / steps, top, width / steps + 0.3, 7.0) for i in range(steps)]
    shares = [i / (steps - 1) for i in range(steps)]
    if shading.over_controls:
        colors = [diverging(2 * share - 1) for share in shares]
        ends = (f"−{shading.span:.2f}", "0", f"+{shading.span:.2f}")
    else:
        colors, ends = [sequential(share) for share in shares], ("worst", "", "best")
    canvas.rectangles(boxes, colors)
    for share, words, align in zip((0, 0.5, 1), ends, ("left", "center", "right"), strict=True):
        canvas.text(left + share * width, top + 16, words, size=SMALL_PT, color=MUTED, align=align)
    if dagger:
        canvas.text(left + width + 14, top + 6.5, "† some of its probes failed", size=SMALL_PT, color=MUTED)
