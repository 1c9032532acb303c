"""What stands between the linear maps of an MLP: layer normalisation and activation, with their derivatives.

Shape letters: G networks of a stack, B items of a batch, O outputs of a linear map.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_EPSILON = 1e-5
"""Added to the variance, as in `torch.nn.LayerNorm`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationFunction:
    """An activation and its derivative; the derivatives are those that autograd calls."""

    apply: Callable[[Tensor], Tensor]
    """May overwrite what it is given."""
    gradient: Callable[[Tensor, Tensor, Tensor], Tensor]
    """From the gradient of what it gave, what it was given (possibly overwritten), and what it gave after
    dropout: the gradient of what it was given."""


ACTIVATIONS: Mapping[str, ActivationFunction] = {
    "relu": ActivationFunction(
        # In place, and read off the output: nothing else has to be kept.
        apply=torch.relu_,
        gradient=lambda gradient, before, after: torch.ops.aten.threshold_backward(gradient, after, 0),
    ),
    "gelu": ActivationFunction(
        apply=functional.gelu,
        gradient=lambda gradient, before, after: torch.ops.aten.gelu_backward(gradient, before),
    ),
    "silu": ActivationFunction(
        apply=functional.silu,
        gradient=lambda gradient, before, after: torch.ops.aten.silu_backward(gradient, before),
    ),
    "tanh": ActivationFunction(
        apply=torch.tanh,
        gradient=lambda gradient, before, after: torch.ops.aten.tanh_backward(gradient, before.tanh()),
    ),
}
"""By the names of `probe.mlp.activation`; gelu is the exact one, x Φ(x)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standardised:
    """What layer normalisation leaves for its derivative."""

    values_GBO: Tensor
    """Mean 0 and variance 1 over the units of an item."""
    inverse_sd_GB1: Tensor


def layer_norm(hidden_GBO: Tensor, scale_G1O: Tensor, shift_G1O: Tensor) -> tuple[Tensor, Standardised]:
    """Bring each item's units to mean 0 and variance 1, then scale and shift them, a network its own way.

    Source: Ba et al. 2016, https://arxiv.org/abs/1607.06450.
    """
    values, _, inverse_sd = torch.native_layer_norm(hidden_GBO, hidden_GBO.shape[-1:], None, None, _EPSILON)
    kept = Standardised(values_GBO=values, inverse_sd_GB1=inverse_sd)
    return torch.addcmul(shift_G1O, values, scale_G1O), kept


def layer_norm_gradients(
    gradient_GBO: Tensor, scale_G1O: Tensor, kept: Standardised
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of what `layer_norm` was given: hidden (G, B, O), scale and shift (G, 1, O)."""
    scale_gradient = (gradient_GBO * kept.values_GBO).sum(1, keepdim=True)
    shift_gradient = gradient_GBO.sum(1, keepdim=True)
    inner = gradient_GBO * scale_G1O
    along = (inner * kept.values_GBO).mean(-1, keepdim=True)
    inner = inner.sub_(inner.mean(-1, keepdim=True)).sub_(kept.values_GBO * along)
    return inner.mul_(kept.inverse_sd_GB1), scale_gradient, shift_gradient
