"""Attention pooling: one learnt query looks at all tokens of a sequence.

Shape letters: B sequences in a batch, T tokens, H width.
"""

import torch
from torch import Tensor, nn

from seqbench.networks.masks import masked_softmax, real_or_zero


class AttentionPooling(nn.Module):
    """A weighted mean of tokens; the weights are a softmax of each token's product with one query."""

    def __init__(self, n_inputs: int) -> None:
        """Make the query: zeros, so that training starts from the mean.

        Args:
            n_inputs: H.
        """
        super().__init__()
        self.query = nn.Parameter(torch.zeros(n_inputs))

    def weights(self, x_BTH: Tensor, mask_BT: Tensor | None = None) -> Tensor:
        """What each token counts.

        Args:
            x_BTH: Vectors of tokens, any floating dtype.
            mask_BT: True or nonzero where a token is real; None: all are.

        Returns:
            Shape (B, T), float32: `softmax(x · query / √H)` over real tokens, 0 in padding (the scale of
            Vaswani et al. 2017, "Attention is all you need").
        """
        x_BTH = real_or_zero(x_BTH, mask_BT)
        scores_BT = (x_BTH.float() @ self.query.float()) / x_BTH.shape[-1] ** 0.5
        return masked_softmax(scores_BT[..., None], mask_BT)[..., 0]

    def forward(self, x_BTH: Tensor, mask_BT: Tensor | None = None) -> Tensor:
        """Pool; (B, H) in the dtype of what came in, 0 for a sequence without real tokens."""
        x_BTH = real_or_zero(x_BTH, mask_BT)
        weights_BT = self.weights(x_BTH, mask_BT)
        return torch.einsum("bt,bth->bh", weights_BT, x_BTH.float()).to(x_BTH.dtype)
