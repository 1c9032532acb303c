"""Pooling of hidden states over the tokens of a window.

Shape letters: B windows in a batch, T tokens, H hidden width, P poolings.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from seqbench.core.types import Pooling

TOKENS_AT_ONCE = 65536
"""Tokens of a window that are upcast together: a million-token window is not copied whole in float32."""


def mean_pool(hidden_BTH: Tensor, pooled_BT: Tensor) -> Tensor:
    """Average each window over its pooled tokens, in float32.

    Args:
        hidden_BTH: Hidden states, any floating dtype.
        pooled_BT: 1 where a token counts, else 0; of a window without any the mean is 0, and weighs nothing.

    Returns:
        Shape (B, H), float32. Sums in bfloat16 lose about three digits at 1,000 tokens, hence the upcast.
    """
    weights_B1T = (pooled_BT / pooled_BT.sum(dim=1, keepdim=True).clamp(min=1)).float().unsqueeze(1)
    tokens = hidden_BTH.shape[1]
    if tokens <= TOKENS_AT_ONCE:
        return torch.bmm(weights_B1T, hidden_BTH.float()).squeeze(1)
    total = torch.zeros_like(hidden_BTH[:, 0], dtype=torch.float32)
    for start in range(0, tokens, TOKENS_AT_ONCE):
        span = slice(start, start + TOKENS_AT_ONCE)
        total += torch.bmm(weights_B1T[..., span], hidden_BTH[:, span].float()).squeeze(1)
    return total


def max_pool(hidden_BTH: Tensor, pooled_BT: Tensor) -> Tensor:
    """Take the greatest value of each channel over the pooled tokens; shape (B, H), float32."""
    return hidden_BTH.masked_fill((pooled_BT == 0).unsqueeze(-1), float("-inf")).amax(dim=1).float()


def cls_pool(hidden_BTH: Tensor, real_BT: Tensor) -> Tensor:
    """Take the first token; padding stands on the right, so it is real. Shape (B, H), float32."""
    return hidden_BTH[:, 0].float()


def last_pool(hidden_BTH: Tensor, real_BT: Tensor) -> Tensor:
    """Take the last real token; padding stands on the right. Shape (B, H), float32."""
    last_B = real_BT.sum(dim=1).long() - 1
    return hidden_BTH[torch.arange(len(last_B), device=last_B.device), last_B].float()


POOL: dict[Pooling, Callable[[Tensor, Tensor], Tensor]] = {
    "mean": mean_pool,
    "max": max_pool,
    "cls": cls_pool,
    "last": last_pool,
}


def pool_all(hidden_BTH: Tensor, real_BT: Tensor, pooled_BT: Tensor, poolings: Sequence[Pooling]) -> Tensor:
    """Pool one layer in every way that is asked for.

    Args:
        hidden_BTH: Hidden states.
        real_BT: 1 where a token is real, 0 where it is padding: what cls and last go by.
        pooled_BT: 1 where a token counts in mean and max.
        poolings: One or several.

    Returns:
        Shape (P, B, H), float32.
    """
    return torch.stack(
        [POOL[each](hidden_BTH, pooled_BT if each in ("mean", "max") else real_BT) for each in poolings]
    )
