"""Which tokens of a vocabulary may be targets, and where words begin.

Shape letters: V tokens of the vocabulary.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from seqbench.core.alphabets import LETTERS, Alphabet
from seqbench.errors import ModelError

Masking = Literal["token", "word", "span", "kmer"]

_PLACEHOLDER = re.compile(r"[\[<]/?(unused|extra_id_|reserved|madeupword)[\w-]*[\]>]", re.IGNORECASE)
"""Entries that stand for no text: `[unused12]` of BERT, `<extra_id_3>` of T5, `madeupword0001` of RoBERTa."""
_JOINED = "##"
"""Before a WordPiece token that goes on with the word of the token before it."""
_BEGINNINGS = ("▁", "Ġ")
"""Before a token that begins a word: of SentencePiece, and of byte-level BPE."""
_COMPLEMENT = {"dna": "U", "rna": "T"}
"""DNA models that are given RNA read U as T, so both are letters."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Vocabulary:
    """What language modelling has to know of a tokenizer."""

    allowed_V: NDArray[np.bool_]
    """Tokens that may be targets, and stand for one at random: no special, unknown, unused or odd ones."""
    begins_V: NDArray[np.bool_] | None
    """Tokens that begin a word; None where tokens don't tell."""
    mask_id: int | None
    """Of the mask token; None where there is none."""
    k: int
    """Letters of a token where tokens are overlapping k-mers, each one letter further; else 1."""

    @property
    def allowed_ids(self) -> NDArray[np.int64]:
        """Ids of the tokens that may stand for others."""
        return np.flatnonzero(self.allowed_V)


def read_vocabulary(
    tokenizer: Any, alphabet: Alphabet, n_ids: int, *, k: int = 1, around: Sequence[int] = ()
) -> Vocabulary:
    """Sort the tokens of a tokenizer.

    Args:
        tokenizer: Of transformers, or of custom code.
        alphabet: Of the corpora. A token with a letter outside of it, such as N, X or a gap, is odd; of text
            none is.
        n_ids: Ids that the model has outputs for.
        k: Letters of overlapping k-mers, else 1.
        around: Ids that stand around every window; a tokenizer need not name them special.

    Raises:
        ModelError: The tokenizer does not tell its tokens, or all are special or odd.
    """
    try:
        tokens = {str(token): int(index) for token, index in tokenizer.get_vocab().items()}
    except (NotImplementedError, AttributeError) as error:
        raise ModelError(
            "the tokenizer does not say which tokens it has (get_vocab), as masks need"
        ) from error
    special = {*around, *_special_ids(tokenizer)}
    allowed_V = np.zeros(n_ids, dtype=np.bool_)
    for token, index in tokens.items():
        if index < n_ids and index not in special:
            allowed_V[index] = _is_plain(token, alphabet)
    if not allowed_V.any():
        raise ModelError(f"the tokenizer has no token of {alphabet} letters alone that could be masked")
    mask_id = getattr(tokenizer, "mask_token_id", None)
    return Vocabulary(
        allowed_V=allowed_V,
        begins_V=_beginnings(tokens, n_ids),
        mask_id=None if mask_id is None else int(mask_id),
        k=k,
    )


def _special_ids(tokenizer: Any) -> Iterator[int]:
    """Ids of special and unknown tokens, of those that were added as special ones too."""
    yield from map(int, getattr(tokenizer, "all_special_ids", ()))
    if (unknown := getattr(tokenizer, "unk_token_id", None)) is not None:
        yield int(unknown)
    added = getattr(tokenizer, "added_tokens_decoder", {})
    yield from (int(index) for index, token in added.items() if getattr(token, "special", False))


def overlapping_letters(tokenizer: Any, ids: Sequence[int]) -> int:
    """Letters of a token where each is one letter further than the one before, else 1.

    Args:
        tokenizer: Of transformers, or of custom code.
        ids: Own tokens of a sequence in which neighbouring letters differ.
    """
    try:
        texts = [str(token) for token in tokenizer.convert_ids_to_tokens([int(index) for index in ids])]
    except (NotImplementedError, AttributeError, TypeError):
        return 1
    k = len(texts[0]) if texts else 1
    is_overlapping = len(texts) > 1 and all(len(text) == k for text in texts)
    follows = all(left[1:] == right[:-1] for left, right in pairwise(texts))
    return k if k > 1 and is_overlapping and follows else 1


def _is_plain(token: str, alphabet: Alphabet) -> bool:
    """Whether a token stands for text, and of sequences for letters of the alphabet alone."""
    if _PLACEHOLDER.fullmatch(token) or token.startswith("madeupword"):
        return False
    if alphabet == "text":
        return True
    letters = token.removeprefix(_JOINED).lstrip("".join(_BEGINNINGS)).removesuffix("</w>").upper()
    return bool(letters) and set(letters) <= {*LETTERS[alphabet], *_COMPLEMENT.get(alphabet, "")}


def _beginnings(tokens: dict[str, int], n_ids: int) -> NDArray[np.bool_] | None:
    """Which tokens begin a word; special tokens do, so that no word goes across them."""
    if any(token.startswith(_JOINED) and len(token) > len(_JOINED) for token in tokens):
        begins = {index for token, index in tokens.items() if not token.startswith(_JOINED)}
    elif any(len(token) > 1 and token.startswith(_BEGINNINGS) for token in tokens):
        begins = {index for token, index in tokens.items() if token.startswith(_BEGINNINGS)}
    else:
        return None
    begins_V = np.zeros(n_ids, dtype=np.bool_)
    begins_V[[index for index in begins if index < n_ids]] = True
    return begins_V
