"""Convolutions along a sequence, as long as the sequence.

Shape letters: B sequences in a batch, T tokens, H width of a token, C channels.
"""

from collections.abc import Iterable

from torch import Tensor, nn

from seqbench.config.fields import Activation
from seqbench.networks.masks import real_or_zero
from seqbench.networks.perceptron import ACTIVATIONS


def check_kernel(kernel: int) -> None:
    """Refuse a kernel without a middle.

    Raises:
        ValueError: It is even, or not positive.
    """
    if kernel < 1 or kernel % 2 == 0:
        raise ValueError(f"a kernel is an odd number of tokens, got {kernel}")


class ConvolutionTower(nn.Module):
    """Layers of convolution, activation and dropout; from the second on each adds to what it got."""

    def __init__(
        self,
        n_inputs: int,
        channels: int,
        *,
        kernel: int = 7,
        depth: int = 2,
        dilation: int = 1,
        activation: Activation = "relu",
        dropout: float = 0.0,
    ) -> None:
        """Make the layers.

        Args:
            n_inputs: H.
            channels: C, the width of every layer.
            kernel: Tokens that a layer sees, an odd number.
            depth: Layers.
            dilation: By how much the gap between the tokens that a layer sees grows from layer to layer:
                `dilation ** layer`, as in WaveNet (van den Oord et al. 2016) with 2; 1 for no gaps.
            activation: Behind each convolution.
            dropout: Probability of dropping a value behind it.
        """
        super().__init__()
        check_kernel(kernel)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(
                channels if layer else n_inputs,
                channels,
                kernel,
                dilation=dilation**layer,
                padding=dilation**layer * (kernel // 2),
            )
            for layer in range(depth)
        )
        self.activation, self.dropout = ACTIVATIONS[activation](), nn.Dropout(dropout)
        self.n_outputs = channels if depth else n_inputs

    @property
    def reach(self) -> int:
        """Tokens to either side of one that can change its output."""
        convolutions: Iterable[nn.Module] = self.convolutions
        return sum(int(each.padding[0]) for each in convolutions if isinstance(each, nn.Conv1d))

    def forward(self, x_BTH: Tensor, mask_BT: Tensor | None = None) -> Tensor:
        """Describe each token by its neighbourhood.

        Args:
            x_BTH: Vectors of tokens.
            mask_BT: True or nonzero where a token is real; None: all are.

        Returns:
            Shape (B, T, C), 0 in padding.
        """
        found_BTC = real_or_zero(x_BTH, mask_BT)
        for layer, convolution in enumerate(self.convolutions):
            new_BTC = self.dropout(self.activation(convolution(found_BTC.transpose(1, 2)))).transpose(1, 2)
            # Zeros again before the next layer, which would carry a bias of the padding into the sequence.
            found_BTC = real_or_zero(new_BTC + found_BTC if layer else new_BTC, mask_BT)
        return found_BTC
