"""Pooling of hidden states over the tokens of a sequence, and of windows into one vector.

Shape letters: B sequences in a batch, T tokens, H hidden width, W windows of one sequence.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqbench.vocabulary import Pooling


def mean_pool(hidden_BTH: Tensor, mask_BT: Tensor) -> Tensor:
    """Average each sequence over its real tokens, in float32.

    Args:
        hidden_BTH: Hidden states, any floating dtype.
        mask_BT: 1 where a token is real, 0 where it is padding; at least one real token a sequence.

    Returns:
        Shape (B, H), float32. Sums in bfloat16 lose about three digits at 1,000 tokens, hence the upcast.
    """
    weights_B1T = (mask_BT / mask_BT.sum(dim=1, keepdim=True)).float().unsqueeze(1)
    return torch.bmm(weights_B1T, hidden_BTH.float()).squeeze(1)


def max_pool(hidden_BTH: Tensor, mask_BT: Tensor) -> Tensor:
    """Take the greatest value of each channel over the real tokens; shape (B, H), float32."""
    padding_BT1 = (mask_BT == 0).unsqueeze(-1)
    return hidden_BTH.masked_fill(padding_BT1, float("-inf")).amax(dim=1).float()


def cls_pool(hidden_BTH: Tensor, mask_BT: Tensor) -> Tensor:
    """Take the first token; padding stands on the right, so it is real. Shape (B, H), float32."""
    return hidden_BTH[:, 0].float()


def last_pool(hidden_BTH: Tensor, mask_BT: Tensor) -> Tensor:
    """Take the last real token; padding stands on the right. Shape (B, H), float32."""
    last_B = mask_BT.sum(dim=1).long() - 1
    return hidden_BTH[torch.arange(len(last_B), device=last_B.device), last_B].float()


POOL: dict[Pooling, Callable[[Tensor, Tensor], Tensor]] = {
    "mean": mean_pool,
    "max": max_pool,
    "cls": cls_pool,
    "last": last_pool,
}


def join_windows(
    pooled_WH: NDArray[np.float32], tokens_W: NDArray[np.int64], pooling: Pooling
) -> NDArray[np.float32]:
    """Join the pooled windows of one sequence.

    Args:
        pooled_WH: One row a window, in the order of the sequence.
        tokens_W: Tokens of each window.
        pooling: mean weighs windows by their tokens, max takes the maximum, cls the first, last the last.

    Returns:
        Shape (H,), float32.
    """
    if pooling == "mean":
        joined = np.average(pooled_WH.astype(np.float64), axis=0, weights=tokens_W)
        return np.asarray(joined, dtype=np.float32)
    if pooling == "max":
        return np.asarray(pooled_WH.max(axis=0))
    return np.asarray(pooled_WH[0] if pooling == "cls" else pooled_WH[-1])
