"""The leaderboard of a selection: a row a model and data set, ranked on test by the task's primary metric."""

from collections.abc import Iterator
from dataclasses import dataclass

from seqbench.metrics import PRIMARY, higher_is_better
from seqbench.report.results import Choice, DatasetFacts, Results


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderRow:
    """A model on a data set, with its best head by eval and the layer chosen on eval."""

    dataset: str
    metric: str
    place: int | None
    """By score on test, 1 the best, equal scores share a place; None without a score."""
    rank: int | None
    """1 + the number of models that are clearly better (`Comparison.is_clear`), so that models that can't be told
    apart share a rank; equals `place` where nothing was compared."""
    model: str
    control: bool
    head: str
    n_layers: int
    choice: Choice


def leaderboard(results: Results) -> tuple[LeaderRow, ...]:
    """Rank the models of every data set; data sets in the order of the selection, models by rank.

    The head of a model is the one with the better eval score (the first of equals in the selection), as in
    the catalog's view of this name, which ranks all that was ever run rather than a selection.
    """
    return tuple(row for dataset in results.datasets for row in _rows(results, dataset))


def _rows(results: Results, dataset: DatasetFacts) -> Iterator[LeaderRow]:
    metric = PRIMARY[dataset.task]
    sign = 1 if higher_is_better(metric) else -1
    best: list[tuple[str, bool, str, int, Choice]] = []
    for model in results.models:
        curves = [results.curve(dataset.name, model.name, head) for head in results.selection.heads]
        chosen = [
            (model.name, model.is_control, curve.head, curve.n_layers, curve.choices[metric])
            for curve in curves
            if curve is not None and metric in curve.choices
        ]
        if chosen:
            best.append(max(chosen, key=lambda entry: sign * _number(entry[-1].eval_score, sign)))
    best.sort(key=lambda entry: -sign * _number(entry[-1].test.value, sign))
    values = [entry[-1].test.value for entry in best]
    for name, control, head, n_layers, choice in best:
        value = choice.test.value
        place = None if value is None else values.index(value) + 1
        yield LeaderRow(
            dataset=dataset.name,
            metric=metric,
            place=place,
            rank=place,
            model=name,
            control=control,
            head=head,
            n_layers=n_layers,
            choice=choice,
        )


def _number(value: float | None, sign: int) -> float:
    """The value, or the worst there is where it is not known."""
    return -sign * float("inf") if value is None else value
