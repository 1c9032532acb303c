"""Exact stretches that items of eval and test share with train: overlapping windows, repeats, families.

Every stretch of the given width is looked up, on both strands of nucleotides, so none is missed.

Shape letters: N items of a split, W stretches, U different ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqbench.audit.letters import Words, encode, mixed, repetitive, stretches_of, words
from seqbench.datasets.dataset import Dataset, Split
from seqbench.progress import Advance
from seqbench.vocabulary import SplitName

SLICE_LETTERS: Final = 1 << 22
"""Letters of eval and test whose stretches are held at once, in some 100 MB; train is read once for each."""
_FILTER_BITS: Final = 25
DEFAULT_WIDTH: Final = {"dna": 30, "rna": 30, "protein": 12}
"""Among a million sequences of 1,000 letters (1e9 words on each side of a comparison) random stretches of 30
nucleotides coincide once (1e18 / 4^30), of 12 amino acids some hundred times; 30 is also the seed length at
which aligners call a match unique."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SharedStretches:
    """What items of a split share with train."""

    share_N: NDArray[np.float64]
    """Of an item's different stretches those that occur in train; 0 where it has none."""
    partner_N: NDArray[np.int64]
    """Row of train that most of these come from (the first one that has each), or -1."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Slice:
    """Stretches of some items of one split."""

    start: int
    n_items: int
    known_U: NDArray[np.uint64]
    word_W: NDArray[np.int64]
    """Position in `known_U`."""
    owner_W: NDArray[np.int64]
    found_U: NDArray[np.int64]
    """First row of train that holds the stretch, or -1; filled while train is read."""
    filter: NDArray[np.bool_]
    """Whether any known stretch has a hash that ends so."""


def shared_stretches(dataset: Dataset, width: int, advance: Advance) -> dict[SplitName, SharedStretches]:
    """Look up the stretches of eval and test in train.

    Stretches with a period of up to 3 letters don't count.

    Args:
        dataset: Its splits outside train are read once, train once for each `SLICE_LETTERS` of them.
        width: Letters of a stretch; at most `largest_k`.
        advance: Told the letters read of what `letters_to_read` says.

    Raises:
        DataError: A file was changed since it was indexed.
    """
    outside = [name for name in dataset.splits if name != "train"]
    return {name: _of_split(dataset, dataset.splits[name], width, advance) for name in outside}


def letters_to_read(dataset: Dataset) -> int:
    """How much `shared_stretches` reads, in letters."""
    train = int(dataset.splits["train"].lengths.sum())
    total = 0
    for name, split in dataset.splits.items():
        if name != "train":
            total += int(split.lengths.sum()) + train * len(list(_slices(split)))
    return total


def _of_split(dataset: Dataset, split: Split, width: int, advance: Advance) -> SharedStretches:
    shares, partners = [], []
    for start, stop in _slices(split):
        part = _slice(dataset, split, start, stop, width, advance)
        for first, found in _read_words(dataset, dataset.splits["train"], width, advance):
            _look_up(part, found, first)
        share_N, partner_N = _summed(part)
        shares.append(share_N)
        partners.append(partner_N)
    return SharedStretches(share_N=np.concatenate(shares), partner_N=np.concatenate(partners))


def _slices(split: Split) -> Iterator[tuple[int, int]]:
    begin = letters = 0
    for start, stop in stretches_of(split):
        letters += int(split.lengths[start:stop].sum())
        if letters >= SLICE_LETTERS or stop == len(split):
            yield begin, stop
            begin, letters = stop, 0


def _slice(dataset: Dataset, split: Split, begin: int, end: int, width: int, advance: Advance) -> _Slice:
    found = [
        (first, these) for first, these in _read_words(dataset, split, width, advance, begin=begin, end=end)
    ]
    words_W = np.concatenate([these.words_W for _, these in found])
    owner_W = np.concatenate([these.owner_W + (first - begin) for first, these in found])
    known_U, word_W = np.unique(words_W, return_inverse=True)
    # Each stretch counts once an item.
    pairs = np.unique(owner_W.astype(np.int64) * max(1, len(known_U)) + word_W)
    filter_ = np.zeros(1 << _FILTER_BITS, dtype=bool)
    filter_[_filter_places(known_U)] = True
    return _Slice(
        start=begin,
        n_items=end - begin,
        known_U=known_U,
        word_W=pairs % max(1, len(known_U)),
        owner_W=pairs // max(1, len(known_U)),
        found_U=np.full(len(known_U), -1, dtype=np.int64),
        filter=filter_,
    )


def _read_words(
    dataset: Dataset, split: Split, width: int, advance: Advance, *, begin: int = 0, end: int | None = None
) -> Iterator[tuple[int, Words]]:
    """The first row and the stretches, by row from there, of one run of items after the other."""
    for start, stop in stretches_of(split):
        if start < begin or (end is not None and start >= end):
            continue
        items = split.sequences(start, stop)
        flat = encode([sequence for item in items for sequence in item], dataset.alphabet)
        found = words(flat, width, dataset.alphabet, canonical=dataset.alphabet != "protein")
        varied = ~repetitive(found.words_W, width, dataset.alphabet)
        yield (
            start,
            Words(words_W=found.words_W[varied], owner_W=found.owner_W[varied] // np.int32(dataset.n_seqs)),
        )
        advance(float(split.lengths[start:stop].sum()))


def _look_up(part: _Slice, found: Words, first: int) -> None:
    if not len(part.known_U):
        return
    maybe = np.flatnonzero(part.filter[_filter_places(found.words_W)])
    wanted = found.words_W[maybe]
    place = np.minimum(np.searchsorted(part.known_U, wanted), len(part.known_U) - 1)
    hit = np.flatnonzero(part.known_U[place] == wanted)
    # Backwards, so that the first of several rows is the one that stays.
    place, row = place[hit][::-1], found.owner_W[maybe[hit]][::-1].astype(np.int64) + first
    new = part.found_U[place] < 0
    part.found_U[place[new]] = row[new]


def _filter_places(words_W: NDArray[np.uint64]) -> NDArray[np.int64]:
    return (mixed(words_W, 7) >> np.uint64(64 - _FILTER_BITS)).astype(np.int64)


def _summed(part: _Slice) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    row_W = part.found_U[part.word_W]
    total_N = np.bincount(part.owner_W, minlength=part.n_items)
    hit = row_W >= 0
    share_N = np.bincount(part.owner_W[hit], minlength=part.n_items) / np.maximum(total_N, 1)
    partner_N = np.full(part.n_items, -1, dtype=np.int64)
    if hit.any():
        pairs, counts = np.unique(
            np.stack([part.owner_W[hit], row_W[hit]], axis=1), axis=0, return_counts=True
        )
        order = np.lexsort((-pairs[:, 1], counts))
        partner_N[pairs[order, 0]] = pairs[order, 1]
    return share_N, partner_N
