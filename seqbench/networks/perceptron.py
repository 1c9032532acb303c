"""A multi-layer perceptron with autograd: the output layer behind every other network here."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from seqbench.config.fields import Activation, Norm

ACTIVATIONS: dict[Activation, type[nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}
"""By the names of the config; gelu is the exact one, x Φ(x)."""


class Perceptron(nn.Module):
    """Linear maps, with norm, activation and dropout between, in the order of the MLP head of probes."""

    def __init__(
        self,
        n_inputs: int,
        hidden: Sequence[int],
        n_outputs: int,
        *,
        activation: Activation = "relu",
        norm: Norm = "none",
        dropout: float = 0.0,
    ) -> None:
        """Make the network.

        Args:
            n_inputs: I, the width of what comes in.
            hidden: Widths of the hidden layers; none makes a linear map.
            n_outputs: O.
            activation: Behind each hidden layer.
            norm: Before each activation: `layer` for layer normalisation.
            dropout: Probability of dropping a hidden unit.
        """
        super().__init__()
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise([n_inputs, *hidden]):
            layers.append(nn.Linear(n_in, n_out))
            if norm == "layer":
                layers.append(nn.LayerNorm(n_out))
            layers += [ACTIVATIONS[activation](), nn.Dropout(dropout)]
        layers.append(nn.Linear([n_inputs, *hidden][-1], n_outputs))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Map the last axis, (…, I) to (…, O); no token sees another."""
        found: Tensor = self.layers(x)
        return found
