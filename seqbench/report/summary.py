"""What the leaderboard says in a few sentences: which model, which layer, how sure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from statistics import median

from seqbench.metrics import higher_is_better
from seqbench.report.leaderboard import LeaderRow
from seqbench.report.results import Results
from seqbench.report.tables.table import readable

_MOST_NAMED = 4
_DIGITS = 3

_Boards = Mapping[str, Sequence[LeaderRow]]
"""By data set, its rows that have a score on test, best first."""


def summarize(results: Results, rows: Sequence[LeaderRow]) -> tuple[str, ...]:
    """Sentences on who is ahead and how sure that is, at which layer, and where a control is as good.

    Models that are not controls compete. A lead is clear where the interval on test of the one ahead lies
    wholly on the better side of the other's, which asks for more than a paired test does.
    """
    boards: _Boards = {
        dataset: [row for row in group if row.rank is not None]
        for dataset, group in groupby(rows, key=lambda row: row.dataset)
    }
    boards = {dataset: board for dataset, board in boards.items() if board}
    if not boards:
        return ("No model has a score on test yet.", *_open(results))
    if all(row.control for board in boards.values() for row in board):
        return ("Only controls have scores on test.", *_open(results))
    said = _one(*boards.values()) if len(boards) == 1 else _many(boards)
    return (*said, *_open(results))


def _one(board: Sequence[LeaderRow]) -> tuple[str, ...]:
    """On a report of one data set."""
    best, *others = [row for row in board if not row.control]
    layer = f"layer {best.choice.layer} of 0–{best.n_layers - 1}" if best.n_layers > 1 else "its one layer"
    gap = best.choice.gap
    oracle = f"; the best layer on test would have given {readable(gap, _DIGITS)} more" if gap else ""
    said = [
        f"{best.model} scores {readable(best.choice.test.value, _DIGITS)} {best.metric} on {best.dataset}"
        f"{_interval(best)}, from {layer} with the {best.head} head{oracle}."
    ]
    said += [_against(best, rival) for rival in others[:1]]
    said += [_against(best, control) for control in [row for row in board if row.control][:1]]
    return tuple(said)


def _against(row: LeaderRow, other: LeaderRow) -> str:
    name = f"{other.model}, {'the best control' if other.control else 'the next'}"
    score = readable(other.choice.test.value, _DIGITS)
    if (row.rank or 0) > (other.rank or 0):
        return f"{name}, scores {score}: more than the best model."
    sure = "clear of it" if _is_clear(row, other) else "overlapping with it"
    return f"{name}, scores {score}; the best model's interval is {sure}."


def _many(boards: _Boards) -> tuple[str, ...]:
    """On a report of several data sets."""
    contested = {name: [row for row in board if not row.control] for name, board in boards.items()}
    contested = {name: board for name, board in contested.items() if board}
    firsts = [board[0] for board in contested.values()]
    return (
        *_winner(firsts, [(board[0], board[1]) for board in contested.values() if len(board) > 1]),
        *_controls({name: boards[name] for name in contested}),
        *_layers([row for row in firsts if row.n_layers > 1]),
    )


def _winner(firsts: Sequence[LeaderRow], duels: Sequence[tuple[LeaderRow, LeaderRow]]) -> tuple[str, ...]:
    """Who leads how often; nothing where there is only one to lead."""
    if not duels:
        return ()
    (model, count), *others = Counter(row.model for row in firsts).most_common()
    rest = f" ({_listed([f'{name} on {n}' for name, n in others])})" if others else ""
    clear = sum(_is_clear(*duel) for duel in duels)
    return (
        f"{model} is ahead on {count} of {len(firsts)} data sets{rest}; "
        f"the best model's interval is clear of the next one's on {clear} of {len(duels)}.",
    )


def _controls(boards: _Boards) -> tuple[str, ...]:
    """How the best model does against the best control, where there are both."""
    duels = {
        name: (
            next(row for row in board if not row.control),
            next(row for row in board if row.control),
        )
        for name, board in boards.items()
        if any(row.control for row in board)
    }
    if not duels:
        return ()
    models = {row.model for row, _ in duels.values()}
    who = models.pop() if len(models) == 1 else "The best model"
    lost = [f"{name} ({other.model})" for name, (row, other) in duels.items() if not _leads(row, other)]
    clear = sum(_is_clear(*duel) for duel in duels.values())
    said = (
        f"{who} scores above every control on {len(duels) - len(lost)} of {len(duels)} data sets, "
        f"with clear intervals on {clear}."
    )
    if not lost:
        return (said,)
    return (
        said,
        f"A control is as good or better on {_listed(lost)}: no trained model is needed there.",
    )


def _leads(row: LeaderRow, other: LeaderRow) -> bool:
    return row.rank is not None and other.rank is not None and row.rank < other.rank


def _layers(deep: Sequence[LeaderRow]) -> tuple[str, ...]:
    if not deep:
        return ()
    last = sum(row.choice.layer == row.n_layers - 1 for row in deep)
    depth = median(row.choice.layer / (row.n_layers - 1) for row in deep)
    said = (
        f"The layer chosen on eval for the best model lies at {depth:.0%} of the depth in the median, and is "
        f"the last one on {last} of {len(deep)} data sets."
    )
    gaps = [row.choice.gap for row in deep if row.choice.gap is not None]
    if gaps:
        said += (
            f" The best layer on test would have given {readable(median(gaps), _DIGITS)} more in the median, "
            f"{readable(max(gaps), _DIGITS)} at most."
        )
    return (said,)


def _is_clear(row: LeaderRow, other: LeaderRow) -> bool:
    better, worse = row.choice.test, other.choice.test
    if higher_is_better(row.metric):
        return better.low is not None and worse.high is not None and better.low > worse.high
    return better.high is not None and worse.low is not None and better.high < worse.low


def _interval(row: LeaderRow) -> str:
    test = row.choice.test
    if test.low is None or test.high is None:
        return ""
    return f" (interval {readable(test.low, _DIGITS)} to {readable(test.high, _DIGITS)})"


def _open(results: Results) -> tuple[str, ...]:
    """What is not there."""
    parts = []
    if results.failed:
        count = sum(failure.n_probes for failure in results.failed)
        parts.append(f"{count} probe{'s' if count > 1 else ''} failed")
    if results.missing:
        wanted = results.selection
        total = len(wanted.models) * len(wanted.datasets) * len(wanted.heads)
        parts.append(f"{len(results.missing)} of {total} combinations have no results")
    return (f"{' and '.join(parts)} (listed at the end of the page).",) if parts else ()


def _listed(names: Sequence[str]) -> str:
    named = list(names[:_MOST_NAMED])
    if len(names) > _MOST_NAMED:
        named.append(f"{len(names) - _MOST_NAMED} more")
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
