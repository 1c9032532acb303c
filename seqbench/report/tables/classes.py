"""The table of scores by class, label or target, with their names."""

from seqbench.report.analysis import Analysis
from seqbench.report.tables.table import Cell, Table, TablePart

_COLUMNS = ("dataset", "model", "head", "layer", "output", "name", "metric", "score", "support", "n_probes")


def classes_table(analysis: Analysis) -> Table:
    """A row a data set, model, head, output and metric: too long to be read."""
    facts = {dataset.name: dataset for dataset in analysis.results.datasets}
    rows: list[tuple[Cell, ...]] = []
    for one in analysis.results.outputs:
        place = (one.dataset, one.model, one.head, one.layer, one.output)
        name = facts[one.dataset].output_name(one.output)
        rows.append((*place, name, one.metric, one.value, one.support, one.n_probes))
    return Table(
        name="classes",
        title="Scores by class, label or target",
        note="Scores on test of the layer chosen on eval, of each class or label against the rest, or of "
        "each target; the support is how many items are of the class.",
        parts=(TablePart(title="", columns=_COLUMNS, rows=tuple(rows)),),
        for_people=False,
    )
