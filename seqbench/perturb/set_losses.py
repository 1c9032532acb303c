"""Losses between predicted and real sets of cells, with gradients of few matrix products.

Three calls of `torch.cdist` take six products of cells by cells by genes, and copies of both sets each. Here
the distances within a set are computed for half of the pairs, the gradient is one product, taken at once
while its operands are in the cache, and a few sets at a time are worked on.

Shape letters: S sets of a batch, N predicted and M real cells of a set, K = N + M, G genes.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

_LEAST = 1e-12
"""Below this squared distance two cells are the same, and the gradient of their distance is 0, as `cdist`
has it."""
_TOGETHER = 1024
"""Cells of the sets that are worked on at once: with 2,000 genes they are 8 MB, which stay in the cache."""
_BLOCK = 256
"""Cells of a block of pairs: smaller ones save more products and make each slower."""


def energy_loss(predicted_SNG: Tensor, real_SMG: Tensor) -> Tensor:
    """Energy distance of predicted and real sets, 2 E|x - y| - E|x - x'| - E|y - y'|, averaged over sets.

    As `seqbench.perturb.distances.energy_distance`; real cells get no gradient.

    Args:
        predicted_SNG: Predicted cells of each set, float32.
        real_SMG: Real cells of each set.

    Returns:
        A scalar, with a gradient for the predicted cells.
    """
    loss: Tensor = _EnergyDistance.apply(predicted_SNG, real_SMG)  # type: ignore[no-untyped-call]
    return loss


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


class _EnergyDistance(torch.autograd.Function):
    """The loss and its gradient at once: it is a scalar, so that backward only scales what is there."""

    @staticmethod
    def forward(ctx: Any, predicted_SNG: Tensor, real_SMG: Tensor) -> Tensor:
        gradient_SNG = torch.empty_like(predicted_SNG) if ctx.needs_input_grad[0] else None
        together = max(1, _TOGETHER // (predicted_SNG.shape[1] + real_SMG.shape[1]))
        total = predicted_SNG.new_zeros(())
        for start in range(0, len(predicted_SNG), together):
            part = slice(start, start + together)
            total += _energy_sum(
                predicted_SNG[part], real_SMG[part], None if gradient_SNG is None else gradient_SNG[part]
            )
        if gradient_SNG is not None:
            ctx.save_for_backward(gradient_SNG.div_(len(predicted_SNG)))
        return total / len(predicted_SNG)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (gradient_SNG,) = ctx.saved_tensors
        return gradient_SNG * gradients[0], None


def _energy_sum(predicted_SNG: Tensor, real_SMG: Tensor, gradient_SNG: Tensor | None) -> Tensor:
    """Energy distances summed over sets; their gradient is written where there is room for it."""
    n, m = predicted_SNG.shape[1], real_SMG.shape[1]
    both_SKG = torch.cat([predicted_SNG, real_SMG], dim=1)
    both_SKG -= real_SMG.mean(dim=1, keepdim=True)  # distances stay, and squares cancel less
    cells_SNG, others_SMG = both_SKG[:, :n], both_SKG[:, n:]
    distances_SNK = both_SKG.new_empty(len(both_SKG), n, n + m)
    for rows, columns, block in _within(cells_SNG):
        distances_SNK[:, rows, columns] = block
        distances_SNK[:, columns, rows] = block.mT
    squares_SK = _squares(both_SKG)
    distances_SNK[:, :, n:] = _between(cells_SNG, others_SMG, squares_SK[:, :n], squares_SK[:, n:])
    of_real = sum(block.sum() * (1 if rows == columns else 2) for rows, columns, block in _within(others_SMG))
    within, between = distances_SNK[:, :, :n].sum() / n**2, distances_SNK[:, :, n:].sum() / (n * m)
    if gradient_SNG is not None:
        _write_gradient(both_SKG, distances_SNK, gradient_SNG)
    return 2 * between - within - of_real / m**2


def _write_gradient(both_SKG: Tensor, distances_SNK: Tensor, gradient_SNG: Tensor) -> None:
    """Take d|a - b|/da = (a - b)/|a - b|, of a row of weights w: sum(w) a - w b.

    Within a set each pair counts twice.
    """
    n, m = distances_SNK.shape[1], distances_SNK.shape[2] - distances_SNK.shape[1]
    same_SNK = distances_SNK <= _LEAST**0.5
    weights_SNK = distances_SNK.reciprocal_().masked_fill_(same_SNK, 0.0)
    weights_SNK[:, :, :n] *= -2 / n**2
    weights_SNK[:, :, n:] *= 2 / (n * m)
    torch.mul(both_SKG[:, :n], weights_SNK.sum(-1, keepdim=True), out=gradient_SNG)
    gradient_SNG.baddbmm_(weights_SNK, both_SKG, alpha=-1)


def _within(cells_SNG: Tensor) -> Iterator[tuple[slice, slice, Tensor]]:
    """Distances between all cells of a set, by blocks: rows, columns, and (S, rows, columns).

    Of two blocks that mirror each other one is given.
    """
    squares_SN = _squares(cells_SNG)
    n = cells_SNG.shape[1]
    blocks = [slice(start, min(start + _BLOCK, n)) for start in range(0, n, _BLOCK)]
    for place, rows in enumerate(blocks):
        for columns in blocks[place:]:
            block = _between(
                cells_SNG[:, rows], cells_SNG[:, columns], squares_SN[:, rows], squares_SN[:, columns]
            )
            if rows == columns:
                block.diagonal(dim1=1, dim2=2).zero_()
            yield rows, columns, block


def _between(a_SNG: Tensor, b_SMG: Tensor, squares_SN: Tensor, squares_SM: Tensor) -> Tensor:
    """Distances (S, N, M) of cells whose squared lengths are known."""
    squared_SNM = torch.bmm(a_SNG, b_SMG.mT).mul_(-2)
    return squared_SNM.add_(squares_SN[:, :, None]).add_(squares_SM[:, None]).clamp_(min=0).sqrt_()


def _squares(cells_SNG: Tensor) -> Tensor:
    """Squared lengths (S, N), by what does not write down every square."""
    squares_SN: Tensor = torch.linalg.vector_norm(cells_SNG, dim=-1).square_()
    return squares_SN
