"""Scores of each class, label or target on test, of the layers that are chosen on eval."""

from collections.abc import Sequence

from seqbench.report.reading.current import Key, Reader
from seqbench.report.reading.training import place_parameters
from seqbench.report.results import OutputScore

_SCORES = """
, places(dataset, model, head, layer) AS (
    SELECT unnest($place_datasets), unnest($place_models), unnest($place_heads), unnest($place_layers)
)
SELECT dataset, model, head, layer, label, metric, avg(value), max(support), count(value)
FROM asked
JOIN current USING (dataset, model, head, variant)
JOIN places USING (dataset, model, head, layer)
JOIN class_metrics USING (probe_id)
WHERE status = 'ok' AND fold IS NULL AND split = 'test'
GROUP BY ALL
ORDER BY label, metric
"""


def read_output_scores(reader: Reader, places: Sequence[tuple[Key, int]]) -> tuple[OutputScore, ...]:
    """Read the means over seeds, places in the order given."""
    names = ("dataset", "model", "head", "layer", "output", "metric", "value", "support", "n_probes")
    found = [
        OutputScore(**dict(zip(names, row, strict=True)))
        for row in reader.rows(_SCORES, **place_parameters(places))
    ]
    order = {key: number for number, (key, _) in enumerate(places)}
    return tuple(sorted(found, key=lambda one: order[one.dataset, one.model, one.head]))
