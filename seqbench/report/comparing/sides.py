"""The probes behind the leaderboard: those of each row's head on all layers, and those on shuffled labels."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqbench.catalog.records import ComparedSide
from seqbench.report.leaderboard import LeaderRow
from seqbench.report.reading.current import Reader
from seqbench.report.reading.training import place_parameters

_PROBES = """
, places(dataset, model, head) AS (
    SELECT unnest($place_datasets), unnest($place_models), unnest($place_heads)
)
SELECT dataset, model, head, variant, layer, probe_id, thresholds, spec->>'$.data.test', kind = 'precomputed'
FROM asked
JOIN current USING (dataset, model, head, variant)
JOIN places USING (dataset, model, head)
LEFT JOIN models USING (model)
WHERE status = 'ok' AND fold IS NULL
ORDER BY probe_id
"""
_SHUFFLED = """
, places(dataset, model, head, layer) AS (
    SELECT unnest($place_datasets), unnest($place_models), unnest($place_heads), unnest($place_layers)
),
placed AS (
    SELECT asked.*, CAST(json_merge_patch(spec, '{"shuffled": null, "chosen": null}') AS VARCHAR) AS rest
    FROM asked
    JOIN places USING (dataset, model, head, layer)
    WHERE status = 'ok' AND fold IS NULL AND subset IS NULL
)
SELECT
    t.dataset, t.model, t.head, t.variant, t.layer, t.probe_id, t.thresholds, t.spec->>'$.data.test',
    kind = 'precomputed'
FROM placed p
JOIN current USING (dataset, model, head, variant)
JOIN placed t USING (dataset, model, head, layer, seed, rest)
LEFT JOIN models USING (model)
WHERE p.control IS NULL AND t.control = 'shuffled-labels'
ORDER BY t.probe_id
"""
"""As in the view `selectivity`, the same probe is the one whose spec is the same but for the labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """A head on a layer of a model, and what is needed to score it again."""

    dataset: str
    side: ComparedSide
    thresholds: tuple[tuple[float, ...] | None, ...]
    """Of each probe."""
    test_hash: str | None
    """Of the file of test items; None where there was none (imported embeddings)."""


Layers = Mapping[int, Probed]
Sides = Mapping[tuple[str, str], Layers]
"""By data set and model: the layers of its row in the leaderboard."""


def read_sides(reader: Reader, rows: Sequence[LeaderRow]) -> Sides:
    """Read the probes of all layers of each row's head, those that its scores are means of."""
    return _sides(
        reader.rows(
            _PROBES,
            place_datasets=[row.dataset for row in rows],
            place_models=[row.model for row in rows],
            place_heads=[row.head for row in rows],
        )
    )


def read_shuffled(reader: Reader, rows: Sequence[LeaderRow]) -> Mapping[tuple[str, str], Probed]:
    """Read by data set and model the probes that differ from a row's only by labels that were shuffled."""
    places = [((row.dataset, row.model, row.head), row.choice.layer) for row in rows]
    found = _sides(reader.rows(_SHUFFLED, **place_parameters(places)))
    return {key: probed for key, layers in found.items() for probed in layers.values()}


def _sides(rows: Iterable[tuple[Any, ...]]) -> Sides:
    probes: dict[tuple[str, str, str, str, int], list[tuple[int, tuple[float, ...] | None]]]
    probes = defaultdict(list)
    hashes: dict[tuple[str, str], str | None] = {}
    for dataset, model, head, variant, layer, probe_id, thresholds, test_hash, is_imported in rows:
        cuts = None if thresholds is None else tuple(thresholds)
        probes[dataset, model, head, variant, layer].append((probe_id, cuts))
        hashes[dataset, model] = None if is_imported else test_hash
    sides: dict[tuple[str, str], dict[int, Probed]] = defaultdict(dict)
    for (dataset, model, head, variant, layer), members in probes.items():
        ids, cut = zip(*members, strict=True)
        side = ComparedSide(model=model, head=head, variant=variant, layer=layer, probes=ids)
        sides[dataset, model][layer] = Probed(
            dataset=dataset, side=side, thresholds=cut, test_hash=hashes[dataset, model]
        )
    return sides
