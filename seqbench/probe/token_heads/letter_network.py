"""A network that answers for each letter, from its vector and its neighbours; then the MLP's output layer.

Shape letters: Q sequences, T letters, H width of a letter, C channels, K outputs.
"""

from typing import cast

from torch import Tensor, nn

from seqbench.config.tokens import ConvConfig, DrsnConfig, TokenHeadConfig
from seqbench.probe.token_heads.parts import ScaledTokens, conv_tower, output_layer, shrinkage_network


class LetterNetwork(ScaledTokens):
    """Standardised letters, each described by its neighbourhood; dropout; a perceptron."""

    def __init__(self, settings: TokenHeadConfig, *, width: int, n_outputs: int) -> None:
        """Make the network; weights are drawn from torch's generator.

        Args:
            settings: Of the head; which one, its class tells.
            width: H.
            n_outputs: K.

        Raises:
            ValueError: The network would shorten sequences, or pools them.
        """
        super().__init__(width)
        self.pool, described = _description(settings, width)
        self.dropout = nn.Dropout(settings.dropout)
        self.output = output_layer(described, n_outputs, settings)

    def forward(self, x_QTH: Tensor, mask_QT: Tensor) -> Tensor:
        """Answer for each real letter.

        Returns:
            Shape (letters, K), sequence by sequence: logits or values.
        """
        found_QTC = self.pool(self.scaled(x_QTH), mask_QT)
        return cast(Tensor, self.output(self.dropout(found_QTC[mask_QT])))


class _Shrinkage(nn.Module):
    """A deep residual shrinkage network that keeps the length; in two dimensions averaged over width."""

    def __init__(self, n_inputs: int, settings: DrsnConfig) -> None:
        super().__init__()
        if settings.stride != 1:
            raise ValueError("labels of letters need stride 1, as each letter gets an answer")
        self.is_picture = settings.dimensions == 2
        self.network = shrinkage_network(n_inputs, settings)
        self.n_outputs = self.network.n_outputs

    def forward(self, x_QTH: Tensor, mask_QT: Tensor) -> Tensor:
        """Describe, (Q, T, C)."""
        if not self.is_picture:
            return cast(Tensor, self.network(x_QTH, mask_QT)[0])
        mask_QTH = mask_QT[..., None].expand(x_QTH.shape)
        found_QTHC, _ = self.network(x_QTH[..., None], mask_QTH)
        return cast(Tensor, found_QTHC.mean(2))


def _description(settings: TokenHeadConfig, width: int) -> tuple[nn.Module, int]:
    """What describes letters by their neighbourhood, and how wide its answer is."""
    if isinstance(settings, ConvConfig):
        tower = conv_tower(width, settings)
        return tower, tower.n_outputs
    if isinstance(settings, DrsnConfig):
        network = _Shrinkage(width, settings)
        return network, network.n_outputs
    raise ValueError(f"{type(settings).__name__} pools an item's tokens: it gives no answer for each letter")
