"""From letters to windows of token ids within the model's limit.

Shape letters: W windows, T tokens of a sequence, N sequences.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.core.alphabets import LETTERS, Alphabet
from seqbench.core.types import Overlong
from seqbench.errors import ModelError
from seqbench.models.base import OverlongSequenceError
from seqbench.models.letters import TRIAL_LENGTHS, Lookup, find_lookup
from seqbench.models.limits import token_limit
from seqbench.models.spans import NO_SPANS, by_letter, letter_spans
from seqbench.models.writing import Ids, SequenceWriter, find_writer

__all__ = ["Tokens", "Windows", "token_limit"]


SENTENCE = "The quick brown fox jumps over the lazy dog. "
"""A text that any tokenizer of English makes tokens of."""

LONGEST_TRIED = 131_072
"""Letters up to which a look-up table is held against the tokenizer; a million take it 400 to 800 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """Sequences cut into windows; windows of one sequence are neighbours and in order."""

    ids: list[Ids]
    """Token ids of each window, special tokens included; int32."""
    owner_W: NDArray[np.int64]
    """The sequence that each window belongs to, ascending."""
    start_W: NDArray[np.int64]
    """Where each window starts, in own tokens of its sequence."""
    overlap_W: NDArray[np.int64]
    """Own tokens at each window's start that the window before holds as well."""
    kept_W2: NDArray[np.int64]
    """Where in each window's own tokens those begin and end that have most context there; see `kept_of`."""
    coverage: NDArray[np.float32]
    """Per sequence, the share of its own tokens that is in its windows; shape (N,)."""
    unreadable: dict[int, str]
    """Sequences that have no token, so no window, and why."""


class Tokens:
    """A tokenizer made ready for sequences of one alphabet.

    Args:
        tokenizer: Of transformers, fast or not, or of custom code.
        limit: Tokens of a window, special tokens included; None for no limit.
        overlong: What happens to sequences over the limit.
        stride: Own tokens from one window's start to the next; None for no overlap.
        alphabet: Of the sequences; None tries the letters A, C, G and T, which most tokenizers know.

    Raises:
        ModelError: The tokenizer can't be used for such sequences, its special tokens can't be found, the
            limit leaves no room beside them, or the stride is over that room.
    """

    def __init__(
        self,
        tokenizer: Any,
        *,
        limit: int | None,
        overlong: Overlong,
        stride: int | None = None,
        alphabet: Alphabet | None = None,
    ) -> None:
        self.limit = limit
        """Tokens of a window, special tokens included; None for no limit."""
        self._overlong = overlong
        self._stride = stride
        self._writer = find_writer(tokenizer, alphabet or "dna")
        self._lookup: Lookup | None = find_lookup(self._writer, alphabet or "dna")
        self._tried_length = max(TRIAL_LENGTHS)
        self.alphabet: Alphabet = alphabet or "dna"
        letters = SENTENCE if alphabet == "text" else LETTERS[self.alphabet]
        self.example = letters * 4 * self._writer.unit
        """A sequence that the tokenizer knows."""
        self.prefix, self.suffix = _special_tokens(self._writer, self.example)
        pad_id = getattr(tokenizer, "pad_token_id", None)
        self.pad_id: int = 0 if pad_id is None else int(pad_id)
        """Any id will do where there is none: padding is masked."""
        self._room = self._room_for_own()

    @property
    def n_special(self) -> int:
        """Special tokens of a window."""
        return len(self.prefix) + len(self.suffix)

    @property
    def unknown_id(self) -> int | None:
        """The tokenizer's unknown token; None where it has none."""
        return self._writer.unknown

    @property
    def style(self) -> str:
        """How sequences are written for the tokenizer, such as `plain`, `spaced` or `kmer-6, U as T`."""
        return self._writer.style.name

    @property
    def fast(self) -> bool:
        """Whether a look-up table stands in for the tokenizer."""
        return self._lookup is not None

    def window_of_length(self, length: int) -> NDArray[np.int32]:
        """Ids of a window of so many tokens, special ones included: the example's letters repeated."""
        own = np.resize(self.encode([self.example])[0], length - self.n_special)
        return np.concatenate([self.prefix, own, self.suffix]).astype(np.int32)

    def windows(self, sequences: Sequence[str]) -> Windows:
        """Tokenise sequences and cut those over the limit.

        Windows start every `stride` own tokens until one reaches the sequence's end, so that every window but
        the last is full.

        Raises:
            OverlongSequenceError: A sequence is over the limit and `overlong` is error.
        """
        ids: list[Ids] = []
        owner: list[int] = []
        starts: list[int] = []
        kept: list[tuple[int, int]] = []
        coverage = np.ones(len(sequences), dtype=np.float32)
        unreadable: dict[int, str] = {}
        for index, tokens_T in enumerate(self.encode(sequences)):
            if len(tokens_T) == 0:
                unreadable[index] = self._writer.refusal(sequences[index])
                coverage[index] = 0
                continue
            cuts, stop = self._cuts(index, len(tokens_T))
            ends = [stop if self._room is None else min(start + self._room, stop) for start in cuts]
            kept += kept_of(cuts, ends)
            for start, end in zip(cuts, ends, strict=True):
                ids.append(np.concatenate([self.prefix, tokens_T[start:end], self.suffix]))
            owner += [index] * len(cuts)
            starts += cuts
            coverage[index] = stop / len(tokens_T)
        start_W = np.asarray(starts, dtype=np.int64)
        overlap = 0 if self._room is None or self._stride is None else self._room - self._stride
        return Windows(
            ids=ids,
            owner_W=np.asarray(owner, dtype=np.int64),
            start_W=start_W,
            overlap_W=np.where(start_W > 0, overlap, 0),
            kept_W2=np.asarray(kept, dtype=np.int64).reshape(-1, 2),
            coverage=coverage,
            unreadable=unreadable,
        )

    def encode(self, sequences: Sequence[str]) -> list[Ids]:
        """Own token ids of each sequence, exactly as the tokenizer gives them; none of those it refuses."""
        if self._lookup is None:
            return self._writer.encode(sequences)
        found = [self._lookup.encode(sequence) for sequence in sequences]
        covered = [sequence for sequence, ids in zip(sequences, found, strict=True) if ids is not None]
        if not self._stands(self._lookup, max(covered, key=len, default="")):
            self._lookup = None
            return self._writer.encode(sequences)
        rest = [index for index, ids in enumerate(found) if ids is None]
        slow = dict(zip(rest, self._writer.encode([sequences[index] for index in rest]), strict=True))
        return [slow[index] if ids is None else ids for index, ids in enumerate(found)]

    def spans(self, sequences: Sequence[str]) -> list[NDArray[np.int32]]:
        """Which letters each own token stands for, of the tokens that windows hold.

        Returns:
            For each sequence (T, 2), its first letter and the one behind its last; none of unreadable ones.

        Raises:
            OverlongSequenceError: A sequence is over the limit and `overlong` is error.
            ModelError: The tokenizer does not tell.
        """
        found: list[NDArray[np.int32]] = []
        lookup = self._lookup
        slow: list[int] = []
        for index, sequence in enumerate(sequences):
            is_by_letter = lookup is not None and lookup.words is None and lookup.covers(sequence)
            found.append(by_letter(len(sequence)) if is_by_letter else NO_SPANS)
            if not is_by_letter:
                slow.append(index)
        encoded = self.encode([sequences[index] for index in slow])
        spans = letter_spans(self._writer, [sequences[index] for index in slow], encoded)
        for index, own in zip(slow, spans, strict=True):
            found[index] = own
        return [own if not len(own) else own[: self._cuts(at, len(own))[1]] for at, own in enumerate(found)]

    def refusal(self, sequence: str) -> str:
        """Why a sequence has no token."""
        return self._writer.refusal(sequence)

    def unknown_share(self, sequences: Sequence[str]) -> float:
        """Share of the sequences' own tokens that is the tokenizer's unknown token; 0 where it has none."""
        unknown = self._writer.unknown
        encoded = self.encode(sequences)
        total = sum(map(len, encoded))
        if unknown is None or total == 0:
            return 0.0
        return float(sum(np.count_nonzero(ids == unknown) for ids in encoded) / total)

    def _room_for_own(self) -> int | None:
        """Own tokens that a window has room for."""
        if self.limit is None:
            return None
        room = self.limit - len(self.prefix) - len(self.suffix)
        if room < 1:
            raise ModelError(
                f"max_tokens {self.limit} leaves no room beside the model's special tokens (raise it)"
            )
        if self._stride is not None and self._stride > room:
            raise ModelError(
                f"extract.stride {self._stride} would leave tokens out: a window has room for {room} beside "
                f"its special tokens (set it to at most {room}, or null for no overlap)"
            )
        return room

    def _cuts(self, index: int, n_tokens: int) -> tuple[list[int], int]:
        """Where windows start, and where the last one ends."""
        if self._room is None or self.limit is None or n_tokens <= self._room:
            return [0], n_tokens
        if self._overlong == "error":
            specials = len(self.prefix) + len(self.suffix)
            raise OverlongSequenceError(index, n_tokens + specials, self.limit)
        if self._overlong == "truncate":
            return [0], self._room
        step = self._stride or self._room
        return list(range(0, n_tokens - self._room + step, step)), n_tokens

    def _stands(self, lookup: Lookup, longest: str) -> bool:
        """Hold the table against the tokenizer on a sequence longer than all before.

        Some tokenizers give up on words over a length of their own, which may be beyond the first trial.
        """
        text = longest[:LONGEST_TRIED]
        if len(text) <= self._tried_length:
            return True
        self._tried_length = len(text)
        looked_up = lookup.encode(text)
        return looked_up is not None and np.array_equal(looked_up, self._writer.encode([text])[0])


def kept_of(starts: Sequence[int], ends: Sequence[int]) -> list[tuple[int, int]]:
    """Which tokens of overlapping windows are kept of which: each once, where it has most context.

        starts [0, 4, 8], ends [8, 12, 14]  →  [(0, 6), (2, 6), (2, 6)]

    Of the windows that hold a token, the one in which the shorter of its two sides is longest; at a
    sequence's ends a side lacks nothing. Between neighbours that is the middle of what both hold.

    Args:
        starts: Of one sequence's windows, ascending.
        ends: Of the same, ascending.

    Returns:
        Begin and end in each window, counted from the window's own start.
    """
    borders = [(end - 1 + start) // 2 + 1 for end, start in zip(ends, starts[1:], strict=False)]
    edges = [starts[0], *borders, ends[-1]]
    return [(edges[at] - start, edges[at + 1] - start) for at, start in enumerate(starts)]


def _special_tokens(writer: SequenceWriter, example: str) -> tuple[Ids, Ids]:
    """What the tokenizer puts before and after a sequence."""
    bare = writer.encode([example])[0].tolist()
    full = writer.encode([example], specials=True)[0].tolist()
    for start in range(len(full) - len(bare) + 1):
        if full[start : start + len(bare)] == bare:
            suffix = full[start + len(bare) :]
            return np.asarray(full[:start], dtype=np.int32), np.asarray(suffix, dtype=np.int32)
    raise ModelError("the tokenizer puts special tokens inside sequences, so windows can't be built")
