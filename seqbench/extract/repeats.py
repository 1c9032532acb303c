"""Sequences that occur more than once in a data set, so that each is embedded once.

Variant sets repeat their reference thousands of times. Within a block repeats share a row; across blocks the
store is the memory: a row that is complete there is copied instead of computed.

Shape letters: N items, S sequences of an item.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from seqbench.core.types import SplitName
from seqbench.datasets.dataset import Dataset

READ_LETTERS = 2 * 1024**2
"""Letters that are read at once while looking for repeats."""


@dataclass(frozen=True, slots=True)
class RowPlace:
    """Where in a data set a sequence stands."""

    split: SplitName
    item: int
    seq: int
    """Its number within the item."""


def sequence_hash(text: str) -> int:
    """First 64 bits of the BLAKE2b of a text."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


class Repeats:
    """The first place of every sequence that a data set holds more than once."""

    def __init__(self, dataset: Dataset) -> None:
        """Hash every sequence: one pass over the files, some 24 bytes a sequence for a moment."""
        self._dataset = dataset
        self._n_seqs = dataset.n_seqs
        self._names = tuple(dataset.splits)
        sizes = [len(split) * self._n_seqs for split in dataset.splits.values()]
        self._begins = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        hashes = np.empty(self._begins[-1], dtype=np.uint64)
        filled = 0
        for part in _hashed(dataset):
            hashes[filled : filled + len(part)] = part
            filled += len(part)
        order = np.argsort(hashes, kind="stable")  # stable: of equal sequences the first comes first
        hashes = hashes[order]
        is_first = np.diff(hashes, prepend=hashes[:1] + np.uint64(1)) != 0
        sizes_of = np.diff(np.append(np.flatnonzero(is_first), len(hashes)))
        repeated = np.flatnonzero(is_first)[sizes_of > 1]
        self._hashes: NDArray[np.uint64] = hashes[repeated]
        self._firsts: NDArray[np.int64] = order[repeated].astype(np.int64)

    def __len__(self) -> int:
        """Distinct sequences that occur more than once."""
        return len(self._hashes)

    def holds(self, hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Which of some `sequence_hash` values belong to sequences that occur more than once."""
        at = np.minimum(np.searchsorted(self._hashes, hashes), max(len(self) - 1, 0))
        if not len(self):
            return np.zeros(hashes.shape, dtype=np.bool_)
        return np.asarray(self._hashes[at] == hashes)

    def first(self, sequence: str) -> RowPlace | None:
        """Where a sequence stands first; None for one that occurs once.

        That two sequences share a hash is found out by comparing letters.
        """
        hashed = sequence_hash(sequence)
        at = int(np.searchsorted(self._hashes, np.uint64(hashed)))
        if at == len(self._hashes) or int(self._hashes[at]) != hashed:
            return None
        place = self._place(int(self._firsts[at]))
        found = self._dataset.splits[place.split].sequences(place.item, place.item + 1)[0][place.seq]
        return place if found == sequence else None

    def _place(self, flat: int) -> RowPlace:
        number = int(np.searchsorted(self._begins, flat, side="right")) - 1
        item, seq = divmod(flat - int(self._begins[number]), self._n_seqs)
        return RowPlace(self._names[number], item, seq)


def _hashed(dataset: Dataset) -> Iterator[NDArray[np.uint64]]:
    for split in dataset.splits.values():
        letters = split.lengths.sum(axis=1).cumsum()
        start = 0
        while start < len(split):
            before = letters[start - 1] if start else 0
            stop = max(start + 1, int(np.searchsorted(letters, before + READ_LETTERS, side="right")))
            items: Sequence[tuple[str, ...]] = split.sequences(start, stop)
            yield np.asarray(
                [sequence_hash(sequence) for item in items for sequence in item], dtype=np.uint64
            )
            start = stop
