"""Hiding tokens of a window: which are targets, and what stands in their place.

Draws depend on the text, the seed and the epoch alone. A window's masks are so the same whatever it is
batched with, on any machine, and after a run went on.

Shape letters: T tokens of a window, P letters under them.
"""

import struct
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqbench.adapt.vocabulary import Masking, Vocabulary
from seqbench.errors import ModelError

MASKED, RANDOM = 0.8, 0.1
"""Of the targets, those that become the mask token and a random token; the others stay (Devlin et al. 2019,
https://arxiv.org/abs/1810.04805)."""

Ids = NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskSettings:
    """How tokens are hidden."""

    share: float = 0.15
    """Share of the tokens that may be targets, that are."""
    masking: Masking = "token"
    """What is hidden as one."""
    span: float = 3.0
    """Mean length of a span in tokens."""
    replace: Literal["bert", "mask"] = "bert"
    """Whether every target becomes the mask token, or some stay or become random tokens."""


class Masked(NamedTuple):
    """A window with hidden tokens."""

    inputs_T: Ids
    """What the model is given."""
    targets_T: NDArray[np.bool_]
    """Positions whose tokens it is asked for."""


class Masker:
    """Hides tokens of windows."""

    def __init__(
        self, vocabulary: Vocabulary, settings: MaskSettings, *, seed: int, around: tuple[int, int] = (0, 0)
    ) -> None:
        """See that the tokenizer allows it.

        Args:
            vocabulary: Of the tokenizer.
            settings: How tokens are hidden.
            seed: Of the draws.
            around: Special tokens before and behind the own ones of every window.

        Raises:
            ModelError: It has no mask token, marks no words, or spans would take more than there is.
        """
        if vocabulary.mask_id is None:
            raise ModelError("the tokenizer has no mask token, which masked language modelling needs")
        if settings.masking == "word" and vocabulary.begins_V is None:
            raise ModelError(
                "masking: word needs a tokenizer that marks where words begin (take token or span)"
            )
        if settings.masking == "span" and settings.share > settings.span * (1 - settings.share):
            raise ModelError(
                f"mask {settings.share:g} needs spans longer than {settings.span:g} (raise span)"
            )
        self._vocabulary, self._settings, self._seed = vocabulary, settings, seed
        self._n_before, self._n_behind = around
        self._random_ids = vocabulary.allowed_ids.astype(np.int32)
        self._mask_id = np.int32(vocabulary.mask_id)

    def mask(self, ids_T: Ids, text: str, *, epoch: int, place: int) -> Masked:
        """Hide tokens of a window.

        Args:
            ids_T: With its special tokens, which stay.
            text: That it is a window of.
            epoch: Of its corpus, from 0.
            place: Of the window in its text, from 0.
        """
        inputs_T, targets_T = ids_T.copy(), np.zeros(len(ids_T), dtype=np.bool_)
        own = slice(self._n_before, len(ids_T) - self._n_behind)
        inputs_T[own], targets_T[own] = self._mask_own(ids_T[own], _generator(self._seed, epoch, place, text))
        return Masked(inputs_T, targets_T)

    def _mask_own(self, ids_T: Ids, random: np.random.Generator) -> Masked:
        may_T = self._vocabulary.allowed_V[ids_T]
        chosen_T, units_T = self._choose(ids_T, may_T, random)
        targets_T = chosen_T & may_T
        inputs_T = ids_T.copy()
        if self._settings.replace == "mask":
            inputs_T[targets_T] = self._mask_id
            return Masked(inputs_T, targets_T)
        fate_T = random.random(int(units_T[-1]) + 1)[units_T]
        inputs_T[targets_T & (fate_T < MASKED)] = self._mask_id
        swapped_T = targets_T & (fate_T >= MASKED) & (fate_T < MASKED + RANDOM)
        inputs_T[swapped_T] = random.choice(self._random_ids, int(swapped_T.sum()))
        return Masked(inputs_T, targets_T)

    def _choose(
        self, ids_T: Ids, may_T: NDArray[np.bool_], random: np.random.Generator
    ) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Which tokens are hidden, and numbers from 0 of what is hidden as one."""
        share, masking = self._settings.share, self._settings.masking
        if masking == "token":
            return random.random(len(ids_T)) < share, np.arange(len(ids_T))
        if masking == "word":
            assert self._vocabulary.begins_V is not None
            # A token that may be no target is no part of a word either.
            starts_T = self._vocabulary.begins_V[ids_T] | ~may_T
            starts_T[1:] |= ~may_T[:-1]
            words_T = np.cumsum(starts_T) - starts_T[0]
            return (random.random(int(words_T[-1]) + 1) < share)[words_T], words_T
        if masking == "span":
            chosen_T = spans(len(ids_T), share, self._settings.span, random)
        else:
            chosen_T = hidden_kmers(may_T, share, self._vocabulary.k, random)
        return chosen_T, np.cumsum(np.diff(chosen_T, prepend=chosen_T[:1]))


def spans(n: int, share: float, mean: float, random: np.random.Generator) -> NDArray[np.bool_]:
    """Hidden spans of geometric length, (n,), with gaps of geometric length between them.

    A chain of two states in its stationary distribution: each place is hidden with the probability `share`,
    and spans have the mean length asked for. SpanBERT's are geometric as well, of a mean of 3.8 (Joshi et al.
    2020, https://arxiv.org/abs/1907.10529), but are drawn until a budget is spent.
    """
    gap = mean * (1 - share) / share
    hidden = bool(random.random() < share)
    n_pairs = 1 + int(2 * n / (mean + gap))
    lengths: list[int] = []
    covered = 0
    while covered < n:
        means = [mean, gap] if hidden else [gap, mean]
        drawn = random.geometric(1 / np.asarray(means), size=(n_pairs, 2)).ravel()
        lengths += drawn.tolist()
        covered += int(drawn.sum())
    states = np.arange(len(lengths)) % 2 == (0 if hidden else 1)
    return np.repeat(states, lengths)[:n]


def hidden_kmers(
    may_T: NDArray[np.bool_], share: float, k: int, random: np.random.Generator
) -> NDArray[np.bool_]:
    """Hidden tokens of overlapping k-mers, (T,): all that hold a hidden letter, so that none can be copied.

    Letters are hidden apart, each with a probability at which a token is hidden with the probability `share`.
    A letter that a token shows which may be no target is not hidden.

    Args:
        may_T: Own tokens of a window that may be targets.
        share: Of the tokens.
        k: Letters of a token, which begins one letter behind the one before.
        random: To draw from.
    """
    letters_P = random.random(len(may_T) + k - 1) < 1 - (1 - share) ** (1 / k)
    for start in np.flatnonzero(~may_T):
        letters_P[start : start + k] = False
    counts_P = np.concatenate([[0], np.cumsum(letters_P)])
    found: NDArray[np.bool_] = (counts_P[k:] - counts_P[:-k]) > 0
    return found


def _generator(seed: int, epoch: int, place: int, text: str) -> np.random.Generator:
    content = struct.pack("<QQQ", seed, epoch, place) + text.encode("utf-8", "surrogatepass")
    key = np.frombuffer(blake2b(content, digest_size=16).digest(), dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key))
