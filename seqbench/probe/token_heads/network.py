"""A network that makes one answer of an item's tokens: pooling of each sequence, then the MLP's output layer.

Shape letters: B items of a batch, S sequences of an item, Q = B·S sequences, T tokens, H width of a token,
D width of a pooled sequence, K outputs.
"""

from typing import cast

import torch
from torch import Tensor, nn

from seqbench.config.tokens import (
    AttentionConfig,
    ConvConfig,
    DrsnConfig,
    LightAttentionConfig,
    TokenHeadConfig,
)
from seqbench.core.combining import n_vectors
from seqbench.networks.attention_pooling import AttentionPooling
from seqbench.networks.combining import combined
from seqbench.networks.light_attention import LightAttention
from seqbench.networks.masks import masked_max, masked_mean
from seqbench.probe.token_heads.parts import ScaledTokens, conv_tower, output_layer, shrinkage_network


class Convolutions(nn.Module):
    """A tower of convolutions, and of each channel the mean and the largest over tokens."""

    def __init__(self, n_inputs: int, settings: ConvConfig) -> None:
        """Make the tower, H to C channels."""
        super().__init__()
        self.tower = conv_tower(n_inputs, settings)
        self.n_outputs = 2 * self.tower.n_outputs

    def forward(self, x_QTH: Tensor, mask_QT: Tensor) -> Tensor:
        """Pool, (Q, 2 C)."""
        found_QTC = self.tower(x_QTH, mask_QT)
        return torch.cat([masked_mean(found_QTC, mask_QT), masked_max(found_QTC, mask_QT)], dim=1)


class Shrinkage(nn.Module):
    """A deep residual shrinkage network and its global average."""

    def __init__(self, n_inputs: int, settings: DrsnConfig) -> None:
        """Make the network; in two dimensions tokens × width are a picture of one channel."""
        super().__init__()
        self.is_picture = settings.dimensions == 2
        self.network = shrinkage_network(n_inputs, settings)
        self.n_outputs = self.network.n_outputs

    def forward(self, x_QTH: Tensor, mask_QT: Tensor) -> Tensor:
        """Pool, (Q, C)."""
        if self.is_picture:
            mask_QTH = mask_QT[..., None].expand(x_QTH.shape)
            return masked_mean(*self.network(x_QTH[..., None], mask_QTH))
        return masked_mean(*self.network(x_QTH, mask_QT))


class TokenNetwork(ScaledTokens):
    """Standardised tokens, pooled a sequence; the sequences of an item combined; dropout; a perceptron."""

    def __init__(
        self, settings: TokenHeadConfig, *, width: int, n_seqs: int, combine: str, n_outputs: int
    ) -> None:
        """Make the network; weights are drawn from torch's generator.

        Args:
            settings: Of the head; which one, its class tells.
            width: H.
            n_seqs: S.
            combine: How the sequences of an item become one row, one of `core.combining.Combine`.
            n_outputs: K.
        """
        super().__init__(width)
        self.pool, pooled = _pooling(settings, width)
        self._n_seqs, self._combine = n_seqs, combine
        self.dropout = nn.Dropout(settings.dropout)
        self.output = output_layer(pooled * n_vectors(combine, n_seqs), n_outputs, settings)

    def forward(self, x_QTH: Tensor, mask_QT: Tensor) -> Tensor:
        """Answer.

        Args:
            x_QTH: Vectors of tokens, the sequences of an item one after another.
            mask_QT: True where a token is real.

        Returns:
            Shape (B, K): logits or values.
        """
        pooled_QD = self.pool(self.scaled(x_QTH), mask_QT)
        pooled_BSD = pooled_QD.reshape(-1, self._n_seqs, pooled_QD.shape[1])
        return cast(Tensor, self.output(self.dropout(combined(pooled_BSD, self._combine))))

    def weights(self, x_QTH: Tensor, mask_QT: Tensor) -> Tensor | None:
        """What each token counts, (Q, T), 1 in sum over real ones; None of a head that weighs none."""
        if isinstance(self.pool, AttentionPooling):
            return self.pool.weights(self.scaled(x_QTH), mask_QT)
        if isinstance(self.pool, LightAttention):
            return self.pool.weights(self.scaled(x_QTH), mask_QT).mean(-1)
        return None


def _pooling(settings: TokenHeadConfig, width: int) -> tuple[nn.Module, int]:
    """What pools a sequence, and how wide its answer is."""
    if isinstance(settings, AttentionConfig):
        return AttentionPooling(width), width
    if isinstance(settings, LightAttentionConfig):
        light = LightAttention(
            width, settings.channels, kernel=settings.kernel, dropout=settings.value_dropout
        )
        return light, light.n_outputs
    if isinstance(settings, ConvConfig):
        tower = Convolutions(width, settings)
        return tower, tower.n_outputs
    if isinstance(settings, DrsnConfig):
        network = Shrinkage(width, settings)
        return network, network.n_outputs
    raise TypeError(f"{type(settings).__name__} sets up no head that reads tokens")
