"""The head that answers for each letter: dropout and one linear map on the vector of each token.

Shape letters: T own tokens of all sequences in a row, R letters that have a token, C pairs of such a letter
and a token of it, H hidden width, O outputs of all targets.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from seqbench.finetune.items import Sequences
from seqbench.finetune.letters import Letters, offsets_of


class LetterHead(nn.Module):
    """What is said of each token, and from that of each letter."""

    def __init__(self, *, width: int, n_outputs: int, dropout: float) -> None:
        """Make the parts.

        Args:
            width: H.
            n_outputs: O.
            dropout: Of tokens' vectors.
        """
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(width, n_outputs)

    def forward(self, tokens_TH: Tensor, letters: Sequence[Letters], lengths: Sequence[int]) -> Tensor:
        """Outputs of the letters of all sequences, (R, O) float32, before softmax or sigmoid.

        Args:
            tokens_TH: The sequences' own tokens.
            letters: Of each sequence.
            lengths: Own tokens of each sequence.
        """
        return mean_of_tokens(self.output(self.dropout(tokens_TH)).float(), letters, lengths)


def mean_of_tokens(outputs_TO: Tensor, letters: Sequence[Letters], lengths: Sequence[int]) -> Tensor:
    """The mean over the tokens that each letter is in; (R, O).

    Sums go token by token: the gradient of a sum by index is in no fixed order on GPUs.
    """
    starts = offsets_of(lengths)
    tokens_C = np.concatenate([own.tokens_C + start for own, start in zip(letters, starts, strict=False)])
    counts_R = np.concatenate([own.counts_R for own in letters])
    first_R = np.cumsum(counts_R) - counts_R
    device = outputs_TO.device
    sums_RO = outputs_TO[_on(tokens_C[first_R], device)]
    for turn in range(1, int(counts_R.max(initial=1))):
        more_R = counts_R > turn
        token_R = tokens_C[np.where(more_R, first_R + turn, first_R)]
        sums_RO = sums_RO + torch.where(_on(more_R, device)[:, None], outputs_TO[_on(token_R, device)], 0.0)
    if len(tokens_C) == len(counts_R):
        return sums_RO
    return sums_RO / _on(counts_R, device)[:, None]


def own_places(sequences: Sequence[Sequences], n_before: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the own tokens of sequences stand in their windows, each token once.

    Of windows that overlap it is the one where a token has most context, as the store keeps it.

    Args:
        sequences: Whose windows stand one below the other.
        n_before: Special tokens before those of a window.

    Returns:
        The window and the place in it of each, (T,).
    """
    bounds = np.array([kept for each in sequences for kept in each.kept], dtype=np.int64).reshape(-1, 2)
    lengths = bounds[:, 1] - bounds[:, 0]
    window_T = np.repeat(np.arange(len(bounds)), lengths)
    within_T = np.arange(len(window_T)) - np.repeat(np.cumsum(lengths) - lengths - bounds[:, 0], lengths)
    return window_T, within_T + n_before


def _on(values: NDArray[np.generic], device: torch.device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values)).to(device)
