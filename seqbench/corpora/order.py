"""A random order of n things that takes no memory: the k-th of them is computed when it is asked for.

    order(4, key=0) of places 0, 1, 2, 3  ->  each of 0, 1, 2, 3 once

A Feistel network is a bijection of the numbers of 2b bits whatever its round function (Luby & Rackoff 1988);
what falls outside of the n is sent through again until it is inside (Black & Rogaway 2002, cycle walking).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

_ROUNDS: Final = 6
"""Four make a strong pseudo-random permutation; two more cost little, as halves are narrow."""


def order(n: int, key: int, places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which things stand at some places of a random order of `n`.

    Args:
        n: How many there are.
        key: Each number from 0 to 2^64 - 1 gives another order.
        places: From 0 to n - 1, any shape.
    """
    half = np.uint64(max(1, -(-(n - 1).bit_length() // 2)))
    found = _permuted(places.astype(np.uint64), key, half)
    outside = found >= n
    while outside.any():
        found[outside] = _permuted(found[outside], key, half)
        outside = found >= n
    return found.astype(np.int64)


def key_of(*numbers: int) -> int:
    """One key of several numbers, such as seed, corpus and epoch."""
    return int(np.random.SeedSequence(list(numbers)).generate_state(1, np.uint64)[0])


def _permuted(numbers: NDArray[np.uint64], key: int, half: np.uint64) -> NDArray[np.uint64]:
    mask = (np.uint64(1) << half) - np.uint64(1)
    left, right = numbers >> half, numbers & mask
    for number in range(_ROUNDS):
        left, right = right, left ^ (_mixed(right, key, number) & mask)
    return (left << half) | right


def _mixed(numbers: NDArray[np.uint64], key: int, number: int) -> NDArray[np.uint64]:
    """The finaliser of splitmix64 (Steele, Lea & Flood 2014)."""
    hashed = numbers ^ np.uint64((key + number * 0x9E3779B97F4A7C15) % 2**64)
    hashed = (hashed ^ (hashed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    hashed = (hashed ^ (hashed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return hashed ^ (hashed >> np.uint64(31))
