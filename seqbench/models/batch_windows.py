"""The windows of a batch of a transformer, and parts of it where memory does not hold the whole.

Shape letters: B windows in a batch, T tokens.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqbench.models.base import Batch


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchWindows:
    """The windows of one batch."""

    ids: list[NDArray[np.int32]]
    overlap_B: NDArray[np.int64]
    """Own tokens at the start of each that an earlier window holds."""
    kept_B2: NDArray[np.int64]
    """Where in each one's own tokens those begin and end that are kept of it, where tokens are wanted."""


def padded_size(batch: Batch) -> int:
    """Tokens of a batch, padding included."""
    return len(batch) * max(map(len, batch.windows.ids))


def part_of(batch: Batch, part: slice) -> Batch:
    """Some of a batch's windows, as a batch."""
    windows: BatchWindows = batch.windows
    return Batch(
        owner_B=batch.owner_B[part],
        start_B=batch.start_B[part],
        windows=BatchWindows(
            ids=windows.ids[part], overlap_B=windows.overlap_B[part], kept_B2=windows.kept_B2[part]
        ),
    )


def pooled_tokens(
    mask_BT: NDArray[np.int64], windows: BatchWindows, affixes: tuple[int, int], *, special: bool
) -> NDArray[np.int64]:
    """Which tokens mean and max take in: all, but for overlaps and, where so wished, special tokens.

    Args:
        mask_BT: 1 where a token is real.
        windows: Of the batch.
        affixes: How many special tokens stand before and after a window's own.
        special: Whether these count.

    Returns:
        (B, T), 1 where a token counts.
    """
    if special and not windows.overlap_B.any():
        return mask_BT
    before, after = affixes
    pooled_BT = mask_BT.copy()
    for row, (ids, overlap) in enumerate(zip(windows.ids, windows.overlap_B, strict=True)):
        pooled_BT[row, before : before + overlap] = 0
        if not special:
            pooled_BT[row, :before] = 0
            pooled_BT[row, len(ids) - after : len(ids)] = 0
    return pooled_BT


def kept_tokens(mask_BT: NDArray[np.int64], windows: BatchWindows, before: int) -> NDArray[np.int64]:
    """Which tokens are kept of each window: (B, T), 1 where one is; `before` special tokens stand before."""
    kept_BT = np.zeros_like(mask_BT)
    for row, (begin, end) in enumerate(windows.kept_B2 + before):
        kept_BT[row, begin:end] = 1
    return kept_BT


def halves(
    batch: Batch,
    own: NDArray[np.int32],
    affixes: tuple[NDArray[np.int32], NDArray[np.int32]],
    *,
    with_tokens: bool,
) -> Iterator[Batch]:
    """The two windows into which a single one is cut that memory does not hold.

    Args:
        batch: Of this one window.
        own: Its own tokens.
        affixes: Special tokens before and after those of any window.
        with_tokens: Whether single tokens are kept, or only what is pooled of them.

    Yields:
        Batches of one window; none for a half that lies in an earlier window.
    """
    windows: BatchWindows = batch.windows
    prefix, suffix = affixes
    middle, overlap = len(own) // 2, int(windows.overlap_B[0])
    for start, stop in ((0, middle), (middle, len(own))):
        kept_12 = windows.kept_B2.clip(start, stop) - start
        if overlap >= stop and (not with_tokens or kept_12[0, 0] == kept_12[0, 1]):
            continue  # all of it is in an earlier window
        yield Batch(
            owner_B=batch.owner_B,
            start_B=batch.start_B + start,
            windows=BatchWindows(
                ids=[np.concatenate([prefix, own[start:stop], suffix]).astype(np.int32)],
                overlap_B=np.asarray([np.clip(overlap - start, 0, stop - start)]),
                kept_B2=kept_12,
            ),
        )
