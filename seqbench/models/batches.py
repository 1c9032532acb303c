"""Batches of windows of like length under a budget of tokens.

Shape letters: B windows in a batch, T tokens.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray


def batches(
    lengths: Sequence[int], tokens_per_batch: int, *, equal_lengths: bool = False
) -> Iterator[list[int]]:
    """Group windows, longest first, so that padding is small and a batch that can't fit is met at once.

    Args:
        lengths: Tokens of each window.
        tokens_per_batch: The most tokens of a batch, padding included; a longer window stands alone.
        equal_lengths: Never pad, for models that take no attention mask.

    Yields:
        Indices into `lengths`; the grouping depends on the arguments alone, so a block that is computed again
        gives the same numbers.
    """
    order = sorted(range(len(lengths)), key=lambda index: (-lengths[index], index))
    batch: list[int] = []
    for index in order:
        longest = lengths[batch[0]] if batch else lengths[index]
        full = (len(batch) + 1) * longest > tokens_per_batch
        if batch and (full or (equal_lengths and lengths[index] != longest)):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def pad(ids: Sequence[NDArray[np.int64]], pad_id: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
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
