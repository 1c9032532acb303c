"""Who is ahead, who can't be told apart from it, and where a control is as good."""

from collections.abc import Iterator, Mapping, Sequence

from seqbench.report.analysis import OVERALL, Analysis, Standing
from seqbench.report.comparing.known import NO_PREDICTIONS
from seqbench.report.leaderboard import LeaderRow
from seqbench.report.phrases import counted, listed, number


def ranking_of_one(analysis: Analysis, best: LeaderRow, board: Sequence[LeaderRow]) -> Iterator[str]:
    """On the best model of the one data set against all others."""
    others = [row for row in board if row is not best]
    if not others:
        return
    if not analysis.comparisons:
        ahead = [row for row in others if (row.place or 0) < (best.place or 0)]
        first = f"place {best.place} of {len(board)}"
        behind = f", behind {listed([_named(row) for row in ahead])}" if ahead else ""
        place = f"By score alone {best.model} is at {first}{behind}"
        yield f"{place}: {_why_not_compared(analysis)} to tell how sure that is."
        return
    is_better = dict(_clear(analysis, best.model))
    above = [_named(row) for row in others if is_better.get(row.model) is False]
    beside = [_named(row) for row in others if row.model not in is_better]
    below = [row.model for row in others if is_better.get(row.model) is True]
    if above:
        yield f"{listed(above)} {'is' if len(above) == 1 else 'are'} better than {best.model}."
    said = [f"can't be told apart from {listed(beside)}"] if beside else []
    if below:
        said.append(f"is better than {listed(below)}")
    if said:
        yield f"{best.model} {' and '.join(said)}."


def _why_not_compared(analysis: Analysis) -> str:
    if any(NO_PREDICTIONS in sentence for sentence in analysis.not_compared):
        return "no predictions are stored"
    return "no two models could be compared item by item"


def _clear(analysis: Analysis, model: str) -> Iterator[tuple[str, bool]]:
    """The models that can be told apart from one, and whether it is better than they are."""
    for one in analysis.comparisons:
        if one.is_clear and model == one.a.model:
            yield one.b.model, one.difference > 0
        elif one.is_clear and model == one.b.model:
            yield one.a.model, one.difference < 0


def _named(row: LeaderRow) -> str:
    return f"{row.model} ({number(row.choice.test.value)})"


def ranking_of_many(analysis: Analysis, boards: Mapping[str, Sequence[LeaderRow]]) -> Iterator[str]:
    """On average ranks, rank 1 and controls over several data sets."""
    yield from _average(analysis)
    yield from _firsts(analysis, boards)
    yield from _controls(analysis, boards)


def _average(analysis: Analysis) -> Iterator[str]:
    standings = [one for one in analysis.standings if one.scope == OVERALL and one.average_rank is not None]
    test = next((one for one in analysis.rank_tests if one.scope == OVERALL), None)
    if len(standings) < 2 or standings[0].n_in_scope < 2:
        return
    first, *others = standings
    control = ", a control," if first.control else ""
    start = (
        f"{first.model}{control} has the best average rank, {first.average_rank:.1f} of {len(standings)} "
        f"{_over(first) or f'over {first.n_datasets}'} data sets"
    )
    if test is None or test.critical_difference is None:
        after = f" {_over(others[0])}" if _over(others[0]) else ""
        yield f"{start}; {others[0].model} follows with {others[0].average_rank:.1f}{after}."
        return
    beside = {model for clique in test.cliques if first.model in clique for model in clique} - {first.model}
    near = [
        f"{one.model} ({' '.join(filter(None, (f'{one.average_rank:.1f}', _over(one))))})"
        for one in others
        if one.model in beside
    ]
    apart = f"can't be told apart from {listed(near)}" if near else "is ahead of all others"
    yield f"{start}, and {apart} (critical difference {test.critical_difference:.1f})."


def _over(standing: Standing) -> str:
    """`over 1 of 2` where a model's averages are not over all data sets."""
    some = standing.n_datasets < standing.n_in_scope
    return f"over {standing.n_datasets} of {standing.n_in_scope}" if some else ""


def _firsts(analysis: Analysis, boards: Mapping[str, Sequence[LeaderRow]]) -> Iterator[str]:
    """How much of the leaderboards is more than chance."""
    if all(len(board) < 2 for board in boards.values()):
        return
    if not analysis.comparisons:
        yield f"All ranks go by score alone: {_why_not_compared(analysis)} to tell how sure they are."
        return
    clear = sum(one.is_clear for one in analysis.comparisons)
    alone = sum(sum(row.rank == 1 for row in board) == 1 for board in boards.values() if len(board) > 1)
    several = sum(len(board) > 1 for board in boards.values())
    yield (
        f"{clear} of {counted(len(analysis.comparisons), 'pair')} of models can be told apart; "
        f"on {alone} of {several} data sets one model is alone at rank 1."
    )


def _controls(analysis: Analysis, boards: Mapping[str, Sequence[LeaderRow]]) -> Iterator[str]:
    """Where no trained model is needed; of a single one what it has over controls was told before."""
    if len({row.model for board in boards.values() for row in board if not row.control}) < 2:
        return
    contested = {
        name: board
        for name, board in boards.items()
        if any(row.control for row in board) and not all(row.control for row in board)
    }
    first = {
        name: row.model for name, board in contested.items() for row in board if row.control and row.rank == 1
    }
    if first:
        places = listed([f"{name} ({model})" for name, model in first.items()])
        yield f"On {len(first)} of {_sets(contested)} no model is better than the best control: {places}."
    elif contested:
        yield f"On all {_sets(contested)} a model is better than every control."


def _sets(boards: Mapping[str, object]) -> str:
    return counted(len(boards), "data set")
