"""From the store to what a head is trained on: sequences combined, targets indexed, eval held out if need be.

Shape letters: L layers, N items, S sequences of an item, H hidden width, D features of an item.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.errors import ProbeError
from seqbench.probe.heads.base import HeadData, Problem
from seqbench.probe.split import holdout
from seqbench.store import Embeddings
from seqbench.vocabulary import SplitName, Task

FEATURE_BYTES = 2 * 1024**3
"""Bytes of features in memory at once; as many layers are read together as fit, at least one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitRows:
    """Which rows of which stored split a head sees as train, eval or test."""

    source: SplitName
    rows_N: NDArray[np.int64]
    """Rows of the stored split, ascending."""


def problem_of(entry: Embeddings) -> Problem:
    """What is to be predicted.

    Raises:
        ProbeError: Train holds one class only, so there is nothing to learn.
    """
    if entry.facts.task is not Task.CLASSIFICATION:
        return Problem(task=entry.facts.task, n_outputs=entry.facts.n_targets)
    if len(entry.facts.classes) < 2:
        raise ProbeError(
            f"{entry.name}: train holds only class {entry.facts.classes[0]}, nothing to tell apart"
        )
    return Problem(task=Task.CLASSIFICATION, n_outputs=len(entry.facts.classes))


def targets_of(entry: Embeddings, split: SplitName) -> NDArray[Any]:
    """Classification: (N,) class indices. Labels: (N, K) 0/1. Regression: (N, K) values."""
    labels = entry.labels(split)
    if entry.facts.task is Task.CLASSIFICATION:
        return np.searchsorted(np.asarray(entry.facts.classes), labels).astype(np.int64)
    return labels


def rows_of(entry: Embeddings, seed: int) -> dict[SplitName, SplitRows]:
    """The rows of each split; without an eval split a stratified tenth of train stands in, by seed.

    Items that extraction had to leave out, as they did not fit in memory, are in no split.

    Raises:
        ProbeError: Nothing is left of a split.
    """
    embedded = {split: _embedded(entry, split) for split in entry.splits}
    if "eval" in entry.splits:
        return {split: SplitRows(source=split, rows_N=rows_N) for split, rows_N in embedded.items()}
    train = embedded["train"]
    kept, held = holdout(targets_of(entry, "train")[train], entry.facts.task, seed)
    return {
        "train": SplitRows(source="train", rows_N=train[kept]),
        "eval": SplitRows(source="train", rows_N=train[held]),
        "test": SplitRows(source="test", rows_N=embedded["test"]),
    }


def _embedded(entry: Embeddings, split: SplitName) -> NDArray[np.int64]:
    """The rows of a split that hold embeddings; coverage is unknown, NaN, where they were imported."""
    rows_N = np.flatnonzero((entry.items(split).coverage_NS != 0).all(axis=1))
    if not len(rows_N):
        raise ProbeError(
            f"{entry.name}: every item of {split} was skipped by extraction (see extract.oversize)"
        )
    return rows_N


def layer_groups(entry: Embeddings, layers: Sequence[int], combine: str) -> list[tuple[int, ...]]:
    """Cut layers into groups whose features fit into memory together."""
    items = sum(facts.n_items for facts in entry.facts.splits.values())
    width = entry.facts.hidden * (entry.facts.n_seqs if combine == "concat" else 1)
    size = max(1, FEATURE_BYTES // (4 * items * width))
    return [tuple(layers[start : start + size]) for start in range(0, len(layers), size)]


class Features:
    """The features of some layers, read from the store once and cut for each seed."""

    def __init__(self, entry: Embeddings, layers: Sequence[int], combine: str) -> None:
        self.layers = tuple(layers)
        self._features = {
            split: np.stack([_combine(entry.load(layer, split), combine) for layer in layers])
            for split in entry.splits
        }
        self._targets = {split: targets_of(entry, split) for split in entry.splits}

    def data(self, layers: Sequence[int], rows: SplitRows) -> HeadData:
        """Features and targets of some of the layers for some rows; copies only what it must."""
        features_LNH = self._features[rows.source]
        targets = self._targets[rows.source]
        if tuple(layers) != self.layers:
            features_LNH = features_LNH[[self.layers.index(layer) for layer in layers]]
        if len(rows.rows_N) != features_LNH.shape[1]:
            features_LNH, targets = features_LNH[:, rows.rows_N], targets[rows.rows_N]
        return HeadData(features_LNH=features_LNH, targets=targets)


def _combine(rows_NSH: NDArray[np.float32], combine: str) -> NDArray[np.float32]:
    """One row an item, (N, D): its sequences side by side, or averaged."""
    if combine == "mean":
        return np.asarray(rows_NSH.mean(axis=1), dtype=np.float32)
    return rows_NSH.reshape(len(rows_NSH), -1)
