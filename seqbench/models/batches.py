"""Batches of windows of like length under a budget of tokens.

Shape letters: B windows in a batch, T tokens.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray


def batches(
    lengths: Sequence[int], tokens_per_batch: int, *, equal_lengths: bool = False
) -> Iterator[list[int]]:
    """Group windows, longest first, so that padding is small and a batch that can't fit is met at once.

    Windows of one length that fill a batch stand alone: without padding a model needs no attention mask,
    which is faster. The others share batches with their neighbours in length.

    Args:
        lengths: Tokens of each window.
        tokens_per_batch: The most tokens of a batch, padding included; a longer window stands alone.
        equal_lengths: Never pad, for models whose embeddings would change with it.

    Yields:
        Indices into `lengths`; the grouping depends on the arguments alone, so a block that is computed again
        gives the same numbers.
    """
    order = sorted(range(len(lengths)), key=lambda index: (-lengths[index], index))
    mixed: list[int] = []
    for length, group in groupby(order, key=lambda index: lengths[index]):
        same = list(group)
        room = max(1, tokens_per_batch // length)
        if equal_lengths or len(same) >= room:
            if mixed:
                yield mixed
                mixed = []
            yield from _even(same, room)
            continue
        for index in same:
            if mixed and (len(mixed) + 1) * lengths[mixed[0]] > tokens_per_batch:
                yield mixed
                mixed = []
            mixed.append(index)
    if mixed:
        yield mixed


def _even(members: list[int], room: int) -> Iterator[list[int]]:
    """Cut into as few batches of at most `room` as will do, of like size."""
    count = -(-len(members) // room)
    for number in range(count):
        yield members[number * len(members) // count : (number + 1) * len(members) // count]


def pad(ids: Sequence[NDArray[np.int32]], pad_id: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pad token ids on the right.

    Returns:
        Ids and attention mask, both (B, T) int64.
    """
    width = max(map(len, ids))
    ids_BT = np.full((len(ids), width), pad_id, dtype=np.int64)
    mask_BT = np.zeros_like(ids_BT)
    for row, tokens in enumerate(ids):
        ids_BT[row, : len(tokens)] = tokens
        mask_BT[row, : len(tokens)] = 1
    return ids_BT, mask_BT
