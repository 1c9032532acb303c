"""Which scores of a table are the best of their data set, and which can't be told apart from it."""

from collections.abc import Mapping, Sequence

from seqbench.metrics import higher_is_better
from seqbench.report.analysis import LayerComparisons
from seqbench.report.leaderboard import LeaderRow
from seqbench.report.tables.table import Cell

Places = frozenset[tuple[int, int]]
"""Row and column."""


def best_in(columns: Sequence[str], rows: Sequence[Sequence[Cell]], metrics: Mapping[str, str]) -> Places:
    """The best scores of each data set that has at least two.

    Args:
        columns: Of the table; `dataset` is among them.
        rows: Of the table.
        metrics: The metric of each column that holds scores.
    """
    dataset = columns.index("dataset")
    found = set()
    for name, metric in metrics.items():
        column = columns.index(name)
        sign = 1 if higher_is_better(metric) else -1
        scores: dict[Cell, dict[int, float]] = {}
        for number, row in enumerate(rows):
            score = row[column]
            if isinstance(score, float):
                scores.setdefault(row[dataset], {})[number] = sign * score
        for known in scores.values():
            top = max(known.values())
            found |= {(number, column) for number, score in known.items() if score == top and len(known) > 1}
    return frozenset(found)


def as_good_in(
    columns: Sequence[str], rows: Sequence[Sequence[Cell]], metric: str, leaderboard: Sequence[LeaderRow]
) -> Places:
    """The scores by a metric that nothing is clearly better than, where data sets are ranked by it."""
    first = {
        (row.dataset, row.model, row.head) for row in leaderboard if row.rank == 1 and row.metric == metric
    }
    keys = [columns.index(name) for name in ("dataset", "model", "head")]
    column = columns.index(metric)
    return frozenset(
        (number, column) for number, row in enumerate(rows) if tuple(row[key] for key in keys) in first
    )


def layers_as_good(compared: LayerComparisons) -> tuple[int, ...]:
    """The layers that can't be told apart from the chosen one, without it, ascending."""
    return tuple(sorted(one.layer for one in compared.layers if one.is_as_good))
