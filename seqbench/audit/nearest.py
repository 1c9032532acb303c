"""The nearest item of train for each item outside it: short ones by an exact search, others by signature.

Shape letters: N items (different ones, of all splits), C pairs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqbench.audit.candidates import Pairs, candidates, joined
from seqbench.audit.letters import plain
from seqbench.audit.minhash import jaccard_at
from seqbench.audit.near import NearPairs, Signed, longest_of, no_pairs, read_items, verified
from seqbench.audit.searched import SequenceSet
from seqbench.audit.short import SHORT, ShortSearch

LIKELIEST: Final = 4
"""Candidates of an item whose edit distance is computed, the likeliest first."""
_TOGETHER: Final = 1 << 14
"""Items that are read together."""


def nearest_in_train(
    dataset: SequenceSet, signed: Signed, in_train_N: NDArray[np.bool_], near: float, seed: int
) -> NearPairs:
    """The most similar item of train for each item outside it that has one as near as `near`.

    Of short sequences none is missed; of the others only the `LIKELIEST` candidates of an item are aligned.
    Of two equally similar ones it is the first.

    Args:
        dataset: Where the sequences are.
        signed: Its different items.
        in_train_N: Which of these are in train.
        near: Least identity.
        seed: See `candidates`.

    Returns:
        Pairs of one outside of train and another in it.
    """
    parts = [
        _nearest(found)
        for found in (
            *short_pairs(dataset, signed, in_train_N, near),
            _by_signature(dataset, signed, in_train_N, near, seed),
        )
    ]
    return _nearest(_all_of(parts))


def short_pairs(
    dataset: SequenceSet, signed: Signed, in_train_N: NDArray[np.bool_] | None, near: float
) -> Iterator[NearPairs]:
    """Every pair of items of one short sequence that is as near; some at a time.

    Memory is some 200 bytes an item of train that is short.

    Args:
        dataset: Where the sequences are.
        signed: Its different items.
        in_train_N: Only pairs of one outside train and another in it, in this order; None: all pairs, once.
        near: Least identity.
    """
    short = short_items(dataset, signed)
    known = short if in_train_N is None else short[in_train_N[short]]
    asked = short if in_train_N is None else short[~in_train_N[short]]
    if not len(known) or not len(asked):
        return
    longest = int(longest_of(dataset, signed, asked).max())
    search = ShortSearch(_texts(dataset, signed, known), dataset.alphabet, near, longest)
    for start in range(0, len(asked), _TOGETHER):
        mine = asked[start : start + _TOGETHER]
        for found in search.find(_texts(dataset, signed, mine)):
            one_C, other_C = mine[found.query_C], known[found.known_C]
            kept = np.ones(len(one_C), bool) if in_train_N is not None else one_C < other_C
            yield NearPairs(
                one_C=one_C[kept],
                other_C=other_C[kept],
                identity_C=found.identity_C[kept],
                opposite_C=found.opposite_C[kept],
            )


def short_items(dataset: SequenceSet, signed: Signed) -> NDArray[np.int64]:
    """Those that `short_pairs` compares: items of one sequence of up to `SHORT` letters."""
    if dataset.n_seqs > 1:
        return np.zeros(0, dtype=np.int64)
    return np.flatnonzero(longest_of(dataset, signed, np.arange(len(signed.row_N))) <= SHORT)


def _texts(dataset: SequenceSet, signed: Signed, places: NDArray[np.int64]) -> list[str]:
    texts: list[str] = []
    for start in range(0, len(places), _TOGETHER):
        mine = places[start : start + _TOGETHER]
        items = read_items(dataset, signed, mine)
        texts += [plain(items[place][0], dataset.alphabet) for place in mine.tolist()]
    return texts


def _by_signature(
    dataset: SequenceSet, signed: Signed, in_train_N: NDArray[np.bool_], near: float, seed: int
) -> NearPairs:
    """Of each item outside train the `LIKELIEST` candidates that are as near."""
    if len(short_items(dataset, signed)) == len(signed.row_N):
        return no_pairs()
    best: Pairs | None = None
    for found in candidates(signed.signatures, jaccard_at(near, signed.k), in_train_N, seed):
        pairs = _outside_second(found, in_train_N)
        best = _likeliest(pairs if best is None else joined([best, pairs]))
    if best is None or not len(best.first_C):
        return no_pairs()
    found_C = verified(dataset, signed, best, near)
    return replace(found_C, one_C=found_C.other_C, other_C=found_C.one_C)


def _nearest(pairs: NearPairs) -> NearPairs:
    """Of each first item the nearest second one, of equally near ones the first."""
    order = np.lexsort((pairs.other_C, -pairs.identity_C, pairs.one_C))
    chosen = order[np.unique(pairs.one_C[order], return_index=True)[1]]
    return NearPairs(
        one_C=pairs.one_C[chosen],
        other_C=pairs.other_C[chosen],
        identity_C=pairs.identity_C[chosen],
        opposite_C=pairs.opposite_C[chosen],
    )


def _all_of(parts: Sequence[NearPairs]) -> NearPairs:
    return NearPairs(
        one_C=np.concatenate([part.one_C for part in parts]),
        other_C=np.concatenate([part.other_C for part in parts]),
        identity_C=np.concatenate([part.identity_C for part in parts]),
        opposite_C=np.concatenate([part.opposite_C for part in parts]),
    )


def _outside_second(pairs: Pairs, in_train_N: NDArray[np.bool_]) -> Pairs:
    """The same pairs, each with its item of train first."""
    swapped_C = in_train_N[pairs.second_C]
    return Pairs(
        first_C=np.where(swapped_C, pairs.second_C, pairs.first_C),
        second_C=np.where(swapped_C, pairs.first_C, pairs.second_C),
        agree_C=pairs.agree_C,
    )


def _likeliest(pairs: Pairs) -> Pairs:
    """Of each second item the `LIKELIEST` different candidates that agree most."""
    order = np.lexsort((pairs.first_C, -pairs.agree_C, pairs.second_C))
    first, second = pairs.first_C[order], pairs.second_C[order]
    again = np.zeros(len(order), dtype=bool)
    again[1:] = (first[1:] == first[:-1]) & (second[1:] == second[:-1])
    order, second = order[~again], second[~again]
    starts = np.flatnonzero(np.diff(second, prepend=-1))
    rank = np.arange(len(second)) - np.repeat(starts, np.diff(np.append(starts, len(second))))
    kept = order[rank < LIKELIEST]
    return Pairs(first_C=pairs.first_C[kept], second_C=pairs.second_C[kept], agree_C=pairs.agree_C[kept])
