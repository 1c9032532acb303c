"""The windows of a batch of a transformer, and parts of it where memory does not hold the whole."""

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
