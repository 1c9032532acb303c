"""Bits that a model pays for the letters that it is asked for.

Shape letters: B windows in a batch, T tokens, V vocabulary, P letters of a segment, M tokens asked for.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqbench.core.alphabets import Alphabet
from seqbench.errors import ModelError
from seqbench.likelihood.kmers import Kmers, overlapping
from seqbench.likelihood.segments import Segment
from seqbench.models.checkpoint import Checkpoint
from seqbench.models.tokens import Tokens
from seqbench.tuning.trainable import Objective, TrainableModel, objective_of, open_language_model

LOGITS: Final = 1 << 25
"""Numbers of logits that a batch has at most: 128 MB."""
TOKENS: Final = 8192
"""Tokens of a batch at most, padding included."""
_ENDLESS: Final = 1 << 40


class SegmentBits(NamedTuple):
    """What a model paid for a segment."""

    bits: float
    """For all letters that were scored."""
    n_letters: int
    """That were scored."""
    token_bits: float
    """For all tokens that were asked for."""
    n_tokens: int
    """That were asked for."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Window:
    """A segment's tokens, or a part of them."""

    segment: int
    own_T: NDArray[np.int32]
    spans_T2: NDArray[np.int32]
    """Letters of the segment that each token stands for: first, and behind the last."""


class LetterScorer:
    """A language model that tells what letters cost it.

    Masked: every token that overlaps a letter that is asked for is hidden, all of a segment at once, and the
    true token's probability is shared among its letters evenly. Of overlapping k-mers, where a letter
    stands in k tokens, its probability is that of all k-mers that have it in the middle of the one that is
    centred on it. Causal: the chain rule over the segment, by tokens, shared in the same way; without a token
    for the beginning the first token is given and not scored.
    """

    def __init__(self, model: TrainableModel, objective: Objective, alphabet: Alphabet) -> None:
        """Get ready for an alphabet.

        Raises:
            ModelError: A masked model's tokenizer has no mask token, or the tokens can't be told.
        """
        self.objective, self.model = objective, model.eval()
        self._is_text = alphabet == "text"
        self._tokens = Tokens(model.tokenizer, limit=None, overlong="truncate", alphabet=alphabet)
        self._room = _ENDLESS if model.limit is None else model.limit - self._tokens.n_special
        mask_id = getattr(model.tokenizer, "mask_token_id", None)
        if objective == "mlm" and mask_id is None:
            name = model.identity.name
            raise ModelError(f"model {name!r}: its tokenizer has no mask token, so no letter can be hidden")
        self._mask_id = int(mask_id or 0)
        self._kmers = self._find_kmers(alphabet) if objective == "mlm" else None

    @property
    def max_tokens(self) -> int | None:
        """Tokens of a window, special ones included; longer segments are cut."""
        return self.model.limit

    @property
    def tokens_by(self) -> str:
        """How letters are written for the tokenizer."""
        return self._tokens.style

    def _find_kmers(self, alphabet: Alphabet) -> Kmers | None:
        k = overlapping(self._tokens.spans([self._tokens.example])[0])
        if k == 1:
            return None
        tokens = {int(index): str(token) for token, index in self.model.tokenizer.get_vocab().items()}
        return Kmers(k, tokens, alphabet)

    def score(self, segments: Sequence[Segment]) -> list[SegmentBits]:
        """Score segments, in batches of like length.

        Letters that the tokenizer does not know cost nothing and count nothing.

        Raises:
            ModelError: The tokenizer does not tell which letters its tokens stand for.
        """
        windows = self._windows(segments)
        order = sorted(range(len(windows)), key=lambda at: -len(windows[at].own_T))
        totals = np.zeros((len(segments), 4))
        with torch.inference_mode():
            for batch in self._batches([windows[at] for at in order]):
                for window, found in zip(batch, self._score(batch, segments), strict=True):
                    totals[window.segment] += found
        return [SegmentBits(float(bits), int(n), float(own), int(m)) for bits, n, own, m in totals]

    def _windows(self, segments: Sequence[Segment]) -> list[_Window]:
        texts = [segment.text for segment in segments]
        found = []
        for number, (own_T, spans_T2) in enumerate(self._encoded(texts)):
            for start in range(0, len(own_T), self._room):
                part = slice(start, start + self._room)
                found.append(_Window(segment=number, own_T=own_T[part], spans_T2=spans_T2[part]))
        return found

    def _encoded(self, texts: Sequence[str]) -> list[tuple[NDArray[np.int32], NDArray[np.int32]]]:
        """Own tokens of each text, and their letters."""
        return list(zip(self._tokens.encode(texts), self._tokens.spans(texts), strict=True))

    def _batches(self, windows: Sequence[_Window]) -> list[list[_Window]]:
        """Windows that are sorted by length, the longest first, in batches."""
        width = self.model.tried.vocabulary or len(self.model.tokenizer)
        budget = max(1, min(TOKENS, LOGITS // width))
        batches: list[list[_Window]] = []
        for window in windows:
            longest = len(batches[-1][0].own_T) + self._tokens.n_special if batches else 0
            if not batches or (len(batches[-1]) + 1) * longest > budget:
                batches.append([])
            batches[-1].append(window)
        return batches

    def _score(self, batch: Sequence[_Window], segments: Sequence[Segment]) -> list[NDArray[np.float64]]:
        hidden = [self._asked(window, segments[window.segment]) for window in batch]
        inputs = []
        for window, asked_T in zip(batch, hidden, strict=True):
            own_T = window.own_T.copy()
            if self.objective == "mlm":
                own_T[asked_T] = self._mask_id
            inputs.append(np.concatenate([self._tokens.prefix, own_T, self._tokens.suffix]).astype(np.int32))
        logits_BTV, _ = self.model.states(inputs)
        before = len(self._tokens.prefix) - (self.objective == "clm")
        found = []
        for window, asked_T, logits_TV in zip(batch, hidden, logits_BTV, strict=True):
            places_M = np.flatnonzero(asked_T)
            index = torch.from_numpy(places_M + before).to(logits_TV.device)
            log_M = torch.log_softmax(logits_TV[index].float(), dim=-1)
            found.append(self._of_window(window, segments[window.segment], places_M, log_M))
        return found

    def _asked(self, window: _Window, segment: Segment) -> NDArray[np.bool_]:
        """(T,) tokens that are asked for."""
        if self.objective == "mlm":
            return _sums(segment.asked_P, window.spans_T2) > 0
        asked_T = np.ones(len(window.own_T), dtype=np.bool_)
        asked_T[:1] = len(self._tokens.prefix) > 0
        return asked_T

    def _of_window(
        self, window: _Window, segment: Segment, places_M: NDArray[np.int64], log_MV: Tensor
    ) -> NDArray[np.float64]:
        """Bits and number of letters, bits and number of tokens."""
        true_M = window.own_T[places_M].astype(np.int64)
        rows = torch.arange(len(places_M), device=log_MV.device)
        picked = log_MV[rows, torch.from_numpy(true_M).to(log_MV.device)]
        bits_M = -picked.double().cpu().numpy() / math.log(2)
        unknown = self._tokens.unknown_id
        known_M = np.ones(len(true_M), dtype=np.bool_) if unknown is None else true_M != unknown
        own = [float(bits_M[known_M].sum()), int(known_M.sum())]
        if self._kmers is not None:
            letters = np.flatnonzero(segment.asked_P).tolist()
            paid = self._kmers.bits(letters, segment.text, window.spans_T2, places_M, log_MV)
            return np.array([*paid, *own])
        spans_M2 = _disjoint(window.spans_T2)[places_M]
        countable_M = _sums(segment.countable_P, spans_M2)
        wanted_M = _sums(segment.asked_P, spans_M2) if self.objective == "mlm" else countable_M
        # A token of white space alone, or the rest of a character of several bytes, has no letter to pay for.
        without = self._is_text or self.objective == "mlm"
        share_M = np.where(countable_M > 0, wanted_M / np.maximum(countable_M, 1), float(without))
        return np.array([(bits_M * share_M)[known_M].sum(), wanted_M[known_M].sum(), *own])


def _sums(flags_P: NDArray[np.bool_], spans_T2: NDArray[np.int32]) -> NDArray[np.int64]:
    """(T,) how many of the letters of each span are flagged."""
    sums = np.concatenate([[0], np.cumsum(flags_P)])
    found: NDArray[np.int64] = sums[spans_T2[:, 1]] - sums[spans_T2[:, 0]]
    return found


def _disjoint(spans_T2: NDArray[np.int32]) -> NDArray[np.int32]:
    """The same spans without letters that a token before has."""
    if not len(spans_T2):
        return spans_T2
    before_T = np.concatenate([[0], np.maximum.accumulate(spans_T2[:-1, 1])])
    return np.stack([np.clip(before_T, spans_T2[:, 0], spans_T2[:, 1]), spans_T2[:, 1]], axis=1)


class NoHeadError(ModelError):
    """The checkpoint holds hidden states alone: what it would make of letters was never trained."""


def open_scorer(source: Checkpoint, alphabet: Alphabet) -> LetterScorer:
    """Load a checkpoint with the head that it was trained with, and get it ready.

    Raises:
        NoHeadError: It has no such head.
        ModelError: It can't be loaded or asked.
    """
    objective = objective_of(source)
    lacking: list[str] = []
    model = open_language_model(source, objective, alphabet, lacking.append)
    if lacking:
        said = lacking[0].removesuffix(", so it is drawn")
        raise NoHeadError(f"{said}, so it can't say what letters cost (give a checkpoint with that head)")
    return LetterScorer(model, objective, alphabet)
