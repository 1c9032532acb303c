"""The probability of a letter where tokens are overlapping k-mers, each of which holds it.

    ACG CGT GTA  (k = 3, the T is asked for, so all three are hidden)
    p(T) = sum of p(xTy) over all x and y, by the k-mer in whose middle it stands

Shape letters: M hidden tokens, V vocabulary, T tokens of a window.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqbench.core.alphabets import LETTERS, Alphabet, is_nucleic


def overlapping(spans_T2: NDArray[np.int32]) -> int:
    """Letters of a token where each begins one letter after the one before; else 1."""
    widths = np.unique(spans_T2[:, 1] - spans_T2[:, 0])
    is_one_further = len(spans_T2) > 1 and bool((np.diff(spans_T2[:, 0]) == 1).all())
    return int(widths[0]) if is_one_further and len(widths) == 1 else 1


class Kmers:
    """Which k-mers of a vocabulary have which letter where."""

    def __init__(self, k: int, tokens: Mapping[int, str], alphabet: Alphabet) -> None:
        """Spell the vocabulary.

        Args:
            k: Letters of a token.
            tokens: Text of each id.
            alphabet: Tokens with other letters, special ones among them, stand for none.
        """
        letters = LETTERS["dna" if is_nucleic(alphabet) else alphabet]
        self._k = k
        self._codes = {letter: code for code, letter in enumerate(letters)}
        if is_nucleic(alphabet):
            self._codes["U"] = self._codes["T"]
        table_Vk = np.full((max(tokens) + 1, k), -1, dtype=np.int8)
        for index, text in tokens.items():
            codes = [self._codes.get(letter, -1) for letter in text.upper()]
            if len(codes) == k and -1 not in codes:
                table_Vk[index] = codes
        self._table = torch.from_numpy(table_Vk)

    def bits(
        self,
        letters: Sequence[int],
        text: str,
        spans_T2: NDArray[np.int32],
        places_M: NDArray[np.int64],
        log_MV: Tensor,
    ) -> tuple[float, int]:
        """Bits for letters of a segment, and how many of them stand in these tokens.

        Args:
            letters: Places in the text that are asked for.
            text: Of the segment.
            spans_T2: Letters of each token of the window.
            places_M: Which tokens are hidden; every one that holds a letter asked for is.
            log_MV: Natural logarithms of the probabilities there.
        """
        row_of = {int(place): row for row, place in enumerate(places_M)}
        first, last, end = int(spans_T2[0, 0]), int(spans_T2[-1, 0]), int(spans_T2[-1, 1])
        here = [letter for letter in letters if first <= letter < end and text[letter].upper() in self._codes]
        if not here:
            return 0.0, 0
        starts = [min(max(letter - self._k // 2, first), last) for letter in here]
        rows = torch.tensor([row_of[start - first] for start in starts], device=log_MV.device)
        offsets = torch.tensor([letter - start for letter, start in zip(here, starts, strict=True)])
        codes = torch.tensor([self._codes[text[letter].upper()] for letter in here])
        matches = (codes[:, None] == self._table[:, offsets].T).to(log_MV.device)
        logs = log_MV[rows, : len(self._table)].masked_fill(~matches, -torch.inf).logsumexp(dim=-1)
        return float(-logs.double().sum()) / math.log(2), len(here)
