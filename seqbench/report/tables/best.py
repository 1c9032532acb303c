"""The tables of layers: the best by one metric, by several, and the last."""

from collections.abc import Iterator, Sequence

from seqbench.core.types import Task
from seqbench.report.leaderboard import LeaderRow
from seqbench.report.results import Curve, Results
from seqbench.report.subjects import DatasetFacts, metrics_of
from seqbench.report.tables.marks import as_good_in, best_in
from seqbench.report.tables.table import Cell, Table, TablePart

_KEYS = ("dataset", "model", "head")


def best_table(
    results: Results, metrics: Sequence[str], leaderboard: Sequence[LeaderRow] = ()
) -> Table | None:
    """A table of the layers chosen on eval: by one metric with all scores, or by each of several.

    Args:
        results: What the catalog holds.
        metrics: One metric, or several whose best layers stand side by side.
        leaderboard: Tells which scores can't be told apart from the best.

    Returns:
        None where no data set has any of the metrics. Data sets without any are left out.
    """
    datasets = [dataset for dataset in results.datasets if any(map(dataset.has, metrics))]
    if not datasets:
        return None
    part = (
        _by_one(results, datasets, metrics[0], leaderboard)
        if len(metrics) == 1
        else _by_each(results, datasets, metrics)
    )
    return Table(
        name=f"best_{'-'.join(metrics)}",
        title=f"Best layer by {', '.join(metrics)}",
        note="Scores on test, averaged over seeds, of the layer chosen on eval. The oracle is the layer that "
        "is best on test, which nobody can know beforehand; the gap is how much better it is.",
        parts=(part,),
    )


def last_layer_table(results: Results) -> Table | None:
    """All scores of every model's last layer, the usual choice of those who look at one layer only.

    Models whose last layer was not asked for are left out.
    """
    parts = []
    for task in Task:
        datasets = [dataset for dataset in results.datasets if dataset.task is task]
        if datasets:
            part = _last_layers(results, datasets, task)
            parts += [part] if part.rows else []
    if not parts:
        return None
    return Table(
        name="last_layer",
        title="Last layer",
        note="Scores on test, averaged over seeds, of the model's last layer.",
        parts=tuple(parts),
    )


def _places(
    results: Results, datasets: Sequence[DatasetFacts]
) -> Iterator[tuple[tuple[str, str, str], Curve | None]]:
    """Every wanted data set, model and head, with its results where there are some."""
    for dataset in datasets:
        for model in results.selection.models:
            for head in results.selection.heads:
                curve = results.curve(dataset.name, model, head)
                if curve is not None or head in results.selection.heads_on(dataset.name):
                    yield (dataset.name, model, head), curve


def _by_one(
    results: Results, datasets: Sequence[DatasetFacts], metric: str, leaderboard: Sequence[LeaderRow]
) -> TablePart:
    names = metrics_of(datasets)
    columns = (
        *_KEYS,
        "layer",
        *names,
        f"{metric}_low",
        f"{metric}_high",
        "n_probes",
        f"eval_{metric}",
        "oracle_layer",
        f"oracle_{metric}",
        "gap",
    )
    rows: list[tuple[Cell, ...]] = []
    for key, curve in _places(results, datasets):
        choice = None if curve is None else curve.choices.get(metric)
        if curve is None or choice is None:
            rows.append((*key, *[None] * (len(columns) - len(key))))
            continue
        scores = [curve.at(choice.layer, name).value for name in names]
        interval = (choice.test.low, choice.test.high, choice.test.n_probes)
        oracle = (choice.oracle_layer, choice.oracle_score, choice.gap)
        rows.append((*key, choice.layer, *scores, *interval, choice.eval_score, *oracle))
    best = best_in(columns, rows, {name: name for name in names})
    return TablePart(
        title="",
        columns=columns,
        rows=tuple(rows),
        printed=(*_KEYS, "layer", *names, f"{metric}_low", f"{metric}_high", "gap"),
        best=best,
        as_good=as_good_in(columns, rows, metric, leaderboard) - best,
    )


def _by_each(results: Results, datasets: Sequence[DatasetFacts], metrics: Sequence[str]) -> TablePart:
    columns = [*_KEYS]
    for metric in metrics:
        columns += [metric, f"{metric}_layer", f"oracle_{metric}", f"oracle_{metric}_layer"]
    rows = []
    for key, curve in _places(results, datasets):
        row: list[Cell] = [*key]
        for metric in metrics:
            choice = None if curve is None else curve.choices.get(metric)
            if choice is None:
                row += [None] * 4
            else:
                row += [choice.test.value, choice.layer, choice.oracle_score, choice.oracle_layer]
        rows.append(tuple(row))
    best = best_in(columns, rows, {name: name for name in metrics})
    return TablePart(title="", columns=tuple(columns), rows=tuple(rows), best=best)


def _last_layers(results: Results, datasets: Sequence[DatasetFacts], task: Task) -> TablePart:
    names = metrics_of(datasets)
    rows: list[tuple[Cell, ...]] = []
    for key, curve in _places(results, datasets):
        if curve is None:
            rows.append((*key, None, *[None] * len(names)))
            continue
        last = curve.n_layers - 1
        if last not in curve.layers():
            continue
        rows.append((*key, last, *(curve.at(last, name).value for name in names)))
    columns = (*_KEYS, "layer", *names)
    best = best_in(columns, rows, {name: name for name in names})
    return TablePart(title=task.value, columns=columns, rows=tuple(rows), best=best)
