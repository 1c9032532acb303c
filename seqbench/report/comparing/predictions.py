"""Predictions of test items as they lie in the catalog.

Shape letters: N items, K outputs (classes, labels or targets).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from seqbench.catalog import Catalog
from seqbench.core.types import Task
from seqbench.metrics.letters import LetterPlaces

Array = NDArray[np.float32]

_CONTENTS = """
SELECT
    probe_id, count(*), count(*) - count(score), max(output) - min(output) + 1,
    bit_xor(
        CASE WHEN place IS NULL THEN hash(item, output, target) ELSE hash(item, place, output, target) END
    ),
    max(place) IS NOT NULL
FROM predictions
WHERE split = 'test' AND probe_id IN (SELECT unnest($probes))
GROUP BY probe_id
"""
_COLUMN = """
SELECT probe_id, list({column} ORDER BY item, place, output)
FROM predictions
WHERE split = 'test' AND probe_id IN (SELECT unnest($probes))
GROUP BY probe_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What is stored of a probe's predictions of test."""

    n_rows: int
    """Items × outputs."""
    n_outputs: int
    """That are stored: of two classes one."""
    items: int
    """Hash over items, or letters, and targets, whatever their order."""
    of_letters: bool = False
    """Whether predictions are of letters of items."""

    @property
    def n_items(self) -> int:
        """Items that were predicted, or letters."""
        return self.n_rows // self.n_outputs


def read_contents(catalog: Catalog, probes: Iterable[int]) -> dict[int, Contents]:
    """Look what is stored of each probe; those without predictions of test, or with gaps, are left out."""
    rows = catalog.query(_CONTENTS, {"probes": list(probes)}).rows
    return {
        probe: Contents(n_rows=n_rows, n_outputs=n_outputs, items=items, of_letters=of_letters)
        for probe, n_rows, n_gaps, n_outputs, items, of_letters in rows
        if n_gaps == 0
    }


def read_scores(catalog: Catalog, probes: Sequence[int]) -> dict[int, Array]:
    """Read what probes predicted, by item and output, one row after the other."""
    return _read(catalog, "score", probes)


def read_targets(catalog: Catalog, probes: Sequence[int]) -> dict[int, Array]:
    """Read what they should have predicted, laid out alike."""
    return _read(catalog, "target", probes)


def read_places(catalog: Catalog, probe: int, contents: Contents) -> LetterPlaces | None:
    """Where the letters stand that a probe predicted; None where it predicted items."""
    if not contents.of_letters:
        return None
    item, place = (
        _read(catalog, column, [probe], np.int64)[probe][:: contents.n_outputs]
        for column in ("item", "place")
    )
    return LetterPlaces(sequence_M=item, place_M=place)


def _read(
    catalog: Catalog, column: str, probes: Sequence[int], dtype: DTypeLike = np.float32
) -> dict[int, NDArray[Any]]:
    rows = catalog.query(_COLUMN.format(column=column), {"probes": list(probes)}).rows
    return {probe: np.array(values, dtype=dtype) for probe, values in rows}


def as_targets(task: Task, stored: Array, contents: Contents) -> NDArray[np.generic]:
    """Stored targets as metrics take them: class indices (N,), else (N, K)."""
    values_NK = stored.reshape(-1, contents.n_outputs)
    if task is not Task.CLASSIFICATION:
        return values_NK
    return values_NK[:, 0].astype(np.int64) if contents.n_outputs == 1 else values_NK.argmax(axis=1)


def as_predictions(task: Task, stored: Array, contents: Contents) -> NDArray[np.floating]:
    """Stored scores as metrics take them, (N, K); of two classes the first one's is put back."""
    values_NK = stored.reshape(-1, contents.n_outputs)
    if task is Task.CLASSIFICATION and contents.n_outputs == 1:
        yes_N = values_NK[:, 0].astype(np.float64)
        return np.stack([1 - yes_N, yes_N], axis=1)
    return values_NK
