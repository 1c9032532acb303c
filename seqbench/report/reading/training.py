"""How heads were trained: learning curves and verdicts of the current probes."""

from collections import defaultdict
from collections.abc import Sequence

from seqbench.report.reading.current import Key, Reader
from seqbench.report.results import EpochFacts, LearningCurve

_HISTORY = """
, places(dataset, model, head, layer) AS (
    SELECT unnest($place_datasets), unnest($place_models), unnest($place_heads), unnest($place_layers)
),
shown AS (
    SELECT dataset, model, head, layer, seed, probe_id, chosen_epoch, convergence, advice
    FROM asked
    JOIN current USING (dataset, model, head, variant)
    JOIN places USING (dataset, model, head, layer)
    WHERE status = 'ok' AND probe_id IN (SELECT probe_id FROM history)
    QUALIFY row_number() OVER (PARTITION BY dataset, model, head ORDER BY seed, fold NULLS FIRST) = 1
)
SELECT
    dataset, model, head, layer, seed, chosen_epoch, convergence, advice,
    list({'epoch': epoch, 'train_loss': train_loss, 'eval_loss': eval_loss, 'eval_score': eval_score}
        ORDER BY epoch)
FROM shown JOIN history USING (probe_id)
GROUP BY ALL
"""
_VERDICTS = """
SELECT dataset, model, head, convergence, count(*)
FROM asked
JOIN current USING (dataset, model, head, variant)
WHERE status = 'ok' AND convergence IS NOT NULL
GROUP BY ALL
ORDER BY ALL
"""


def read_learning(reader: Reader, places: Sequence[tuple[Key, int]]) -> tuple[LearningCurve, ...]:
    """Read the learning curve of a layer of each data set, model and head that has one, in the order given.

    Of several seeds it is that of the lowest, of a cross-validation that of its first fold.
    """
    found = {}
    for dataset, model, head, layer, seed, epoch, verdict, advice, points in reader.rows(
        _HISTORY, **place_parameters(places)
    ):
        found[dataset, model, head] = LearningCurve(
            dataset=dataset,
            model=model,
            head=head,
            layer=layer,
            seed=seed,
            chosen_epoch=epoch,
            verdict=verdict,
            advice=advice,
            points=tuple(EpochFacts(**point) for point in points),
        )
    return tuple(found[key] for key, _ in places if key in found)


def place_parameters(places: Sequence[tuple[Key, int]]) -> dict[str, object]:
    """Parameters that SQL makes a table of: data set, model, head and layer side by side."""
    return {
        "place_datasets": [dataset for (dataset, _, _), _ in places],
        "place_models": [model for (_, model, _), _ in places],
        "place_heads": [head for (_, _, head), _ in places],
        "place_layers": [layer for _, layer in places],
    }


def read_verdicts(reader: Reader) -> dict[Key, dict[str, int]]:
    """Count the current probes by the verdict on their training."""
    found: dict[Key, dict[str, int]] = defaultdict(dict)
    for dataset, model, head, verdict, count in reader.rows(_VERDICTS):
        found[dataset, model, head][verdict] = count
    return dict(found)
