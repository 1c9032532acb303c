"""Deep residual shrinkage network: residual blocks that set to zero what lies below a learnt threshold.

The form with a threshold a channel of Zhao, Zhong, Fu, Tang and Pecht 2020, "Deep residual shrinkage networks
for fault diagnosis" (IEEE Transactions on Industrial Informatics 16, 4681–4690), on the pre-activation blocks
of He et al. 2016. Batch normalisation takes statistics over a batch: the gradient of a step then hangs a
little on how its items are cut into batches, other than with all other networks here.

Shape letters: B sequences in a batch, T tokens, H width of a token, C channels; `…` stands for one axis of
tokens (T) or two (Y, X).
"""

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from seqbench.networks.convolution import check_kernel
from seqbench.networks.masked_norm import MaskedBatchNorm
from seqbench.networks.masks import masked_mean, real_or_zero

BLOCKS_A_STAGE = 2
"""Blocks from one halving of length and doubling of channels to the next, as in ResNet-18."""


def soft_threshold(x: Tensor, threshold: Tensor) -> Tensor:
    """Shrink towards zero: `sign(x) · max(|x| - threshold, 0)`; both broadcast, thresholds are ≥ 0."""
    return x.sign() * (x.abs() - threshold).clamp_min(0)


class ShrinkageBlock(nn.Module):
    """Two convolutions, soft thresholds by channel, and the identity beside them."""

    def __init__(
        self, n_inputs: int, channels: int, *, kernel: int, stride: int, dimensions: Literal[1, 2]
    ) -> None:
        """Make a block.

        Args:
            n_inputs: Channels that come in, at most `channels`.
            channels: C.
            kernel: Tokens that a convolution sees along each axis, an odd number.
            stride: Tokens along each axis that become one.
            dimensions: Axes of tokens.
        """
        super().__init__()
        check_kernel(kernel)
        convolution = nn.Conv1d if dimensions == 1 else nn.Conv2d
        self.stride, self.n_added = stride, channels - n_inputs
        self.norms = nn.ModuleList([MaskedBatchNorm(n_inputs), MaskedBatchNorm(channels)])
        self.convolutions = nn.ModuleList(
            [
                convolution(n_inputs, channels, kernel, stride, kernel // 2, bias=False),
                convolution(channels, channels, kernel, 1, kernel // 2),
            ]
        )
        self.squeeze, self.expand = nn.Linear(channels, channels), nn.Linear(channels, channels)
        self.gate_norm = MaskedBatchNorm(channels)

    def thresholds(self, residual: Tensor, mask: Tensor | None = None) -> Tensor:
        """The threshold of each sequence and channel.

        Args:
            residual: What the convolutions give, (B, C, …).
            mask: (B, …), True where a token is real; None: all are.

        Returns:
            Shape (B, C): the mean of absolute values over real tokens, times a learnt share of it that lies
            between 0 and 1: linear, batch normalisation, ReLU, linear, sigmoid.
        """
        average_BC = masked_mean(residual.abs().movedim(1, -1), mask).to(residual.dtype)
        hidden_BC = functional.relu(self.gate_norm(self.squeeze(average_BC)))
        shares_BC: Tensor = self.expand(hidden_BC).sigmoid()
        return average_BC * shares_BC

    def residual(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """What the convolutions give before it is shrunk, (B, C, …), and which of its tokens are real."""
        for norm, convolution, stride in zip(self.norms, self.convolutions, (self.stride, 1), strict=True):
            x = convolution(_zeroed(functional.relu(norm(x, mask)), mask))
            mask = _every(mask, stride)
            x = _zeroed(x, mask)
        return x, mask

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Run the block.

        Args:
            x: (B, C, …), 0 in padding.
            mask: (B, …), True where a token is real; None: all are.

        Returns:
            Shape (B, C, …), shorter by the stride, 0 in padding, and its mask. Beside the convolutions every
            `stride`-th token goes through, with zeros for channels that are new (option A of He et al. 2016).
        """
        residual, shrunk_mask = self.residual(x, mask)
        thresholds = self.thresholds(residual, shrunk_mask)
        shrunk = soft_threshold(residual, thresholds.view(*thresholds.shape, *(1,) * (x.dim() - 2)))
        identity = x[(slice(None), slice(None), *(slice(None, None, self.stride),) * (x.dim() - 2))]
        added = (0, 0) * (x.dim() - 2) + (0, self.n_added)
        return shrunk + functional.pad(identity, added), shrunk_mask


class ShrinkageNetwork(nn.Module):
    """A convolution, shrinkage blocks, a last normalisation with ReLU."""

    def __init__(
        self,
        n_inputs: int,
        *,
        blocks: int = 4,
        base_channels: int = 32,
        grows: bool = True,
        kernel: Literal[3, 5, 7] = 3,
        stride: int = 1,
        dimensions: Literal[1, 2] = 1,
    ) -> None:
        """Make the network.

        Args:
            n_inputs: H.
            blocks: Shrinkage blocks, two a stage.
            base_channels: Channels of the first stage.
            grows: Whether each stage has twice the channels of the one before, or all have the same.
            kernel: Tokens that a convolution sees along each axis.
            stride: Tokens along each axis that the first block of a stage makes one; 1 keeps all of them.
            dimensions: Axes of tokens: 1 for sequences, 2 for maps.
        """
        super().__init__()
        check_kernel(kernel)
        convolution = nn.Conv1d if dimensions == 1 else nn.Conv2d
        self.dimensions = dimensions
        self.stem = convolution(n_inputs, base_channels, kernel, padding=kernel // 2)
        made, width = [], base_channels
        for block in range(blocks):
            channels = base_channels * 2 ** (block // BLOCKS_A_STAGE) if grows else base_channels
            step = stride if block % BLOCKS_A_STAGE == 0 else 1
            made.append(ShrinkageBlock(width, channels, kernel=kernel, stride=step, dimensions=dimensions))
            width = channels
        self.blocks = nn.ModuleList(made)
        self.norm = MaskedBatchNorm(width)
        self.n_outputs = width

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Describe tokens, or stretches of `stride ** stages` tokens.

        Args:
            x: (B, T, H), or (B, Y, X, H) in two dimensions.
            mask: (B, T) or (B, Y, X), True or nonzero where a token is real; None: all are. With a stride
                padding stands behind the tokens.

        Returns:
            Shape (B, T', C) or (B, Y', X', C), 0 in padding, where T' = T with stride 1, else ⌈T / stride⌉ a
            stage; and its mask. `masks.masked_mean` of both is the network's global average.
        """
        if x.dim() != self.dimensions + 2:
            raise ValueError(f"{self.dimensions} axes of tokens are wanted, got the shape {tuple(x.shape)}")
        mask = None if mask is None else mask.bool()
        found = _zeroed(self.stem(real_or_zero(x, mask).movedim(-1, 1)), mask)
        for block in self.blocks:
            found, mask = block(found, mask)
        found = _zeroed(functional.relu(self.norm(found, mask)), mask)
        return found.movedim(1, -1), mask


def _zeroed(x: Tensor, mask: Tensor | None) -> Tensor:
    """Zeros in padding, channels second."""
    return x if mask is None else x.masked_fill(~mask[:, None], 0.0)


def _every(mask: Tensor | None, stride: int) -> Tensor | None:
    """The mask of what a strided convolution leaves: of every `stride`-th token, the middle of a kernel."""
    if mask is None or stride == 1:
        return mask
    return mask[(slice(None), *(slice(None, None, stride),) * (mask.dim() - 1))]
