"""Pairs of signatures that agree in many places, found by locality-sensitive hashing.

Two of these three signatures differ in every tenth place; the other is the first backwards:

>>> one = np.arange(SIGNATURE)
>>> signatures = Scratch(np.uint16, SIGNATURE)
>>> signatures.add(np.stack([one, one[::-1], np.where(one % 10, one, 999)]))
>>> next(candidates(signatures, jaccard=0.8, in_train_N=None, seed=0))
Pairs(first_C=array([0]), second_C=array([2]), agree_C=array([115]))

Shape letters: N signatures, H numbers in each, P of these, C pairs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import comb
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqbench.audit.letters import mixed
from seqbench.audit.scratch import Scratch
from seqbench.audit.settings import SIGNATURE

RECALL: Final = 0.98
"""Probability with which a pair just at the threshold is to become a candidate."""
BUCKET: Final = 24
"""Neighbours in a bucket that a signature is compared with, in an order drawn anew for each band. Larger
buckets are families, whose members meet in other bands."""
PEEKED: Final = 24
"""Places held in memory, of which two signatures must share some for the rest to be read: unrelated ones that
meet in a band by chance hardly do."""
PEEK_LOSS: Final = 0.0001
"""What of the recall that may cost."""
_TOGETHER: Final = 1 << 13
"""Places whose neighbours are compared together: 4 MB of signatures where all differ."""
_PAIRS: Final = 1 << 12
"""Pairs of signatures that are held side by side, in 2 MB."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pairs:
    """Candidates: positions of two signatures, and in how many places they agree."""

    first_C: NDArray[np.int64]
    second_C: NDArray[np.int64]
    """Above `first_C`."""
    agree_C: NDArray[np.int64]


def rows_for(jaccard: float) -> int:
    """Numbers a band: the most with which pairs of this likeness are found with `RECALL`."""
    rows = 1
    while 1 - (1 - jaccard ** (rows + 1)) ** (SIGNATURE // (rows + 1)) >= RECALL:
        rows += 1
    return rows


def shared_peeks(jaccard: float, rows: int) -> int:
    """Of the `PEEKED` places how many must agree: the most that costs pairs of this likeness `PEEK_LOSS`."""
    bands = SIGNATURE // rows

    def recall(fewest: int) -> float:
        fewer = (comb(PEEKED, n) * jaccard**n * (1 - jaccard) ** (PEEKED - n) for n in range(fewest))
        return 1 - (1 - jaccard**rows * (1 - sum(fewer))) ** bands

    return max(n for n in range(PEEKED) if recall(n) >= recall(0) - PEEK_LOSS)


def candidates(
    signatures: Scratch, jaccard: float, in_train_N: NDArray[np.bool_] | None, seed: int
) -> Iterator[Pairs]:
    """Find pairs that may share so many k-mers; each band yields its own, so a pair comes several times.

    Some 80 bytes an item are held at a time; the signatures stay in their file.

    Args:
        signatures: (N, H), to be compared.
        jaccard: What pairs at the threshold share; those that agree in less than half as many places
            (four standard deviations below) are left out.
        in_train_N: Only pairs of one in train and one outside; None: all pairs.
        seed: Of the order within large buckets.
    """
    rows = rows_for(jaccard)
    fewest = max(2, int(jaccard * SIGNATURE / 2))
    random = np.random.default_rng(seed)
    for band in range(SIGNATURE // rows):
        keys_N, some_NP = _keys(signatures, band, rows)
        shuffled = random.permutation(np.arange(len(keys_N), dtype=np.int32))
        order = shuffled[np.argsort(keys_N[shuffled], kind="stable")]
        del shuffled
        peeks = _Peeks(some_NP=some_NP, fewest=shared_peeks(jaccard, rows))
        found = list(_in_buckets(signatures, keys_N[order], order, peeks, in_train_N, fewest))
        if found:
            yield joined(found)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Peeks:
    """A few places of all signatures."""

    some_NP: NDArray[np.uint16]
    fewest: int
    """Of them that a pair must share."""

    def alike(
        self, one: NDArray[np.int64], other: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        kept = [np.zeros(0, dtype=np.int64)]
        for start in range(0, len(one), _TOGETHER):
            part = slice(start, start + _TOGETHER)
            shared = np.count_nonzero(self.some_NP[one[part]] == self.some_NP[other[part]], axis=1)
            kept.append(start + np.flatnonzero(shared >= self.fewest))
        chosen = np.concatenate(kept)
        return one[chosen], other[chosen]


def _keys(signatures: Scratch, band: int, rows: int) -> tuple[NDArray[np.uint64], NDArray[np.uint16]]:
    """One number for the places of a band, and the `PEEKED` places behind it."""
    keys_N = np.zeros(len(signatures), dtype=np.uint64)
    behind = (np.arange(PEEKED) + (band + 1) * rows) % SIGNATURE
    some_NP = np.empty((len(signatures), PEEKED), dtype=np.uint16)
    for start, piece_NH in signatures.pieces():
        part = keys_N[start : start + len(piece_NH)]
        for column in range(band * rows, (band + 1) * rows):
            part[:] = mixed((part << np.uint64(16)) ^ piece_NH[:, column].astype(np.uint64), band)
        some_NP[start : start + len(piece_NH)] = piece_NH[:, behind]
    return keys_N, some_NP


def joined(parts: Sequence[Pairs]) -> Pairs:
    """All pairs of several lists, of which there is at least one."""
    return Pairs(
        first_C=np.concatenate([each.first_C for each in parts]),
        second_C=np.concatenate([each.second_C for each in parts]),
        agree_C=np.concatenate([each.agree_C for each in parts]),
    )


def _in_buckets(
    signatures: Scratch,
    keys_N: NDArray[np.uint64],
    order: NDArray[np.int32],
    peeks: _Peeks,
    in_train_N: NDArray[np.bool_] | None,
    fewest: int,
) -> Iterator[Pairs]:
    """Pairs of neighbours with equal keys, a window of `_TOGETHER` places at a time."""
    # Most keys stand alone, and their places are not looked at again.
    starts = np.flatnonzero(keys_N[1:] == keys_N[:-1])
    for first in range(0, len(starts), _TOGETHER):
        places = starts[first : first + _TOGETHER]
        pairs = []
        for distance in range(1, BUCKET + 1):
            places = places[places + distance < len(keys_N)]
            places = places[keys_N[places] == keys_N[places + distance]]
            if not len(places):
                break
            pairs.append(np.stack([order[places], order[places + distance]]).astype(np.int64))
        one, other = np.concatenate(pairs, axis=1)
        if in_train_N is not None:
            across = in_train_N[one] != in_train_N[other]
            one, other = one[across], other[across]
        if len(one):
            one, other = peeks.alike(one, other)
        if len(one):
            yield _agreeing(signatures, one, other, fewest)


def _agreeing(signatures: Scratch, one: NDArray[np.int64], other: NDArray[np.int64], fewest: int) -> Pairs:
    wanted, place = np.unique(np.concatenate([one, other]), return_inverse=True)
    mine_NH = signatures.rows(wanted)
    one_C, other_C = place[: len(one)], place[len(one) :]
    agree = np.empty(len(one), dtype=np.int64)
    for start in range(0, len(one), _PAIRS):
        part = slice(start, start + _PAIRS)
        agree[part] = np.count_nonzero(mine_NH[one_C[part]] == mine_NH[other_C[part]], axis=1)
    kept = agree >= fewest
    return Pairs(
        first_C=np.minimum(one, other)[kept], second_C=np.maximum(one, other)[kept], agree_C=agree[kept]
    )
