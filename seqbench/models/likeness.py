"""When two computations of the same hidden states are the same but for rounding."""

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

TOLERANCE: Final = {torch.float32: 1e-4, torch.bfloat16: 3e-2, torch.float16: 5e-3}
"""Largest difference of token vectors, relative to their length, that rounding explains, by weights' type."""


def alike(ones: Sequence[Tensor], others: Sequence[Tensor], dtype: torch.dtype) -> bool:
    """Whether layers are alike but for rounding, token by token; NaN agrees with NaN.

    Args:
        ones: A layer each, (tokens, hidden).
        others: The same layers, computed otherwise.
        dtype: Of the model's weights.

    Returns:
        Whether the root mean square of the tokens' relative differences is within `TOLERANCE` in every layer.
    """
    for one, other in zip(ones, others, strict=True):
        one, other = one.nan_to_num(), other.nan_to_num()
        apart = (one - other).norm(dim=1) / one.norm(dim=1).clamp_min(torch.finfo(one.dtype).tiny)
        if float(apart.square().mean().sqrt()) > TOLERANCE[dtype]:
            return False
    return True
