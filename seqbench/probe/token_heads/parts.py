"""What the networks on tokens have in common: scaled input, the towers of the config, the output layer.

Shape letters: H width of a token; … stands for the axes before it.
"""

import torch
from torch import Tensor, nn

from seqbench.config.tokens import ConvConfig, DrsnConfig, TokenHeadConfig
from seqbench.networks.convolution import ConvolutionTower
from seqbench.networks.perceptron import Perceptron
from seqbench.networks.shrinkage import ShrinkageNetwork


class ScaledTokens(nn.Module):
    """A network on tokens that are standardised first, each channel by itself."""

    mean_H: Tensor
    sd_H: Tensor

    def __init__(self, width: int) -> None:
        """Begin with tokens as they are; the training sets mean and standard deviation."""
        super().__init__()
        self.register_buffer("mean_H", torch.zeros(width))
        self.register_buffer("sd_H", torch.ones(width))

    def scaled(self, x: Tensor) -> Tensor:
        """Standardise, (…, H)."""
        return (x - self.mean_H) / self.sd_H


def conv_tower(n_inputs: int, settings: ConvConfig) -> ConvolutionTower:
    """The convolutions of the conv head."""
    return ConvolutionTower(
        n_inputs,
        settings.width,
        kernel=settings.kernel,
        depth=settings.depth,
        dilation=settings.dilation,
        activation=settings.activation,
        dropout=settings.dropout,
    )


def shrinkage_network(n_inputs: int, settings: DrsnConfig) -> ShrinkageNetwork:
    """The residual blocks of the drsn head; in two dimensions tokens × width are a picture of one channel."""
    return ShrinkageNetwork(
        1 if settings.dimensions == 2 else n_inputs,
        blocks=settings.blocks,
        base_channels=settings.base_channels,
        grows=settings.grows,
        kernel=settings.kernel,
        stride=settings.stride,
        dimensions=settings.dimensions,
    )


def output_layer(n_inputs: int, n_outputs: int, settings: TokenHeadConfig) -> Perceptron:
    """The MLP's output layer behind every head."""
    return Perceptron(
        n_inputs,
        settings.hidden,
        n_outputs,
        activation=settings.activation,
        norm=settings.norm,
        dropout=settings.dropout,
    )
