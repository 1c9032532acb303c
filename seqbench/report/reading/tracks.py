"""What is stored of the letters of a few test sequences, of the probe that leads each data set.

Shape letters: M letters of a sequence, K outputs.
"""

from collections.abc import Sequence

import numpy as np

from seqbench.report.leaderboard import LeaderRow
from seqbench.report.reading.current import Key, Reader
from seqbench.report.reading.training import place_parameters
from seqbench.report.results import Results
from seqbench.report.tracks import SEQUENCES, ItemPredictions, Tracks, tracks_of

_LETTERS = """
, places(dataset, model, head, layer) AS (
    SELECT unnest($place_datasets), unnest($place_models), unnest($place_heads), unnest($place_layers)
),
shown AS (
    SELECT dataset, model, head, layer, probe_id, thresholds
    FROM asked
    JOIN current USING (dataset, model, head, variant)
    JOIN places USING (dataset, model, head, layer)
    WHERE status = 'ok' AND fold IS NULL
    QUALIFY row_number() OVER (PARTITION BY dataset, model, head ORDER BY seed) = 1
)
SELECT
    dataset, model, head, layer, any_value(thresholds), item,
    list(place ORDER BY place, output), list(target ORDER BY place, output),
    list(score ORDER BY place, output),
    max(output) - min(output) + 1
FROM shown JOIN predictions USING (probe_id)
WHERE split = 'test' AND place IS NOT NULL AND item < $sequences
GROUP BY dataset, model, head, layer, item
ORDER BY dataset, item
"""


def read_tracks(reader: Reader, results: Results, rows: Sequence[LeaderRow]) -> tuple[Tracks, ...]:
    """Read the first test sequences of each data set whose labels are of letters.

    Args:
        reader: Of the catalog.
        results: What the report is about.
        rows: The leaderboard; the first row of a data set that is no control is shown, else its first.
    """
    leads = [
        lead for dataset in results.datasets if dataset.of_letters and (lead := _lead(dataset.name, rows))
    ]
    places: list[tuple[Key, int]] = [((row.dataset, row.model, row.head), row.choice.layer) for row in leads]
    found: dict[str, list[ItemPredictions]] = {}
    thresholds: dict[str, Sequence[float] | None] = {}
    for dataset, _, _, _, cuts, item, place, target, score, n_outputs in (
        reader.rows(_LETTERS, sequences=SEQUENCES, **place_parameters(places)) if places else ()
    ):
        thresholds[dataset] = cuts
        found.setdefault(dataset, []).append(
            ItemPredictions(
                item=item,
                place_M=np.array(place[::n_outputs], dtype=np.int64),
                targets_MK=np.array(target, dtype=np.float64).reshape(-1, n_outputs),
                scores_MK=np.array(score, dtype=np.float64).reshape(-1, n_outputs),
            )
        )
    facts = {dataset.name: dataset for dataset in results.datasets}
    made = []
    for row in leads:
        own = facts[row.dataset]
        symbols, tracks = tracks_of(
            own.task, found.get(row.dataset, []), own.class_names, thresholds.get(row.dataset)
        )
        if tracks:
            made.append(
                Tracks(
                    dataset=row.dataset,
                    model=row.model,
                    head=row.head,
                    layer=row.choice.layer,
                    symbols=symbols,
                    tracks=tracks,
                )
            )
    return tuple(made)


def _lead(dataset: str, rows: Sequence[LeaderRow]) -> LeaderRow | None:
    own = [row for row in rows if row.dataset == dataset]
    return next((row for row in own if not row.control), own[0] if own else None)
