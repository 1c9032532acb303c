"""Losses between predicted and real sets of cells, with gradients of few matrix products.

`torch.cdist` keeps what its backward needs of every call and differences of cells stand in memory in
between; here one matrix product gives all distances of a batch of sets, and one more the gradient.

Shape letters: S sets of a batch, N predicted and M real cells of a set, G genes.
"""

from typing import Any

import torch
from torch import Tensor

_LEAST = 1e-12
"""Below this squared distance two cells are the same, and the gradient of their distance is 0, as `cdist`
has it."""


def energy_loss(predicted_SNG: Tensor, real_SMG: Tensor) -> Tensor:
    """Energy distance of predicted and real sets, 2 E|x - y| - E|x - x'| - E|y - y'|, averaged over sets.

    As `seqbench.perturb.distances.energy_distance`; real cells get no gradient.

    Args:
        predicted_SNG: Predicted cells of each set, float32.
        real_SMG: Real cells of each set.

    Returns:
        A scalar, with a gradient for the predicted cells.
    """
    between: Tensor = _MeanDistance.apply(predicted_SNG, real_SMG)  # type: ignore[no-untyped-call]
    within: Tensor = _MeanDistance.apply(predicted_SNG, predicted_SNG)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        of_real = _distances(real_SMG, real_SMG).mean()
    return 2 * between - within - of_real


def mmd_loss(predicted_SNG: Tensor, real_SMG: Tensor) -> Tensor:
    """Squared maximum mean discrepancy by Gaussian kernels of several widths, averaged over sets.

    Gretton et al. 2012, the biased estimate; widths are 1/4 to 4 times the mean squared distance of the
    real cells, in steps of 2, told by the real cells alone so that the prediction can't change its own
    measure.
    """
    squared = {
        "xy": _squared(predicted_SNG, real_SMG),
        "xx": _squared(predicted_SNG, predicted_SNG),
        "yy": _squared(real_SMG, real_SMG),
    }
    width_S11 = squared["yy"].mean(dim=(1, 2), keepdim=True).clamp_min(_LEAST)
    widths = [width_S11 * 2.0**step for step in range(-2, 3)]
    means = {
        name: torch.stack([torch.exp(-values / width).mean() for width in widths]).mean()
        for name, values in squared.items()
    }
    return means["xx"] + means["yy"] - 2 * means["xy"]


def mean_loss(predicted_SNG: Tensor, real_SMG: Tensor) -> Tensor:
    """Mean squared error of the sets' means: what is asked is the mean response, not the spread of cells."""
    return torch.nn.functional.mse_loss(predicted_SNG.mean(dim=1), real_SMG.mean(dim=1))


def _squared(a_SNG: Tensor, b_SMG: Tensor) -> Tensor:
    """Squared distances (S, N, M) by one product; what should be 0 may be a little above."""
    centre_S1G = b_SMG.detach().mean(dim=1, keepdim=True)  # distances stay, and squares cancel less
    a_SNG, b_SMG = a_SNG - centre_S1G, b_SMG - centre_S1G
    squares = a_SNG.square().sum(-1, keepdim=True) + b_SMG.square().sum(-1)[:, None, :]
    return torch.baddbmm(squares, a_SNG, b_SMG.mT, alpha=-2).clamp_min(0)


def _distances(a_SNG: Tensor, b_SMG: Tensor) -> Tensor:
    squared = _squared(a_SNG, b_SMG)
    if a_SNG is b_SMG:
        squared.diagonal(dim1=1, dim2=2).zero_()
    return squared.sqrt_()


class _MeanDistance(torch.autograd.Function):
    """Mean Euclidean distance between two sets, or within one, over all pairs of cells of all sets."""

    @staticmethod
    def forward(ctx: Any, a_SNG: Tensor, b_SMG: Tensor) -> Tensor:
        distances = _distances(a_SNG, b_SMG)
        ctx.save_for_backward(a_SNG, b_SMG, distances)
        ctx.is_within = a_SNG is b_SMG
        return distances.mean()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, None]:
        a_SNG, b_SMG, distances = ctx.saved_tensors
        # d|a - b|/da = (a - b)/|a - b|: rows of weights w give sum(w) a - w b. Within a set each pair
        # counts twice.
        weights = torch.where(distances > _LEAST**0.5, distances.reciprocal(), 0.0)
        scale = gradients[0] / distances.numel() * (2 if ctx.is_within else 1)
        gradient = a_SNG * weights.sum(-1, keepdim=True)
        gradient = torch.baddbmm(gradient, weights, b_SMG, alpha=-1)
        return gradient.mul_(scale), None
