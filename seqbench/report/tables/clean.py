"""The tables of scores on clean test items."""

from collections.abc import Callable

from seqbench.report.analysis import Analysis, CleanScore
from seqbench.report.tables.table import Cell, Table, TablePart

_COLUMNS = (
    *("dataset", "verdict", "model", "head", "layer", "metric", "n_items", "n_clean"),
    *("score", "low", "high", "clean_score", "clean_low", "clean_high", "difference", "n_probes", "reason"),
)
_PRINTED = (
    *("dataset", "verdict", "model", "head", "metric", "n_items", "n_clean"),
    *("score", "clean_score", "clean_low", "clean_high", "difference"),
)
_NOTE = (
    "Scores on all test items, and on those that the audit of the data set found nothing against: no copies "
    "or near-duplicates of train items, contradicting labels, overlapping intervals or repeats. The "
    "difference is the clean score minus the other."
)


def clean_table(analysis: Analysis) -> Table:
    """A row a data set, model and head, by the data set's ranking metric."""
    results = analysis.results
    ranking = {dataset.name: results.metric_of(dataset) for dataset in results.datasets}
    return Table(
        name="clean",
        title="Scores on clean test items",
        note=_NOTE,
        parts=(_part(analysis, lambda one: one.metric == ranking[one.dataset]),),
    )


def clean_metrics_table(analysis: Analysis) -> Table:
    """The same by every metric of the task: too long to be read."""
    return Table(
        name="clean_metrics",
        title="Scores on clean test items by every metric",
        note=_NOTE,
        parts=(_part(analysis, lambda one: True),),
        for_people=False,
    )


def _part(analysis: Analysis, is_wanted: Callable[[CleanScore], bool]) -> TablePart:
    verdicts = {audit.dataset: audit.verdict for audit in analysis.results.audits}
    rows = tuple(_row(one, verdicts[one.dataset]) for one in analysis.clean if is_wanted(one))
    return TablePart(title="", columns=_COLUMNS, rows=rows, printed=_PRINTED)


def _row(one: CleanScore, verdict: str) -> tuple[Cell, ...]:
    full, clean = one.full, one.clean
    known = full.value is not None and clean.value is not None
    return (
        *(one.dataset, verdict, one.model, one.head, one.layer, one.metric, one.n_items, one.n_clean),
        *(full.value, full.low, full.high, clean.value, clean.low, clean.high),
        (clean.value or 0.0) - (full.value or 0.0) if known else None,
        clean.n_probes,
        one.reason,
    )
