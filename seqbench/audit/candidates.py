"""Pairs of signatures that agree in many places, found by locality-sensitive hashing.

Shape letters: N signatures, H numbers in each, C pairs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqbench.audit.letters import mixed
from seqbench.audit.minhash import Signatures
from seqbench.audit.settings import SIGNATURE

RECALL: Final = 0.98
"""Probability with which a pair just at the threshold is to become a candidate."""
BUCKET: Final = 24
"""Neighbours in a bucket that a signature is compared with, in an order drawn anew for each band. Larger
buckets are families, whose members meet in other bands."""
_TOGETHER: Final = 1 << 14


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


def candidates(
    signatures_NH: Signatures, jaccard: float, in_train_N: NDArray[np.bool_] | None, seed: int
) -> Iterator[Pairs]:
    """Find pairs that may share so many k-mers; each band yields its own, so a pair comes several times.

    Args:
        signatures_NH: To be compared.
        jaccard: What pairs at the threshold share; those that agree in less than half as many places
            (four standard deviations below) are left out.
        in_train_N: Only pairs of one in train and one outside; None: all pairs.
        seed: Of the order within large buckets.
    """
    rows = rows_for(jaccard)
    fewest = max(2, int(jaccard * SIGNATURE / 2))
    random = np.random.default_rng(seed)
    for band in range(SIGNATURE // rows):
        keys_N = np.zeros(len(signatures_NH), dtype=np.uint64)
        for column in range(band * rows, (band + 1) * rows):
            keys_N = mixed((keys_N << np.uint64(16)) ^ signatures_NH[:, column].astype(np.uint64), band)
        shuffled = random.permutation(len(keys_N))
        order = shuffled[np.argsort(keys_N[shuffled], kind="stable")]
        found = list(_in_buckets(signatures_NH, keys_N[order], order, in_train_N, fewest))
        if found:
            yield joined(found)


def joined(parts: Sequence[Pairs]) -> Pairs:
    """All pairs of several lists, of which there is at least one."""
    return Pairs(
        first_C=np.concatenate([each.first_C for each in parts]),
        second_C=np.concatenate([each.second_C for each in parts]),
        agree_C=np.concatenate([each.agree_C for each in parts]),
    )


def _in_buckets(
    signatures_NH: Signatures,
    keys_N: NDArray[np.uint64],
    order: NDArray[np.int64],
    in_train_N: NDArray[np.bool_] | None,
    fewest: int,
) -> Iterator[Pairs]:
    places = np.arange(len(keys_N))
    for distance in range(1, BUCKET + 1):
        places = places[places + distance < len(keys_N)]
        places = places[keys_N[places] == keys_N[places + distance]]
        if not len(places):
            return
        one, other = order[places], order[places + distance]
        if in_train_N is not None:
            across = in_train_N[one] != in_train_N[other]
            one, other = one[across], other[across]
        for start in range(0, len(one), _TOGETHER):
            part = slice(start, start + _TOGETHER)
            agree = np.count_nonzero(signatures_NH[one[part]] == signatures_NH[other[part]], axis=1)
            kept = agree >= fewest
            yield Pairs(
                first_C=np.minimum(one[part], other[part])[kept],
                second_C=np.maximum(one[part], other[part])[kept],
                agree_C=agree[kept],
            )
