"""The long table of all layers: every score that the report is made from."""

from seqbench.report.analysis import Analysis, LayerComparison
from seqbench.report.results import Curve
from seqbench.report.subjects import DatasetFacts
from seqbench.report.tables.table import Cell, Table, TablePart

_COLUMNS = (
    "dataset",
    "model",
    "head",
    "layer",
    "metric",
    "score",
    "low",
    "high",
    "n_probes",
    "chosen",
    "oracle",
    "worse_than_chosen",
    "worse_low",
    "worse_high",
    "p_holm",
    "as_good",
)

_Compared = dict[tuple[str, str, str, str, int], LayerComparison]
"""By data set, model, head, metric and layer."""


def layers_table(analysis: Analysis) -> Table:
    """A row a data set, model, head, layer and metric: far too long to be read."""
    compared: _Compared = {
        (group.dataset, group.model, group.head, group.metric, one.layer): one
        for group in analysis.layers
        for one in group.layers
    }
    facts = {dataset.name: dataset for dataset in analysis.results.datasets}
    rows = tuple(
        row
        for curve in analysis.results.curves.values()
        for row in _rows(curve, facts[curve.dataset], compared)
    )
    return Table(
        name="layers",
        title="All layers",
        note="Scores on test of every layer by every metric, and how much worse it is than the chosen one.",
        parts=(TablePart(title="", columns=_COLUMNS, rows=rows),),
        for_people=False,
    )


def _rows(curve: Curve, dataset: DatasetFacts, compared: _Compared) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    for layer in curve.layers():
        for metric in dataset.metrics:
            score = curve.at(layer, metric)
            choice = curve.choices.get(metric)
            chosen = None if choice is None else choice.layer == layer
            oracle = None if choice is None else choice.oracle_layer == layer
            one = compared.get((curve.dataset, curve.model, curve.head, metric, layer))
            against = (None,) * 5 if one is None else _against(one)
            rows.append(
                (
                    curve.dataset,
                    curve.model,
                    curve.head,
                    layer,
                    metric,
                    score.value,
                    score.low,
                    score.high,
                    score.n_probes,
                    chosen,
                    oracle,
                    *against,
                )
            )
    return rows


def _against(one: LayerComparison) -> tuple[Cell, ...]:
    return (one.difference, one.low, one.high, one.p_holm, one.is_as_good)
