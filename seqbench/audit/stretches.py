"""Exact stretches that items of eval and test share with train: overlapping windows, repeats, families.

Every stretch of the given width is looked up, on both strands of nucleotides, so none is missed.

Shape letters: N items of a split, W stretches, U those of eval and test.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqbench.audit.letters import CHUNK_LETTERS, Words, encode, mixed, repetitive, stretches_of, words
from seqbench.datasets.dataset import Dataset, Split
from seqbench.progress import Advance
from seqbench.vocabulary import SplitName

SLICE_LETTERS: Final = 12 << 20
"""Letters of eval and test whose stretches are held at once, in some 250 MB; train is read once for each."""
_FILTER_BITS: Final = 26
DEFAULT_WIDTH: Final = {"dna": 30, "rna": 30, "protein": 12}
"""Among a million sequences of 1,000 letters (1e9 words on each side of a comparison) random stretches of 30
nucleotides coincide once (1e18 / 4^30), of 12 amino acids some hundred times; 30 is also the seed length at
which aligners call a match unique."""

_Run = tuple[SplitName, int, int]
"""Items `start` to `stop` of a split."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SharedStretches:
    """What items of a split share with train."""

    share_N: NDArray[np.float64]
    """Of an item's stretches those that occur in train; 0 where it has none."""
    partner_N: NDArray[np.int64]
    """Row of train that most of these come from (the first one that has each), or -1."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Known:
    """The stretches of a slice of eval and test."""

    known_U: NDArray[np.uint64]
    """Ascending; of equal ones the first stands for all."""
    found_U: NDArray[np.int32]
    """First row of train that holds the stretch, or -1; filled while train is read."""
    filter: NDArray[np.bool_]
    """A Bloom filter of two hashes: most stretches of train go no further."""

    def places(self, words_W: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Which of some stretches are known, and where."""
        one, other = _filter_places(words_W)
        maybe = np.flatnonzero(self.filter[one])
        maybe = maybe[self.filter[other[maybe]]]
        place = np.minimum(np.searchsorted(self.known_U, words_W[maybe]), len(self.known_U) - 1)
        hit = self.known_U[place] == words_W[maybe]
        return maybe[hit], place[hit]


def shared_stretches(dataset: Dataset, width: int, advance: Advance) -> dict[SplitName, SharedStretches]:
    """Look up the stretches of eval and test in train.

    Stretches with a period of up to 3 letters don't count.

    Args:
        dataset: Its splits outside train are read twice, train once for each `SLICE_LETTERS` of them.
        width: Letters of a stretch; at most `largest_k`.
        advance: Told the letters read, `letters_to_read` in all.

    Raises:
        DataError: A file was changed since it was indexed.
    """
    found: dict[SplitName, SharedStretches] = {
        name: SharedStretches(share_N=np.zeros(len(split)), partner_N=np.full(len(split), -1))
        for name, split in dataset.splits.items()
        if name != "train"
    }
    train = dataset.splits["train"]
    for runs in _slices(dataset):
        known = _collect(dataset, runs, width, advance)
        if not len(known.known_U):
            continue
        for start, stop in stretches_of(train):
            _look_up(known, _read(dataset, train, start, stop, width, advance), start)
        for name, start, stop in runs:
            read = _read(dataset, dataset.splits[name], start, stop, width, advance)
            share_N, partner_N = _summed(known, read, stop - start)
            found[name].share_N[start:stop], found[name].partner_N[start:stop] = share_N, partner_N
    return found


def letters_to_read(dataset: Dataset) -> int:
    """How much `shared_stretches` reads, in letters."""
    letters = {name: int(split.lengths.sum()) for name, split in dataset.splits.items()}
    train = letters.pop("train")
    return 2 * sum(letters.values()) + train * len(list(_slices(dataset)))


def _slices(dataset: Dataset) -> Iterator[list[_Run]]:
    runs: list[_Run] = []
    letters = 0
    for name, split in dataset.splits.items():
        for start, stop in stretches_of(split) if name != "train" else ():
            more = int(split.lengths[start:stop].sum())
            if runs and letters + more > SLICE_LETTERS:
                yield runs
                runs, letters = [], 0
            runs.append((name, start, stop))
            letters += more
    if runs:
        yield runs


def _read(dataset: Dataset, split: Split, start: int, stop: int, width: int, advance: Advance) -> Words:
    """The stretches of a run of items, owners from 0."""
    items = split.sequences(start, stop)
    flat = encode([sequence for item in items for sequence in item], dataset.alphabet)
    found = words(flat, width, dataset.alphabet, canonical=dataset.alphabet != "protein")
    varied = ~repetitive(found.words_W, width, dataset.alphabet)
    advance(float(split.lengths[start:stop].sum()))
    return Words(words_W=found.words_W[varied], owner_W=found.owner_W[varied] // np.int32(dataset.n_seqs))


def _collect(dataset: Dataset, runs: list[_Run], width: int, advance: Advance) -> _Known:
    most = sum(int(dataset.splits[name].lengths[start:stop].sum()) for name, start, stop in runs)
    words_W, filled = np.empty(most, dtype=np.uint64), 0
    for name, start, stop in runs:
        found = _read(dataset, dataset.splits[name], start, stop, width, advance).words_W
        words_W[filled : filled + len(found)] = found
        filled += len(found)
    words_W = words_W[:filled]
    words_W.sort()
    filter_ = np.zeros(1 << _FILTER_BITS, dtype=bool)
    for first in range(0, filled, CHUNK_LETTERS):
        for places in _filter_places(words_W[first : first + CHUNK_LETTERS]):
            filter_[places] = True
    return _Known(known_U=words_W, found_U=np.full(filled, -1, dtype=np.int32), filter=filter_)


def _look_up(known: _Known, read: Words, first: int) -> None:
    """Note the first row of train that holds each stretch."""
    which, place = known.places(read.words_W)
    # Backwards, so that of several rows the first one stays.
    place, row = place[::-1], read.owner_W[which][::-1] + np.int32(first)
    new = known.found_U[place] < 0
    known.found_U[place[new]] = row[new]


def _filter_places(words_W: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    hashed = mixed(words_W, 7)
    mask = np.uint64((1 << _FILTER_BITS) - 1)
    return (hashed & mask).astype(np.int64), (hashed >> np.uint64(64 - _FILTER_BITS)).astype(np.int64)


def _summed(known: _Known, read: Words, n_items: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    which, place = known.places(read.words_W)
    row = known.found_U[place].astype(np.int64)
    hit = row >= 0
    owner, row = read.owner_W[which[hit]].astype(np.int64), row[hit]
    total_N = np.bincount(read.owner_W, minlength=n_items)
    share_N = np.bincount(owner, minlength=n_items) / np.maximum(total_N, 1)
    partner_N = np.full(n_items, -1, dtype=np.int64)
    if len(owner):
        span = int(row.max()) + 1
        pairs, counts = np.unique(owner * span + row, return_counts=True)
        # The last one written stays: most stretches, then the first row.
        order = np.lexsort((-(pairs % span), counts))
        partner_N[pairs[order] // span] = pairs[order] % span
    return share_N, partner_N
