"""What it took to get the results: trainings of encoders, embedding and probing; and how single folds did."""

from collections.abc import Sequence

from seqbench.report.leaderboard import LeaderRow
from seqbench.report.reading.current import Reader
from seqbench.report.reading.training import place_parameters
from seqbench.report.ways import Cost, FoldScores

_PLACES = """
, places(dataset, model, head, layer) AS (
    SELECT unnest($place_datasets), unnest($place_models), unnest($place_heads), unnest($place_layers)
),
probed AS (
    SELECT p.dataset, p.model, p.head, p.layer = places.layer AS is_chosen, p.* EXCLUDE (dataset, model, head)
    FROM asked p
    JOIN current USING (dataset, model, head, variant)
    JOIN places USING (dataset, model, head)
    WHERE status = 'ok' AND subset IS NULL AND control IS NULL
)
"""
_FROZEN = """
SELECT
    dataset, model, head, max(parameters) FILTER (is_chosen), sum(seconds) / count(DISTINCT seed),
    min(device)
FROM probed
WHERE folds IS NULL OR fold IS NOT NULL  -- the row of all folds has the seconds of each once more
GROUP BY ALL
"""
_EMBEDDED = """
SELECT dataset, model, sum(seconds), min(device)
FROM embeddings
WHERE list_contains($models, model)
GROUP BY ALL
HAVING sum(seconds) > 0
"""
_TRAINED = """
, trained AS (
    SELECT DISTINCT probed.dataset, probed.head, t.*  EXCLUDE (dataset)
    FROM trainings t
    JOIN probed ON list_contains(t.probes, probed.probe_id)
)
SELECT
    dataset, model, head, max(trained_parameters), max(total_parameters),
    sum(seconds) / count(DISTINCT seed), min(device), max(peak_memory_bytes),
    CAST(round(sum(steps) / count(DISTINCT seed)) AS BIGINT)
FROM trained
GROUP BY ALL
"""

_FOLDS = """
SELECT dataset, model, head, metric, avg(value), stddev_samp(value), count(value)
FROM probed
JOIN metrics USING (probe_id)
WHERE is_chosen AND fold IS NOT NULL AND split = 'test'
GROUP BY ALL
HAVING count(value) > 0
"""

_Key = tuple[str, str, str]


def read_frozen_costs(reader: Reader, rows: Sequence[LeaderRow]) -> dict[tuple[str, str], Cost]:
    """What embedding a data set and probing all layers took, by data set and model.

    Args:
        reader: The catalog.
        rows: Models with the head and layer that was chosen.
    """
    embedded = {(dataset, model): (s, device) for dataset, model, s, device in reader.named(_EMBEDDED)}
    found = {}
    for dataset, model, _, parameters, seconds, device in reader.rows(_PLACES + _FROZEN, **_places(rows)):
        # Of several targets each is told of the embeddings that they share.
        before, where = embedded.get((dataset, model), (None, device))
        found[dataset, model] = Cost(
            trained_parameters=parameters,
            seconds=None if before is None else before + seconds,
            device=where,
        )
    return found


def read_trained_costs(reader: Reader, rows: Sequence[LeaderRow]) -> dict[_Key, Cost]:
    """What training the encoders of rows took, by data set, model and head; without those not recorded."""
    return {
        (dataset, model, head): Cost(
            trained_parameters=trained,
            total_parameters=total,
            seconds=seconds,
            device=device,
            peak_memory_bytes=peak,
            steps=steps,
        )
        for dataset, model, head, trained, total, seconds, device, peak, steps in reader.rows(
            _PLACES + _TRAINED, **_places(rows)
        )
    }


def read_fold_scores(reader: Reader, rows: Sequence[LeaderRow]) -> dict[_Key, FoldScores]:
    """What single folds score on test by the row's metric; without rows that have no folds."""
    metrics = {(row.dataset, row.model, row.head): row.metric for row in rows}
    return {
        (dataset, model, head): FoldScores(mean=mean, std=std, n=n)
        for dataset, model, head, metric, mean, std, n in reader.rows(_PLACES + _FOLDS, **_places(rows))
        if metrics[dataset, model, head] == metric
    }


def _places(rows: Sequence[LeaderRow]) -> dict[str, object]:
    return place_parameters([((row.dataset, row.model, row.head), row.choice.layer) for row in rows])
