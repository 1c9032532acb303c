"""Responses of cells: every head of every contender, with its place between the baseline and the ceiling."""

from seqbench.core.types import Task
from seqbench.metrics.names import METRICS
from seqbench.report.analysis import Analysis
from seqbench.report.results import Curve, Results
from seqbench.report.subjects import DatasetFacts
from seqbench.report.tables.table import Cell, Table, TablePart

BASELINE = ("no-features", "perturbation_mean")
"""Model and head of the score that is 0."""
_COLUMNS = (
    "dataset", "model", "layer", "head", "metric", "score", "low", "high", "n_probes", "baseline", "ceiling",
    "normalised",
)  # fmt: skip


def responses_table(analysis: Analysis) -> Table:
    """A row a contender, layer, head and metric; no rows where there are no cells.

    `normalised` is (score - baseline) / (ceiling - baseline): 0 as good as the mean of train's perturbations,
    1 as one half of the real cells against the other, whichever way the metric goes.
    """
    results = analysis.results
    rows = tuple(
        row
        for dataset in results.datasets
        if dataset.task is Task.PERTURBATION
        for curve in results.curves.values()
        if curve.dataset == dataset.name
        for row in _rows(results, dataset, curve)
    )
    return Table(
        name="responses",
        title="Perturbation responses",
        note="Scores on held-out perturbations; normalised: 0 is the mean of train's perturbations, 1 is one "
        "half of the real cells against the other.",
        parts=(TablePart(title="", columns=_COLUMNS, rows=rows),),
        for_people=False,
    )


def _rows(results: Results, dataset: DatasetFacts, curve: Curve) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    baseline = results.curves.get((dataset.name, *BASELINE))
    for layer in curve.layers():
        for metric in METRICS[dataset.task]:
            score, ceiling = curve.at(layer, metric), dataset.ceiling.get(metric)
            zero = None if baseline is None else baseline.at(0, metric).value
            rows.append(
                (
                    dataset.name,
                    curve.model,
                    layer,
                    curve.head,
                    metric,
                    score.value,
                    score.low,
                    score.high,
                    score.n_probes,
                    zero,
                    ceiling,
                    normalised(score.value, zero, ceiling),
                )
            )
    return rows


def normalised(score: float | None, baseline: float | None, ceiling: float | None) -> float | None:
    """Where a score lies between baseline (0) and ceiling (1); None where that can't be told."""
    if score is None or baseline is None or ceiling is None or baseline == ceiling:
        return None
    return (score - baseline) / (ceiling - baseline)
