"""The probes behind the leaderboard: those of each row's head on all layers."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seqbench.catalog.records import ComparedSide
from seqbench.report.leaderboard import LeaderRow
from seqbench.report.reading.current import Reader

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
    probes: dict[tuple[str, str, str, str, int], list[tuple[int, tuple[float, ...] | None]]]
    probes = defaultdict(list)
    hashes: dict[tuple[str, str], str | None] = {}
    found = reader.rows(
        _PROBES,
        place_datasets=[row.dataset for row in rows],
        place_models=[row.model for row in rows],
        place_heads=[row.head for row in rows],
    )
    for dataset, model, head, variant, layer, probe_id, thresholds, test_hash, is_imported in found:
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
