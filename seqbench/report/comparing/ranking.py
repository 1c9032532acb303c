"""Ranks that models share where they can't be told apart."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from seqbench.report.analysis import Comparison
from seqbench.report.leaderboard import LeaderRow


def ranked(rows: Iterable[LeaderRow], comparisons: Iterable[Comparison]) -> tuple[LeaderRow, ...]:
    """Give each row the rank 1 + the number of models that are clearly better on its data set.

    A pair that was not compared counts by score, so that a model without predictions is not first for that.
    """
    boards: dict[str, list[LeaderRow]] = defaultdict(list)
    for row in rows:
        boards[row.dataset].append(row)
    is_worse: dict[tuple[str, str, str], bool] = {}
    for one in comparisons:
        is_worse[one.dataset, one.b.model, one.a.model] = one.is_clear and one.difference > 0
        is_worse[one.dataset, one.a.model, one.b.model] = one.is_clear and one.difference < 0
    return tuple(
        row
        if row.place is None
        else replace(row, rank=1 + sum(_is_worse(row, other, is_worse) for other in board))
        for board in boards.values()
        for row in board
    )


def _is_worse(row: LeaderRow, other: LeaderRow, known: dict[tuple[str, str, str], bool]) -> bool:
    if row.place is None or other.place is None:
        return False
    return known.get((row.dataset, row.model, other.model), other.place < row.place)
