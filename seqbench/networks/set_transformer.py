"""A transformer over the members of a set: without positions, so that permuting them permutes the output.

Shape letters: S sets in a batch, N members of a set, H width.
"""

from torch import Tensor, nn

from seqbench.networks.masks import real_or_zero


class SetTransformer(nn.Module):
    """Blocks of self-attention and a GELU MLP of 4 H, normalised before each and at the end.

    Its weights have the names and shapes of `torch.nn.TransformerEncoder` with `norm_first`, so the state of
    one can be loaded into the other. That class copies one block, so that all of its blocks start out equal;
    here each is drawn.
    """

    def __init__(self, width: int, *, blocks: int, heads: int, dropout: float = 0.0) -> None:
        """Make the blocks.

        Args:
            width: H, a multiple of `heads`.
            blocks: How many.
            heads: Attention heads of a block.
            dropout: Of attention weights and of what each half of a block adds.
        """
        super().__init__()
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, heads, 4 * width, dropout, activation="gelu", batch_first=True, norm_first=True
            )
            for _ in range(blocks)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, x_SNH: Tensor, mask_SN: Tensor | None = None) -> Tensor:
        """Let the members of each set attend to each other.

        Args:
            x_SNH: Members, in any order.
            mask_SN: True or nonzero where a member is real; None: all are.

        Returns:
            Shape (S, N, H): in the order of the input, 0 in padding.
        """
        padding_SN = None
        if mask_SN is not None:
            real_SN = mask_SN.bool()
            # An empty set attends to its padding, as a softmax over nothing is NaN; it is 0 afterwards.
            padding_SN = ~(real_SN | ~real_SN.any(1, keepdim=True))
        found_SNH = real_or_zero(x_SNH, mask_SN)
        for block in self.layers:
            found_SNH = block(found_SNH, src_key_padding_mask=padding_SN)
        return real_or_zero(self.norm(found_SNH), mask_SN)
