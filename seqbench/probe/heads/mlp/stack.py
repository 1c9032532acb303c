"""The weights of many MLPs of one shape in one buffer, so that the optimiser and copies make few calls.

Shape letters: G networks, I inputs, O outputs of a linear map.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from seqbench.config.fields import Activation, Norm

_ALIGNED = 16
"""Values of a cache line, in which the vectors of every CPU fit evenly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """What a network is made of."""

    widths: tuple[int, ...]
    """Of the features, the hidden layers and the outputs."""
    activation: Activation
    norm: Norm

    @property
    def n_weights(self) -> int:
        """Entries of the weight matrices."""
        return sum(n_inputs * n_outputs for n_inputs, n_outputs in pairwise(self.widths))

    @property
    def other_widths(self) -> tuple[int, ...]:
        """Of the biases, and of the norms' scales and shifts, as they follow each other."""
        return self.widths[1:] + 2 * (self.widths[1:-1] if self.norm == "layer" else ())

    @property
    def n_values(self) -> int:
        """Everything that is trained, with the padding of `MlpStack`."""
        return self.n_weights + sum(_padded(width) for width in self.other_widths)

    def with_outputs(self, n_outputs: int) -> "Architecture":
        """The same but for the outputs."""
        return replace(self, widths=(*self.widths[:-1], n_outputs))


def _padded(size: int) -> int:
    return -(-size // _ALIGNED) * _ALIGNED


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Views of a stack's values, by depth; scales and shifts of hidden layers only, none without norm."""

    weights_GIO: tuple[Tensor, ...]
    biases_G1O: tuple[Tensor, ...]
    scales_G1O: tuple[Tensor, ...]
    shifts_G1O: tuple[Tensor, ...]

    @property
    def all(self) -> tuple[Tensor, ...]:
        """Every tensor."""
        return self.weights_GIO + self.biases_G1O + self.scales_G1O + self.shifts_G1O

    def select(self, networks: Sequence[int]) -> "Parameters":
        """Copy some of the networks."""
        index = torch.tensor(networks, device=self.weights_GIO[0].device)

        def chosen(tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            return tuple(tensor.index_select(0, index) for tensor in tensors)

        return Parameters(
            weights_GIO=chosen(self.weights_GIO),
            biases_G1O=chosen(self.biases_G1O),
            scales_G1O=chosen(self.scales_G1O),
            shifts_G1O=chosen(self.shifts_G1O),
        )

    def with_outputs(self, place: slice) -> "Parameters":
        """The networks with some of their outputs."""
        *weights, last_GIO = self.weights_GIO
        *biases, bias_G1O = self.biases_G1O
        return replace(
            self,
            weights_GIO=(*weights, last_GIO[..., place]),
            biases_G1O=(*biases, bias_G1O[..., place]),
        )


class MlpStack:
    """The values of G networks and their gradients, all 0 at first but the norms' scales, which are 1.

    Fused AdamW computes the values at the end of a tensor, where no whole vector is left, in another order
    than the rest. Padding keeps what counts away from there: no number depends on a network's place.
    """

    def __init__(self, n_networks: int, architecture: Architecture, device: torch.device) -> None:
        self.n_networks = n_networks
        self.architecture = architecture
        self.n_decaying = _padded(n_networks * architecture.n_weights)
        """Values at the buffer's start that are weights."""
        n_others = n_networks * sum(_padded(width) for width in architecture.other_widths)
        self.values = torch.zeros(self.n_decaying + n_others, device=device)
        """All weights, depth by depth, then all biases, scales and shifts."""
        self.gradient_values = torch.zeros_like(self.values)
        self.parameters = self.views(self.values)
        self.gradients = self.views(self.gradient_values)
        for scale_G1O in self.parameters.scales_G1O:
            scale_G1O.fill_(1.0)

    def sections(self, buffer: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Cut a buffer laid out like `values`: weights by depth (G, I, O), and others (G, 1, padded O)."""
        start = 0

        def take(n_inputs: int, n_outputs: int) -> Tensor:
            nonlocal start
            first, start = start, start + self.n_networks * n_inputs * n_outputs
            return buffer[first:start].view(self.n_networks, n_inputs, n_outputs)

        weights = [take(n_inputs, n_outputs) for n_inputs, n_outputs in pairwise(self.architecture.widths)]
        start = self.n_decaying
        return weights, [take(1, _padded(width)) for width in self.architecture.other_widths]

    def views(self, buffer: Tensor) -> Parameters:
        """Read a buffer that is laid out like `values`."""
        weights, padded = self.sections(buffer)
        widths = self.architecture.other_widths
        others = tuple(tensor[..., :width] for tensor, width in zip(padded, widths, strict=True))
        n_maps, n_norms = len(weights), (len(others) - len(weights)) // 2
        return Parameters(
            weights_GIO=tuple(weights),
            biases_G1O=others[:n_maps],
            scales_G1O=others[n_maps : n_maps + n_norms],
            shifts_G1O=others[n_maps + n_norms :],
        )

    def copy_networks(self, chosen_G: Tensor, destination: Tensor) -> None:
        """Copy the chosen networks' values (a boolean a network) into a buffer laid out like `values`."""
        pairs = zip(self.parameters.all, self.views(destination).all, strict=True)
        for source_GIO, target_GIO in pairs:
            torch.where(chosen_G[:, None, None], source_GIO, target_GIO, out=target_GIO)

    def clip_gradients(self, largest_norm: float) -> None:
        """Shorten each network's gradient to a norm, as `torch.nn.utils.clip_grad_norm_` does for one."""
        squares_G = sum(
            (gradient_GIO.square().sum((1, 2)) for gradient_GIO in self.gradients.all),
            torch.zeros((), device=self.values.device),
        )
        factor_G = (largest_norm / (squares_G.sqrt() + 1e-6)).clamp_max_(1.0)
        for gradient_GIO in self.gradients.all:
            gradient_GIO.mul_(factor_G[:, None, None])
