"""The config's keys on single tokens: what is kept of them, and the heads that read them."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from seqbench.config.fields import Count, PositiveRate, Rate, Section, Share, Switch, distinct, expect
from seqbench.config.heads import MlpConfig
from seqbench.core.types import StoreDtype

LayerChoice = Annotated[
    Literal["all"]
    | Annotated[
        tuple[Annotated[int, Field(strict=True)], ...], Field(min_length=1), AfterValidator(distinct)
    ],
    expect("all, or a list of distinct layer numbers such as [0, 6, -1]"),
]


class TokensConfig(Section):
    """Which vectors of single tokens are kept."""

    layers: LayerChoice = Field(
        default=(-1,), description="Layers whose tokens are kept: all, or a list; -1 is the last."
    )
    dtype: StoreDtype = Field(
        default="float16",
        description="Type of stored tokens: float16, whose rounding error is recorded, or float32.",
    )


def _odd(kernel: int) -> int:
    if kernel % 2 == 0:
        raise PydanticCustomError("odd", "must be an odd number, as a kernel has a middle")
    return kernel


Kernel = Annotated[int, Field(strict=True, ge=1), AfterValidator(_odd)]


class TokenHeadConfig(MlpConfig):
    """What all heads that read tokens have: the output layer and the training of the mlp head."""

    hidden: tuple[Count, ...] = Field(
        default=(), description="Widths of hidden layers between pooling and output; [] for none."
    )
    dropout: Share = Field(
        default=0.2, description="Share dropped in training of pooled vectors and of hidden units, below 1."
    )
    lr: PositiveRate = Field(default=1e-3, description="Learning rate of AdamW.")
    weight_decay: Rate = Field(
        default=0.0, description="AdamW's decay of weights, never of biases and norms."
    )
    epochs: Count = Field(default=50, description="Passes over the training split.")
    standardize: Switch = Field(
        default=True, description="Scale each channel to mean 0 and variance 1 over the tokens of train."
    )


class AttentionConfig(TokenHeadConfig):
    """The attention head: a mean of tokens, weighed by one learnt query."""


class LightAttentionConfig(TokenHeadConfig):
    """The light attention head: a convolution weighs what another one says of each token."""

    channels: Count | None = Field(default=None, description="Channels of both; null: the model's width.")
    kernel: Kernel = Field(default=9, description="Tokens that a convolution sees, an odd number.")
    value_dropout: Share = Field(
        default=0.25, description="Share of the values dropped in training before they are weighed."
    )


class ConvConfig(TokenHeadConfig):
    """The convolutional head: a tower, then mean and largest value of each channel."""

    kernel: Kernel = Field(default=7, description="Tokens that a layer sees, an odd number.")
    width: Count = Field(default=64, description="Channels of every layer.")
    depth: Count = Field(default=2, description="Layers; from the second on each adds to what it got.")
    dilation: Count = Field(
        default=1, description="Factor by which gaps between the tokens seen grow from layer to layer."
    )


class DrsnConfig(TokenHeadConfig):
    """The deep residual shrinkage network, and its global average."""

    blocks: Count = Field(default=4, description="Residual blocks, two a stage.")
    base_channels: Count = Field(default=32, description="Channels of the first stage.")
    grows: Switch = Field(default=True, description="Double the channels each stage; false: all the same.")
    kernel: Literal[3, 5, 7] = Field(default=3, description="Tokens that a convolution sees: 3, 5 or 7.")
    stride: Count = Field(
        default=1, description="Tokens that the first block of each stage makes one; 1 keeps all."
    )
    dimensions: Literal[1, 2] = Field(
        default=1, description="1: along tokens, channels as input; 2: over tokens × channels as a picture."
    )


TOKEN_HEADS: dict[str, type[TokenHeadConfig]] = {
    "attention": AttentionConfig,
    "light_attention": LightAttentionConfig,
    "conv": ConvConfig,
    "drsn": DrsnConfig,
}
"""The heads that read single tokens, and the section of each."""
