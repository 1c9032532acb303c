"""Attention on CPUs: PyTorch's SDPA with its mask made ready once a batch instead of once a block.

SDPA turns a boolean mask of (B, 1, T, T) into numbers in every block, which costs a tenth of the time of a
padded batch. Here that is done once, and a mask whose rows are all alike, as that of a bidirectional model
is, is kept as a single row.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

NAME = "seqbench_sdpa"
"""Under this name transformers finds it."""


class _Ready:
    """The last mask that came, and what SDPA is given for it; blocks of one pass share both."""

    mask: Tensor | None = None
    additive: Tensor | None = None


def use_shared_masks(model: Any) -> Callable[[], None] | None:
    """Let a model that computes attention by SDPA do so with shared masks.

    Returns:
        What brings back SDPA as it was. None for other kinds of attention and for custom code that does not
        let its attention be chosen: such a model stays as it is.
    """
    config = getattr(model, "config", None)
    if getattr(config, "_attn_implementation", None) != "sdpa":
        return None
    _register()
    try:
        model.set_attn_implementation(NAME)
    except (ValueError, AttributeError, NotImplementedError):
        return None
    return lambda: model.set_attn_implementation("sdpa")


@cache
def _register() -> None:
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.integrations.sdpa_attention import sdpa_attention_forward
    from transformers.masking_utils import sdpa_mask

    ready = _Ready()

    def attend(
        module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **options: Any
    ) -> Any:
        if attention_mask is not None and attention_mask.dtype is torch.bool:
            if ready.mask is not attention_mask:
                ready.mask, ready.additive = attention_mask, additive(attention_mask, query.dtype)
            attention_mask = ready.additive
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)

    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, sdpa_mask)


def additive(mask_B1TT: Tensor, dtype: torch.dtype) -> Tensor:
    """A boolean mask as what is added to scores: 0 where it is true, minus infinity elsewhere.

    Returns:
        Shape (B, 1, 1, T) if all rows of the mask are alike, else (B, 1, T, T).
    """
    first_B11T = mask_B1TT[:, :, :1]
    if bool((mask_B1TT == first_B11T).all()):
        mask_B1TT = first_B11T
    zeros = torch.zeros(mask_B1TT.shape, dtype=dtype, device=mask_B1TT.device)
    return zeros.masked_fill_(~mask_B1TT, float("-inf"))
