"""From letters to windows of token ids within the model's limit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.errors import ModelError
from seqbench.models.base import OverlongSequenceError
from seqbench.vocabulary import Overlong

PROBE_SEQUENCE = "ACGTACGTACGTACGT"
"""Letters that DNA, RNA-as-DNA and protein tokenizers all know."""

HUGE = 10**7
"""transformers writes 1e30 for 'no limit'; nothing real comes near this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """Sequences cut into windows; windows of one sequence are neighbours and in order."""

    ids: list[NDArray[np.int64]]
    """Token ids of each window, special tokens included."""
    owner: NDArray[np.int64]
    """The sequence that each window belongs to, ascending."""
    coverage: NDArray[np.float32]
    """Per sequence, the share of its own tokens that is in its windows."""


class Tokens:
    """A tokenizer whose special tokens are known, so that they can stand around every window."""

    def __init__(self, tokenizer: Any, *, limit: int | None, overlong: Overlong) -> None:
        self._tokenizer = tokenizer
        self._limit = limit
        self._overlong = overlong
        self._prefix, self._suffix = _special_tokens(tokenizer)
        self.pad_id: int = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
        if limit is not None and limit <= len(self._prefix) + len(self._suffix):
            raise ModelError(
                f"max_tokens {limit} leaves no room beside the model's special tokens (raise it)"
            )

    def windows(self, sequences: Sequence[str]) -> Windows:
        """Tokenise sequences and cut those over the limit.

        Raises:
            OverlongSequenceError: A sequence is over the limit and `overlong` is error.
            ModelError: A sequence gives no token at all.
        """
        ids: list[NDArray[np.int64]] = []
        owner: list[int] = []
        coverage = np.ones(len(sequences), dtype=np.float32)
        encoded = self._tokenizer(list(sequences), add_special_tokens=False, verbose=False)["input_ids"]
        for index, tokens in enumerate(encoded):
            pieces = self._cut(index, np.asarray(tokens, dtype=np.int64))
            coverage[index] = sum(map(len, pieces)) / len(tokens)
            ids += [np.concatenate([self._prefix, piece, self._suffix]) for piece in pieces]
            owner += [index] * len(pieces)
        return Windows(ids=ids, owner=np.asarray(owner, dtype=np.int64), coverage=coverage)

    def _cut(self, index: int, tokens: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        if len(tokens) == 0:
            raise ModelError(
                f"the tokenizer makes no token of sequence {index} of the block (wrong alphabet?)"
            )
        specials = len(self._prefix) + len(self._suffix)
        if self._limit is None or len(tokens) + specials <= self._limit:
            return [tokens]
        room = self._limit - specials
        if self._overlong == "error":
            raise OverlongSequenceError(index, len(tokens) + specials, self._limit)
        if self._overlong == "truncate":
            return [tokens[:room]]
        return [tokens[start : start + room] for start in range(0, len(tokens), room)]


def _special_tokens(tokenizer: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What the tokenizer puts before and after a sequence."""
    bare = list(tokenizer(PROBE_SEQUENCE, add_special_tokens=False)["input_ids"])
    if set(bare) <= {tokenizer.unk_token_id}:
        raise ModelError("the tokenizer knows none of the letters A, C, G and T (are its files complete?)")
    full = list(tokenizer(PROBE_SEQUENCE)["input_ids"])
    for start in range(len(full) - len(bare) + 1):
        if full[start : start + len(bare)] == bare:
            suffix = full[start + len(bare) :]
            return np.asarray(full[:start], dtype=np.int64), np.asarray(suffix, dtype=np.int64)
    raise ModelError("the tokenizer puts special tokens inside sequences, so windows can't be built")


def token_limit(tokenizer: Any, config: Any, model: Any) -> int | None:
    """The most tokens the model takes at once, special tokens included; None where nothing limits it."""
    limits = [tokenizer.model_max_length, getattr(config, "max_position_embeddings", None)]
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and getattr(module, "num_embeddings", None):
            # RoBERTa and its kin count positions from padding_idx + 1.
            first = 0 if module.padding_idx is None else module.padding_idx + 1
            limits.append(module.num_embeddings - first)
    known = [int(limit) for limit in limits if limit is not None and 0 < limit < HUGE]
    return min(known, default=None)
