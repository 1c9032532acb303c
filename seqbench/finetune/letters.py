"""Which letters of a sequence have a token, and which tokens each of them has.

Shape letters: T own tokens of a sequence, P its letters, R letters that have a token, C pairs of such a
letter and a token of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqbench.errors import ModelError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Letters:
    """The letters of one sequence that have a token; each is answered for by the mean of its tokens."""

    n_letters: int
    """P."""
    places_R: NDArray[np.int32]
    """Which of the sequence's letters they are, from 0, ascending."""
    counts_R: NDArray[np.int32]
    """How many tokens each has, at least 1."""
    tokens_C: NDArray[np.int32]
    """These tokens, letter by letter, counted among the sequence's own."""

    def __len__(self) -> int:
        return len(self.places_R)


def letters_of(spans_T2: NDArray[np.int32], n_letters: int) -> Letters:
    """Turn round what `Tokens.spans` tells.

        spans [[0, 2], [1, 3]] of 4 letters  →  letters 0, 1, 2 with 1, 2, 1 tokens: 0 | 0, 1 | 1

    Args:
        spans_T2: First letter of each token, and the one behind its last.
        n_letters: P; a letter that no token stands for, as behind a cut, is left out.

    Raises:
        ModelError: A token stands for a letter that is not there.
    """
    lengths_T = spans_T2[:, 1] - spans_T2[:, 0]
    token_C = np.repeat(np.arange(len(spans_T2), dtype=np.int32), lengths_T)
    within_C = np.arange(len(token_C)) - np.repeat(np.cumsum(lengths_T) - lengths_T, lengths_T)
    letter_C = spans_T2[token_C, 0] + within_C
    counts_P = np.bincount(letter_C, minlength=n_letters)
    if len(counts_P) > n_letters:
        raise ModelError(f"the tokenizer tells of letter {len(counts_P):,} of a sequence of {n_letters:,}")
    places_R = np.flatnonzero(counts_P)
    return Letters(
        n_letters=n_letters,
        places_R=places_R.astype(np.int32),
        counts_R=counts_P[places_R].astype(np.int32),
        tokens_C=token_C[np.argsort(letter_C, kind="stable")],
    )


def rows_of(offsets_N1: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows of some items, in the order of these.

        offsets [0, 2, 3, 6], items [2, 0]  →  rows 3, 4, 5, 0, 1

    Args:
        offsets_N1: Where the rows of each item begin, and where those of the last end.
        items: Numbers of items.
    """
    starts, lengths = offsets_N1[items], offsets_N1[items + 1] - offsets_N1[items]
    before = np.cumsum(lengths) - lengths
    return np.asarray(np.repeat(starts - before, lengths) + np.arange(lengths.sum()), dtype=np.int64)


def offsets_of(counts_N: Sequence[int] | NDArray[np.integer]) -> NDArray[np.int64]:
    """Where the rows of each item begin, and where those of the last end; (N + 1,)."""
    return np.concatenate([[0], np.cumsum(counts_N, dtype=np.int64)]).astype(np.int64)
