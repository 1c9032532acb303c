"""Light attention: a convolution weighs the tokens, a channel at a time, that another one describes.

The form of Stärk et al. 2021, "Light attention predicts protein location from the language of life"
(Bioinformatics Advances 1), whose maximum went over padding too; here it does not.

Shape letters: B sequences in a batch, T tokens, H width of a token, C channels.
"""

import torch
from torch import Tensor, nn

from seqbench.networks.convolution import check_kernel
from seqbench.networks.masks import masked_max, masked_softmax, real_or_zero


class LightAttention(nn.Module):
    """Values weighed by a softmax over tokens, beside their largest."""

    def __init__(
        self, n_inputs: int, channels: int | None = None, *, kernel: int = 9, dropout: float = 0.25
    ) -> None:
        """Make both convolutions; the defaults are the paper's.

        Args:
            n_inputs: H.
            channels: C; None for H.
            kernel: Tokens that a convolution sees, an odd number.
            dropout: Probability of dropping a value.
        """
        super().__init__()
        check_kernel(kernel)
        channels = n_inputs if channels is None else channels
        self.values = nn.Conv1d(n_inputs, channels, kernel, padding=kernel // 2)
        self.scores = nn.Conv1d(n_inputs, channels, kernel, padding=kernel // 2)
        self.dropout = nn.Dropout(dropout)
        self.n_outputs = 2 * channels

    def weights(self, x_BTH: Tensor, mask_BT: Tensor | None = None) -> Tensor:
        """What each token counts in each channel; (B, T, C), float32, 1 in sum over real tokens."""
        x_BHT = real_or_zero(x_BTH, mask_BT).transpose(1, 2)
        return masked_softmax(self.scores(x_BHT).transpose(1, 2), mask_BT)

    def forward(self, x_BTH: Tensor, mask_BT: Tensor | None = None) -> Tensor:
        """Pool.

        Args:
            x_BTH: Vectors of tokens.
            mask_BT: True or nonzero where a token is real; None: all are.

        Returns:
            Shape (B, 2 C): the weighted sums, then the largest values; 0 for a sequence without real tokens.
        """
        x_BTH = real_or_zero(x_BTH, mask_BT)
        values_BTC = self.dropout(self.values(x_BTH.transpose(1, 2))).transpose(1, 2)
        values_BTC = real_or_zero(values_BTC, mask_BT)
        weighted_BC = (self.weights(x_BTH, mask_BT).to(values_BTC.dtype) * values_BTC).sum(1)
        return torch.cat([weighted_BC, masked_max(values_BTC, mask_BT)], dim=1)
