"""The leaderboard of a selection: a row a model and data set, ranked on test."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from seqbench.metrics import higher_is_better
from seqbench.report.results import Choice, Curve, Results
from seqbench.report.subjects import DatasetFacts

CLEAR_BELOW = 0.05
"""What is told apart has a p below this, after Holm's correction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderRow:
    """A model on a data set, with its best head by eval and the layer chosen on eval."""

    dataset: str
    metric: str
    place: int | None
    """By score on test, 1 the best, equal scores share a place; None without a score."""
    rank: int | None
    """1 + the number of models that are clearly better (`Comparison.is_clear`), so that models that can't be
    told apart share a rank. A pair that was not compared counts by score, so that it equals `place` where
    nothing was."""
    model: str
    control: bool
    head: str
    n_layers: int
    choice: Choice


def leaderboard(results: Results, way: str | None = None) -> tuple[LeaderRow, ...]:
    """Order the models of every data set by score; data sets in the order of the selection. Ranks are places.

    The head of a model is the one with the better eval score (of equals the first by name), as in
    the catalog's view of this name, which ranks all that was ever run rather than a selection. Data sets
    whose task lacks the selection's metric have no rows.

    Args:
        results: What the catalog holds.
        way: `lora` or `full` for models that were trained so; None for frozen ones.
    """
    heads = sorted(results.selection.heads) if way is None else [way]
    return tuple(row for dataset in results.datasets for row in _rows(results, dataset, heads))


def rank_labels(rows: Iterable[LeaderRow]) -> dict[tuple[str, str], str]:
    """Ranks as people read them, by data set and model: `1`, or `1=` where others share it; empty if none."""
    members = list(rows)
    shared = Counter((row.dataset, row.rank) for row in members)
    return {
        (row.dataset, row.model): ""
        if row.rank is None
        else f"{row.rank}{'=' if shared[row.dataset, row.rank] > 1 else ''}"
        for row in members
    }


def _rows(results: Results, dataset: DatasetFacts, heads: Iterable[str]) -> Iterator[LeaderRow]:
    metric = results.metric_of(dataset)
    if metric is None:
        return
    sign = 1 if higher_is_better(metric) else -1
    best: list[tuple[str, bool, Curve]] = []
    for model in results.models:
        curves = [results.any_curve((dataset.name, model.name, head)) for head in heads]
        chosen = [curve for curve in curves if curve is not None and metric in curve.choices]
        if chosen:
            curve = max(chosen, key=lambda one: _goodness(one.choices[metric].eval_score, sign))
            best.append((model.name, model.is_control, curve))
    best.sort(key=lambda entry: -_goodness(entry[-1].choices[metric].test.value, sign))
    values = [curve.choices[metric].test.value for _, _, curve in best]
    for name, control, curve in best:
        choice = curve.choices[metric]
        value = choice.test.value
        place = None if value is None else values.index(value) + 1
        yield LeaderRow(
            dataset=dataset.name,
            metric=metric,
            place=place,
            rank=place,
            model=name,
            control=control,
            head=curve.head,
            n_layers=curve.n_layers,
            choice=choice,
        )


def _goodness(value: float | None, sign: int) -> float:
    """Higher is better; the worst there is where it is not known."""
    return -float("inf") if value is None else sign * value
