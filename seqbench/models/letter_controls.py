"""Controls that give a vector a letter: its neighbourhood, the words in it, or its place. One layer, layer 0.

Shape letters: B pieces of sequences, R letters of a batch, W letters of the neighbourhood, A letters of the
alphabet, H width.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from seqbench.core.alphabets import LETTERS, Alphabet, is_nucleic
from seqbench.core.identity import ModelIdentity, Settings
from seqbench.core.types import Pooling
from seqbench.errors import NotApplicableError
from seqbench.models.base import Batch, Event, Pooled, Prepared, SequenceFacts, TokenStates
from seqbench.models.controls import (
    BATCH_BYTES,
    MAX_WIDTH,
    Kmer,
    byte_letters,
    canonical_columns,
    codes_of,
    identity_of,
)
from seqbench.models.fingerprint import hash_files
from seqbench.models.spans import by_letter

PLACES: Final = ("relative place", "log letters before", "log letters behind", "log length")
"""What the position control knows of a letter."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """Letters `start` to `stop` of a sequence: long ones are cut, so that a batch fits in memory."""

    sequence: str
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


class LetterControl:
    """What all have in common: every letter is a token, a sequence's vector the mean of its letters'."""

    hidden: int
    settings: Settings
    poolings: tuple[Pooling, ...] = ("mean",)

    def _vectors(self, piece: _Piece) -> NDArray[np.float32]:
        """A vector for each letter of a piece, (len(piece), H)."""
        raise TypeError("a control says what it knows of a letter")

    def tune(self, recorded: dict[str, Any], sample: Sequence[str]) -> dict[str, Any]:
        """Nothing to choose."""
        return {}

    def embed_in_float32(self, sequences: Sequence[str], layers: Sequence[int]) -> None:
        """Nothing: it computes in float32 anyway."""

    def spans(self, sequences: Sequence[str]) -> list[NDArray[np.int32]]:
        """Each letter is a token; see `TokenEmbedder.spans`."""
        return [by_letter(len(sequence)) for sequence in sequences]

    def prepare(self, sequences: Sequence[str]) -> Prepared:
        """Cut and group sequences; see `Embedder.prepare`. Neighbours beyond a cut are seen."""
        most = max(1, BATCH_BYTES // (4 * self.hidden))
        pieces = [
            (owner, _Piece(sequence, start, min(start + most, len(sequence))))
            for owner, sequence in enumerate(sequences)
            for start in range(0, len(sequence), most)
        ]
        batches: list[list[tuple[int, _Piece]]] = []
        letters = most
        for owner, piece in pieces:
            if letters + len(piece) > most:
                batches.append([])
                letters = 0
            batches[-1].append((owner, piece))
            letters += len(piece)
        return Prepared(
            batches=[
                Batch(
                    owner_B=np.asarray([owner for owner, _ in batch], dtype=np.int64),
                    start_B=np.asarray([piece.start for _, piece in batch], dtype=np.int64),
                    windows=[piece for _, piece in batch],
                )
                for batch in batches
            ],
            coverage_N=np.ones(len(sequences), dtype=np.float32),
            windows_N=np.bincount([owner for owner, _ in pieces], minlength=len(sequences)).astype(np.int32),
        )

    def compute(
        self, batch: Batch, layers: Sequence[int], token_layers: Sequence[int] = ()
    ) -> Iterator[Event]:
        """See `TokenEmbedder.compute`."""
        count_B = np.asarray([len(piece) for piece in batch.windows], dtype=np.int64)
        vectors_RH = np.concatenate([self._vectors(piece) for piece in batch.windows])
        if layers:
            first_B = np.cumsum(count_B) - count_B
            sums_BH = np.add.reduceat(vectors_RH.astype(np.float64), first_B, axis=0)
            mean_BH = (sums_BH / count_B[:, None]).astype(np.float32)
            mean_PLBH = np.broadcast_to(mean_BH, (1, len(layers), *mean_BH.shape))
            yield Pooled(
                owner_B=batch.owner_B,
                start_B=batch.start_B,
                tokens_B=count_B,
                weight_B=count_B,
                fetch=lambda: mean_PLBH,
            )
        if token_layers:
            rows_LRH = np.broadcast_to(vectors_RH, (len(token_layers), *vectors_RH.shape))
            yield TokenStates(
                owner_B=batch.owner_B, start_B=batch.start_B, count_B=count_B, fetch=lambda: rows_LRH
            )


class OnehotWindowEmbedder(LetterControl):
    """The letters around each letter, a column a place and letter; beyond the ends, and odd ones, zero."""

    def __init__(self, alphabet: Alphabet, window: int) -> None:
        self._codes, self._base, self._half = codes_of(alphabet), len(LETTERS[alphabet]), window // 2
        self.hidden = window * self._base
        self.settings = {
            "alphabet": "nucleotides" if is_nucleic(alphabet) else alphabet,
            "window": window,
        }

    def _vectors(self, piece: _Piece) -> NDArray[np.float32]:
        codes_P = _around(self._codes, piece, self._half)
        letter_PA = np.zeros((len(codes_P), self._base), dtype=np.float32)
        known = np.flatnonzero(codes_P >= 0)
        letter_PA[known, codes_P[known]] = 1
        windows_RAW = np.lib.stride_tricks.sliding_window_view(letter_PA, 2 * self._half + 1, axis=0)
        return np.ascontiguousarray(windows_RAW.transpose(0, 2, 1)).reshape(len(piece), self.hidden)


class KmerWindowEmbedder(LetterControl):
    """How often each k-mer lies within the letters around a letter; those with odd letters do not count."""

    def __init__(self, alphabet: Alphabet, ks: Sequence[int], window: int, *, canonical: bool) -> None:
        self._codes, self._base, self._half = codes_of(alphabet), len(LETTERS[alphabet]), window // 2
        self._columns = {k: canonical_columns(k) if canonical else np.arange(self._base**k) for k in ks}
        self._widths = {k: int(columns.max()) + 1 for k, columns in self._columns.items()}
        self.hidden = sum(self._widths.values())
        self.settings = {
            "alphabet": "nucleotides" if is_nucleic(alphabet) else alphabet,
            "window": window,
        }

    def _vectors(self, piece: _Piece) -> NDArray[np.float32]:
        codes_P = _around(self._codes, piece, self._half)
        return np.concatenate([self._counts(codes_P, k) for k in self._columns], axis=1)

    def _counts(self, codes_P: NDArray[np.int64], k: int) -> NDArray[np.float32]:
        letters_XK = np.lib.stride_tricks.sliding_window_view(codes_P, k)
        known = np.flatnonzero((letters_XK >= 0).all(axis=1))
        words = letters_XK[known] @ (self._base ** np.arange(k - 1, -1, -1))
        # Of all k-mers up to a place; what is within a window is the difference of two.
        sums_X = np.zeros((len(letters_XK) + 1, self._widths[k]), dtype=np.int32)
        sums_X[known + 1, self._columns[k][words]] = 1
        np.cumsum(sums_X, axis=0, out=sums_X)
        inside = 2 * self._half + 2 - k
        return (sums_X[inside:] - sums_X[:-inside]).astype(np.float32)


class PositionEmbedder(LetterControl):
    """Where a letter stands: `PLACES`; the letters themselves are not seen."""

    def __init__(self) -> None:
        self.hidden = len(PLACES)
        self.settings = {"place": "relative, logs"}

    def _vectors(self, piece: _Piece) -> NDArray[np.float32]:
        place_R, length = np.arange(piece.start, piece.stop), len(piece.sequence)
        columns = (
            (place_R + 0.5) / length,
            np.log1p(place_R),
            np.log1p(length - 1 - place_R),
            np.full(len(piece), np.log(length)),
        )
        return np.stack(columns, axis=1).astype(np.float32)


def _around(codes: NDArray[np.int64], piece: _Piece, half: int) -> NDArray[np.int64]:
    """Codes of a piece's letters and `half` letters on both sides, -1 beyond the ends of the sequence."""
    first, last = piece.start - half, piece.stop + half
    inside = piece.sequence[max(0, first) : last]
    found = np.full(last - first, -1, dtype=np.int64)
    begin = max(0, -first)
    found[begin : begin + len(inside)] = codes[byte_letters(inside)]
    return found


@dataclass(frozen=True, kw_only=True)
class _OfLetters:
    """What sources of such controls have in common."""

    name: str

    def tokens_per_letter(self, sequences: Sequence[str], alphabet: Alphabet) -> float:
        """Every letter is a token."""
        return 1.0

    def declared(self) -> Settings:
        """None: they depend on the data set's alphabet."""
        return {}


@dataclass(frozen=True, kw_only=True)
class OnehotWindow(_OfLetters):
    """The one-hot control of a neighbourhood, as the config describes it."""

    window: int

    @property
    def fingerprint(self) -> str:
        """Hash of the parameters."""
        return hash_files([], {"kind": "onehot", "window": self.window})

    def identity(self) -> ModelIdentity:
        """Name and parameters."""
        return identity_of(self.name, "onehot", self.fingerprint)

    def load(self) -> "OnehotWindow":
        """Nothing to load."""
        return self

    def embedder(self, facts: SequenceFacts) -> OnehotWindowEmbedder:
        """Get ready for a data set's alphabet.

        Raises:
            NotApplicableError: There would be over 65,536 columns.
        """
        _check_width(self.window * len(LETTERS[facts.alphabet]))
        return OnehotWindowEmbedder(facts.alphabet, self.window)


@dataclass(frozen=True, kw_only=True)
class KmerWindow(_OfLetters):
    """The k-mer control of a neighbourhood, as the config describes it."""

    k: Literal["auto"] | int | tuple[int, ...]
    """As of `Kmer`."""
    window: int
    canonical: bool = False

    @property
    def _counts(self) -> Kmer:
        return Kmer(name=self.name, k=self.k, canonical=self.canonical)

    @property
    def fingerprint(self) -> str:
        """Hash of the parameters."""
        return hash_files([], {"kind": "kmer", "of": self._counts.fingerprint, "window": self.window})

    def identity(self) -> ModelIdentity:
        """Name and parameters."""
        return identity_of(self.name, "kmer", self.fingerprint)

    def load(self) -> "KmerWindow":
        """Nothing to load."""
        return self

    def embedder(self, facts: SequenceFacts) -> KmerWindowEmbedder:
        """Get ready for a data set's alphabet.

        Raises:
            NotApplicableError: As of `Kmer.embedder`, or a k-mer is longer than the neighbourhood.
        """
        self._counts.embedder(facts)  # whether there are too many
        lengths = self._counts.lengths(facts.alphabet)
        if max(lengths) > self.window:
            raise NotApplicableError(f"{max(lengths)}-mers do not fit in a window of {self.window} letters")
        return KmerWindowEmbedder(facts.alphabet, lengths, self.window, canonical=self.canonical)


@dataclass(frozen=True, kw_only=True)
class Position(_OfLetters):
    """The position control as the config describes it."""

    @property
    def fingerprint(self) -> str:
        """Hash of what it knows."""
        return hash_files([], {"kind": "position", "places": list(PLACES)})

    def identity(self) -> ModelIdentity:
        """Name and kind."""
        return identity_of(self.name, "position", self.fingerprint)

    def load(self) -> "Position":
        """Nothing to load."""
        return self

    def embedder(self, facts: SequenceFacts) -> PositionEmbedder:
        """Any data set will do."""
        return PositionEmbedder()


def _check_width(width: int) -> None:
    if width > MAX_WIDTH:
        raise NotApplicableError(f"{width:,} columns are over {MAX_WIDTH:,} (take a smaller window)")
