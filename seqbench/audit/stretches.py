"""Exact stretches that items of eval and test share with train: overlapping windows, repeats, families.

Every stretch of the given width is looked up, on both strands of nucleotides, so none is missed.

Shape letters: N items of a split or slice, W stretches, U different ones.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from seqbench.audit.letters import Words, encode, repetitive, stretches_of, words
from seqbench.audit.scratch import Buckets
from seqbench.audit.searched import SequenceSet, SequenceSplit
from seqbench.core.alphabets import Alphabet, is_nucleic
from seqbench.core.progress import Advance
from seqbench.core.types import SplitName

SLICE_LETTERS: Final = 1 << 26
"""Letters of eval and test that are looked up together, in 1 GB of scratch files; train is read once for each
such slice."""
_BUCKETS: Final = 64
"""Parts by hash, of which one at a time is held in memory."""
_FILTER_BITS: Final = 28
"""Of a filter of 32 MB: with 20 million stretches it lets 7 % of the others through."""
DEFAULT_WIDTH: Final = {"dna": 30, "rna": 30, "protein": 12, "text": 12}
"""Among a million sequences of 1,000 letters (1e9 words on each side of a comparison) random stretches of 30
nucleotides coincide once (1e18 / 4^30), of 12 amino acids some hundred times; 30 is also the seed length at
which aligners call a match unique."""


class Stretches(Protocol):
    """How the stretches of sequences are found."""

    def words(self, sequences: Sequence[str]) -> Words:
        """All stretches of some sequences, as numbers; owners from 0."""

    def varied(self, words_W: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Which of them are looked up; others are shared by chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfLetters:
    """Stretches of letters, on either strand of nucleotides; a period of up to 3 letters is no evidence."""

    width: int
    """At most `largest_k`."""
    alphabet: Alphabet

    def words(self, sequences: Sequence[str]) -> Words:
        """See `Stretches`."""
        text = encode(sequences, self.alphabet)
        return words(text, self.width, self.alphabet, canonical=is_nucleic(self.alphabet))

    def varied(self, words_W: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """See `Stretches`."""
        return ~repetitive(words_W, self.width, self.alphabet)


_Run = tuple[SplitName, int, int]
"""Items `start` to `stop` of a split."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SharedStretches:
    """What items of a split share with train."""

    share_N: NDArray[np.float64]
    """Of an item's stretches those that occur in train; 0 where it has none."""
    partner_N: NDArray[np.int64]
    """Row of train that most of these come from (the first one that has each), or -1."""


_SOUGHT: Final = np.dtype([("word", "<u8"), ("item", "<u4")])
"""A stretch of eval or test, and the number of its item in the slice."""
_SEEN: Final = np.dtype([("word", "<u8"), ("row", "<u4")])
"""A stretch of train that passed the filter."""
_VOTES: Final = np.dtype([("item", "<u4"), ("row", "<u4"), ("count", "<u4")])
"""How many stretches of an item come from a row."""
_NO_ROW: Final = np.uint32(0xFFFFFFFF)


class _Filter:
    """Which hashes there may be: one bit each, so that most stretches of train go no further."""

    def __init__(self) -> None:
        self._bytes = np.zeros(1 << (_FILTER_BITS - 3), dtype=np.uint8)

    def add(self, hashed_W: NDArray[np.int64]) -> None:
        places_W, bits_W = hashed_W >> 3, hashed_W & 7
        # One bit at a time, for of equal places in one assignment only one counts.
        for bit in range(8):
            self._bytes[places_W[bits_W == bit]] |= np.uint8(1 << bit)

    def may_hold(self, hashed_W: NDArray[np.int64]) -> NDArray[np.bool_]:
        shifted_W = self._bytes[hashed_W >> 3] >> (hashed_W & 7).astype(np.uint8)
        found: NDArray[np.bool_] = (shifted_W & np.uint8(1)).astype(bool)
        return found


def shared_stretches(
    dataset: SequenceSet, stretches: Stretches, advance: Advance
) -> dict[SplitName, SharedStretches]:
    """Look up the stretches of eval and test in train.

    Memory is the filter and a part of the stretches;
    the rest is in scratch files: 12 bytes for each letter of eval and test, and for each stretch of train
    that they share.

    Args:
        dataset: Its splits outside train are read once, train once for each `SLICE_LETTERS` of them.
        stretches: What counts as one.
        advance: Told the letters read, `letters_to_read` in all.

    Raises:
        DataError: A file was changed since it was indexed, or the disk is full.
    """
    found: dict[SplitName, SharedStretches] = {
        name: SharedStretches(share_N=np.zeros(len(split)), partner_N=np.full(len(split), -1))
        for name, split in dataset.splits.items()
        if name != "train"
    }
    for runs in _slices(dataset):
        with Buckets(_SOUGHT, _BUCKETS) as sought, Buckets(_SEEN, _BUCKETS) as seen:
            total_N, filter_ = _collect(dataset, runs, stretches, sought, advance)
            if total_N.any():
                _look_up(dataset, stretches, filter_, seen, advance)
                del filter_
                shared_N, partner_N = _joined(sought, seen, len(total_N))
                _put(found, runs, shared_N / np.maximum(total_N, 1), partner_N)
    return found


def letters_to_read(dataset: SequenceSet) -> int:
    """How much `shared_stretches` reads, in letters."""
    letters = {name: int(split.lengths.sum()) for name, split in dataset.splits.items()}
    train = letters.pop("train")
    return sum(letters.values()) + train * len(list(_slices(dataset)))


def _slices(dataset: SequenceSet) -> Iterator[list[_Run]]:
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


def _read(
    dataset: SequenceSet, split: SequenceSplit, start: int, stop: int, stretches: Stretches, advance: Advance
) -> Words:
    """The stretches of a run of items, owners from 0."""
    items = split.sequences(start, stop)
    found = stretches.words([sequence for item in items for sequence in item])
    advance(float(split.lengths[start:stop].sum()))
    return Words(words_W=found.words_W, owner_W=found.owner_W // np.int32(dataset.n_seqs))


def _collect(
    dataset: SequenceSet, runs: list[_Run], stretches: Stretches, sought: Buckets, advance: Advance
) -> tuple[NDArray[np.int64], _Filter]:
    """Keep the stretches of a slice; tells how many each item has, and a filter of all."""
    filter_, totals, first = _Filter(), [], 0
    for name, start, stop in runs:
        read = _read(dataset, dataset.splits[name], start, stop, stretches, advance)
        varied = stretches.varied(read.words_W)
        words_W, owner_W = read.words_W[varied], read.owner_W[varied]
        hashed_W = _hashed(words_W)
        filter_.add(hashed_W)
        sought.add(_records(_SOUGHT, words_W, owner_W + np.int64(first)), _bucket(hashed_W))
        totals.append(np.bincount(owner_W, minlength=stop - start))
        first += stop - start
    return np.concatenate(totals), filter_


def _look_up(
    dataset: SequenceSet, stretches: Stretches, filter_: _Filter, seen: Buckets, advance: Advance
) -> None:
    """Keep the stretches of train that pass the filter."""
    train = dataset.splits["train"]
    for start, stop in stretches_of(train):
        read = _read(dataset, train, start, stop, stretches, advance)
        hashed_W = _hashed(read.words_W)
        kept = np.flatnonzero(filter_.may_hold(hashed_W))
        row = read.owner_W[kept] + np.int64(start)
        seen.add(_records(_SEEN, read.words_W[kept], row), _bucket(hashed_W[kept]))


def _joined(sought: Buckets, seen: Buckets, n_items: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many stretches of each item train holds, and the row that most come from, or -1."""
    shared_N, partner_N = np.zeros(n_items, dtype=np.int64), np.full(n_items, -1)
    with Buckets(_VOTES, _BUCKETS) as votes:
        for bucket in range(_BUCKETS):
            item_W, row_W = _hits(sought.whole(bucket), seen.pieces(bucket))
            shared_N += np.bincount(item_W, minlength=n_items)
            pairs, counts = np.unique(item_W << 32 | row_W, return_counts=True)
            found = np.empty(len(pairs), dtype=_VOTES)
            found["item"], found["row"], found["count"] = pairs >> 32, pairs & 0xFFFFFFFF, counts
            votes.add(found, ((pairs >> 32) * _BUCKETS // n_items).astype(np.uint8))
        for bucket in range(_BUCKETS):
            _count(votes.whole(bucket), partner_N)
    return shared_N, partner_N


def _hits(
    known: NDArray[np.void], pieces: Iterable[NDArray[np.void]]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Item and first row of train for each stretch of a bucket that train holds."""
    words_U, place_W = np.unique(known["word"], return_inverse=True)
    row_U = np.full(len(words_U), _NO_ROW, dtype=np.uint32)
    for piece in pieces if len(words_U) else ():
        place = np.minimum(np.searchsorted(words_U, piece["word"]), len(words_U) - 1)
        same = words_U[place] == piece["word"]
        np.minimum.at(row_U, place[same], piece["row"][same])
    row_W = row_U[place_W]
    hit = row_W != _NO_ROW
    return known["item"][hit].astype(np.int64), row_W[hit].astype(np.int64)


def _count(votes: NDArray[np.void], partner_N: NDArray[np.int64]) -> None:
    item, row = votes["item"].astype(np.int64), votes["row"].astype(np.int64)
    pairs, place = np.unique(item << 32 | row, return_inverse=True)
    counts = np.bincount(place, weights=votes["count"], minlength=len(pairs))
    # The last one written stays: most stretches, then the first row.
    order = np.lexsort((-(pairs & 0xFFFFFFFF), counts))
    partner_N[pairs[order] >> 32] = pairs[order] & 0xFFFFFFFF


def _put(
    found: dict[SplitName, SharedStretches],
    runs: list[_Run],
    share_N: NDArray[np.float64],
    partner_N: NDArray[np.int64],
) -> None:
    first = 0
    for name, start, stop in runs:
        mine = slice(first, first + stop - start)
        found[name].share_N[start:stop], found[name].partner_N[start:stop] = share_N[mine], partner_N[mine]
        first += stop - start


def _records(
    dtype: np.dtype[np.void], words_W: NDArray[np.uint64], number_W: NDArray[np.int64]
) -> NDArray[np.void]:
    made = np.empty(len(words_W), dtype=dtype)
    made["word"], made[dtype.names[1] if dtype.names else ""] = words_W, number_W
    return made


def _hashed(words_W: NDArray[np.uint64]) -> NDArray[np.int64]:
    """`_FILTER_BITS` bits, the upper ones of a product with 2^64 divided by the golden ratio (Knuth 1973)."""
    product: NDArray[np.uint64] = words_W * np.uint64(0x9E3779B97F4A7C15)
    return (product >> np.uint64(64 - _FILTER_BITS)).view(np.int64)


def _bucket(hashed_W: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The upper bits again, so that buckets have stretches of their own."""
    return (hashed_W >> (_FILTER_BITS - _BUCKETS.bit_length() + 1)).astype(np.uint8)
