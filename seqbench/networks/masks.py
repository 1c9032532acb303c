"""What padding must not touch: zeros, means, largest values and softmax over the real tokens alone.

Shape letters: B sequences in a batch, T tokens, C channels.
"""

import torch
from torch import Tensor


def real_or_zero(x_BTC: Tensor, mask_BT: Tensor | None) -> Tensor:
    """Put zeros into padding.

    Args:
        x_BTC: Any floating dtype; several token axes are taken as well, (B, …, C).
        mask_BT: True or nonzero where a token is real; None: all are.

    Returns:
        The same shape and dtype. NaN in padding is gone too, and its gradient is 0.
    """
    return x_BTC if mask_BT is None else x_BTC.masked_fill(~mask_BT.bool()[..., None], 0.0)


def masked_mean(x_BTC: Tensor, mask_BT: Tensor | None) -> Tensor:
    """Average over real tokens, in float32.

    Returns:
        Shape (B, C), float32, whatever the number of token axes; 0 for a sequence without real tokens.
    """
    sums_BC = real_or_zero(x_BTC, mask_BT).float().flatten(1, -2).sum(1)
    if mask_BT is None:
        return sums_BC / x_BTC[0, ..., 0].numel()
    return sums_BC / mask_BT.bool().flatten(1).sum(1, keepdim=True).clamp_min(1)


def masked_max(x_BTC: Tensor, mask_BT: Tensor | None) -> Tensor:
    """Largest value of each channel over real tokens; (B, C), 0 for a sequence without real tokens."""
    if mask_BT is None:
        return x_BTC.amax(1)
    real_BT = mask_BT.bool()
    lowest = torch.finfo(x_BTC.dtype).min
    largest_BC = x_BTC.masked_fill(~real_BT[..., None], lowest).amax(1)
    return largest_BC.masked_fill(~real_BT.any(1, keepdim=True), 0.0)


def masked_softmax(scores_BTC: Tensor, mask_BT: Tensor | None) -> Tensor:
    """Softmax over the tokens of each sequence, a channel at a time, in float32.

    Returns:
        Shape (B, T, C), float32: 1 in sum over real tokens, exactly 0 in padding; all 0 for a sequence
        without real tokens.
    """
    scores_BTC = scores_BTC.float()
    if mask_BT is None:
        return scores_BTC.softmax(1)
    padding_BT1 = ~mask_BT.bool()[..., None]
    # A finite number: -inf everywhere would make NaN of a sequence without real tokens.
    lowered_BTC = scores_BTC.masked_fill(padding_BT1, torch.finfo(torch.float32).min)
    return lowered_BTC.softmax(1).masked_fill(padding_BT1, 0.0)
