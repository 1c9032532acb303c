"""Who stands where over several data sets: average ranks with their test, and wins between two models.

Shape letters: D data sets, M models.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from statistics import fmean

import numpy as np

from seqbench.metrics import cliques, critical_difference, friedman, higher_is_better, ranks
from seqbench.metrics.averages import Floats
from seqbench.report.analysis import OVERALL, Comparison, Gain, RankTest, Standing, Wins
from seqbench.report.leaderboard import CLEAR_BELOW, LeaderRow
from seqbench.report.subjects import DatasetFacts, ModelFacts

LEAST_SHARE = 0.5
"""Share of a scope's data sets that a model must have scores on to be ranked there.

The average of fewer says little: one-hot, say, needs sequences of one length.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedBlock:
    """The part of a leaderboard that average ranks of a scope are taken over."""

    scope: str
    rows: Mapping[tuple[str, str], LeaderRow]
    """Of the scope, by data set and model; those that have a score."""
    models: tuple[str, ...]
    """That are ranked against each other, in the order of the selection."""
    guests: tuple[str, ...]
    """Controls that lack a data set on which a model has a score: they are told where they would stand among
    the models, and move nobody's rank."""
    datasets: tuple[str, ...]
    """On which any model has a score."""

    @property
    def complete(self) -> tuple[str, ...]:
        """Data sets on which all of `models` have scores."""
        return tuple(
            d for d in self.datasets if self.models and all((d, m) in self.rows for m in self.models)
        )

    def ranks(self) -> Floats:
        """Ranks of test scores on complete data sets, (D, M), ties averaged."""
        goodness_DM = [[_goodness(self.rows[d, m]) for m in self.models] for d in self.complete]
        return ranks(np.array(goodness_DM).reshape(len(goodness_DM), len(self.models)))

    def average_ranks(self) -> dict[str, float]:
        """By model and guest, over the data sets on which it has a score."""
        found: dict[str, list[float]] = {}
        for dataset in self.datasets:
            there = {
                name: _goodness(self.rows[dataset, name])
                for name in (*self.models, *self.guests)
                if (dataset, name) in self.rows
            }
            for name, mine in there.items():
                others = [value for other, value in there.items() if other in self.models and other != name]
                better = sum(value > mine for value in others)
                found.setdefault(name, []).append(1 + better + sum(value == mine for value in others) / 2)
        return {name: fmean(values) for name, values in found.items()}


def blocks(
    rows: Iterable[LeaderRow], datasets: Sequence[DatasetFacts], models: Sequence[ModelFacts]
) -> tuple[RankedBlock, ...]:
    """Cut a leaderboard into scopes: all data sets, then each group of them in the order of the selection."""
    scored = {(row.dataset, row.model): row for row in rows if row.place is not None}
    with_scores = [one for one in datasets if any(name == one.name for name, _ in scored)]
    scopes = dict.fromkeys((OVERALL, *(dataset.group for dataset in with_scores)))
    return tuple(
        _block(scope, scored, [one.name for one in with_scores if scope in (OVERALL, one.group)], models)
        for scope in (scopes if with_scores else ())
    )


def _block(
    scope: str,
    scored: Mapping[tuple[str, str], LeaderRow],
    datasets: Sequence[str],
    models: Sequence[ModelFacts],
) -> RankedBlock:
    on = {model.name: {d for d in datasets if (d, model.name) in scored} for model in models}
    ranked = [model for model in models if len(on[model.name]) >= LEAST_SHARE * len(datasets)]
    of_models = {d for model in ranked if not model.is_control for d in on[model.name]}
    guests = tuple(model.name for model in ranked if model.is_control and of_models - on[model.name])
    return RankedBlock(
        scope=scope,
        rows={key: row for key, row in scored.items() if key[0] in datasets},
        models=tuple(model.name for model in ranked if model.name not in guests),
        guests=guests,
        datasets=tuple(datasets),
    )


def standings(
    block: RankedBlock, models: Sequence[ModelFacts], gained: Iterable[Gain]
) -> tuple[Standing, ...]:
    """The models of a scope by average rank; then those that are not ranked, with most scores first."""
    average = block.average_ranks()
    inside = {dataset for dataset, _ in block.rows}
    mine = [gain for gain in gained if gain.dataset in inside]
    one_metric = len({row.metric for row in block.rows.values()}) == 1
    found = [
        _standing(block, model, average.get(model.name), mine, one_metric)
        for model in models
        if any(name == model.name for _, name in block.rows)
    ]
    return tuple(
        sorted(found, key=lambda one: (one.average_rank is None, one.average_rank or 0.0, -one.n_scored))
    )


def _standing(
    block: RankedBlock,
    model: ModelFacts,
    average_rank: float | None,
    gained: Sequence[Gain],
    one_metric: bool,
) -> Standing:
    rows = [row for (_, name), row in block.rows.items() if name == model.name]
    scores = [row.choice.test.value for row in rows if row.choice.test.value is not None]
    is_ranked = average_rank is not None
    return Standing(
        scope=block.scope,
        model=model.name,
        control=model.is_control,
        n_datasets=len(rows) if is_ranked else 0,
        n_in_scope=len(block.datasets),
        n_scored=len(rows),
        average_rank=average_rank,
        n_first=sum(row.rank == 1 for row in rows),
        mean_score=fmean(scores) if one_metric and is_ranked else None,
        gain_untrained=_mean_gain(gained, model.name, "untrained") if one_metric else None,
        gain_kmer=_mean_gain(gained, model.name, "kmer") if one_metric else None,
    )


def _mean_gain(gained: Sequence[Gain], model: str, kind: str) -> float | None:
    found = [gain.difference for gain in gained if (gain.model, gain.kind) == (model, kind)]
    return fmean(found) if found else None


def rank_test(block: RankedBlock) -> RankTest:
    """Test whether average ranks of a scope differ, if it has at least two data sets and three models.

    Where Friedman's test finds no difference at 5 %, Nemenyi's is not asked: all models are one clique.
    """
    n_datasets, n_models = len(block.complete), len(block.models)
    if n_datasets < 2 or n_models < 3:
        return RankTest(
            scope=block.scope, n_datasets=n_datasets, n_models=n_models, p=None, critical_difference=None
        )
    ranks_DM = block.ranks()
    p = friedman(ranks_DM)
    difference = critical_difference(n_models, n_datasets)
    found = cliques(ranks_DM.mean(axis=0).tolist(), difference if p < CLEAR_BELOW else float("inf"))
    return RankTest(
        scope=block.scope,
        n_datasets=n_datasets,
        n_models=n_models,
        p=p,
        critical_difference=difference,
        cliques=tuple(tuple(block.models[index] for index in group) for group in found),
    )


def wins(
    rows: Iterable[LeaderRow], comparisons: Iterable[Comparison], models: Sequence[str]
) -> tuple[Wins, ...]:
    """Count for every ordered pair of models how often the first is better than the second."""
    places = {(row.dataset, row.model): row.place for row in rows if row.place is not None}
    datasets = dict.fromkeys(dataset for dataset, _ in places)
    clear: set[tuple[str, str, str]] = set()
    for one in comparisons:
        if one.is_clear:
            better, worse = (one.a, one.b) if one.difference > 0 else (one.b, one.a)
            clear.add((one.dataset, better.model, worse.model))
    found = []
    for model, other in permutations(models, 2):
        both = [d for d in datasets if (d, model) in places and (d, other) in places]
        found.append(
            Wins(
                model=model,
                other=other,
                clearly_better=sum((dataset, model, other) in clear for dataset in both),
                better=sum(places[dataset, model] < places[dataset, other] for dataset in both),
                n_datasets=len(both),
            )
        )
    return tuple(found)


def _goodness(row: LeaderRow) -> float:
    value = row.choice.test.value
    if value is None:
        return float("nan")
    return value if higher_is_better(row.metric) else -value


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
