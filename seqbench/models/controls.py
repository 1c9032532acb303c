"""Controls that know only composition (k-mer counts) or position (one-hot): one layer, layer 0.

Shape letters: N sequences, P positions, A letters of the alphabet, K k-mers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from seqbench.core.alphabets import KMER_LENGTHS, LETTERS, Alphabet, is_nucleic
from seqbench.core.identity import ModelIdentity, Settings
from seqbench.core.types import Pooling
from seqbench.errors import NotApplicableError
from seqbench.models.base import Batch, Event, Pooled, Prepared, SequenceFacts
from seqbench.models.fingerprint import hash_files

MAX_WIDTH = 65_536
"""Columns of a control at most: 4-mers of proteins would be 160,000, mostly empty."""

_NAMED_IN_FINGERPRINT: tuple[Alphabet, ...] = ("dna", "rna", "protein")
"""Alphabets whose lengths are hashed: an alphabet that is added must not rename what counts the others."""

LONGEST = 20
"""Longer k-mers are counted as if they had so many letters, too many anyway: huge powers take hours."""

BATCH_BYTES = 8 * 1024**2
"""Bytes of the rows that are made together."""


def codes_of(alphabet: Alphabet) -> NDArray[np.int64]:
    """Per byte value, the index of its letter (either case), or -1; U and T are one letter of nucleotides."""
    table = np.full(256, -1, dtype=np.int64)
    for index, letter in enumerate(LETTERS[alphabet]):
        same = "TU" if is_nucleic(alphabet) and letter in "TU" else letter
        for variant in same + same.lower():
            table[ord(variant)] = index
    return table


def byte_letters(sequence: str) -> NDArray[np.uint8]:
    """The letters of a sequence as bytes."""
    return np.frombuffer(sequence.encode("ascii", "replace"), dtype=np.uint8)


class _Control:
    """What both controls share: one layer, whole sequences, no weights."""

    hidden: int
    poolings: tuple[Pooling, ...] = ("mean",)

    def _row(self, sequence: str) -> NDArray[np.float32]:
        raise TypeError("a control says how a sequence becomes a row")

    def tune(self, recorded: dict[str, Any], sample: Sequence[str]) -> dict[str, Any]:
        """Nothing to choose."""
        return {}

    def embed_in_float32(self, sequences: Sequence[str], layers: Sequence[int]) -> None:
        """Nothing: it computes in float32 anyway."""

    def prepare(self, sequences: Sequence[str]) -> Prepared:
        """Group sequences; see `Embedder.prepare`. Tokens are letters, and all are seen."""
        count = len(sequences)
        numbers = np.arange(count)
        rows = max(1, BATCH_BYTES // (4 * self.hidden))
        return Prepared(
            batches=[
                Batch(
                    owner_B=numbers[start : start + rows],
                    start_B=np.zeros(min(rows, count - start), dtype=np.int64),
                    windows=sequences[start : start + rows],
                )
                for start in range(0, count, rows)
            ],
            coverage_N=np.ones(count, dtype=np.float32),
            windows_N=np.ones(count, dtype=np.int32),
        )

    def compute(self, batch: Batch, layers: Sequence[int]) -> Iterator[Event]:
        """Count or place letters; see `Embedder.compute`."""
        rows_BH = np.stack([self._row(sequence) for sequence in batch.windows])
        letters_B = np.asarray([len(sequence) for sequence in batch.windows], dtype=np.int64)
        rows_PLBH = np.broadcast_to(rows_BH, (1, len(layers), *rows_BH.shape))
        yield Pooled(
            owner_B=batch.owner_B,
            start_B=batch.start_B,
            tokens_B=letters_B,
            weight_B=letters_B,
            fetch=lambda: rows_PLBH,
        )


class KmerEmbedder(_Control):
    """Counts of k-mers; those with letters outside the alphabet are not counted."""

    def __init__(self, alphabet: Alphabet, ks: Sequence[int], canonical: bool) -> None:
        self._codes = codes_of(alphabet)
        self._base = len(LETTERS[alphabet])
        self._ks = tuple(ks)
        self._columns = {k: canonical_columns(k) if canonical else None for k in self._ks}
        self.hidden = sum(self._width(k) for k in self._ks)
        self.settings: Settings = {"alphabet": "nucleotides" if is_nucleic(alphabet) else alphabet}

    def _width(self, k: int) -> int:
        columns = self._columns[k]
        return self._base**k if columns is None else int(columns.max()) + 1

    def _row(self, sequence: str) -> NDArray[np.float32]:
        codes_P = self._codes[byte_letters(sequence)]
        return np.concatenate([self._counts(codes_P, k) for k in self._ks])

    def _counts(self, codes_P: NDArray[np.int64], k: int) -> NDArray[np.float32]:
        if len(codes_P) < k:
            return np.zeros(self._width(k), dtype=np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(codes_P, k)
        words = windows[(windows >= 0).all(axis=1)] @ (self._base ** np.arange(k - 1, -1, -1))
        columns = self._columns[k]
        found = words if columns is None else columns[words]
        return np.bincount(found, minlength=self._width(k)).astype(np.float32)


def canonical_columns(k: int) -> NDArray[np.int64]:
    """Per k-mer of ACGT, the column that it shares with its reverse complement; shape (4**k,)."""
    words = np.arange(4**k)
    digits = (words[:, None] // 4 ** np.arange(k - 1, -1, -1)) % 4
    reverse = (3 - digits[:, ::-1]) @ (4 ** np.arange(k - 1, -1, -1))
    return np.unique(np.minimum(words, reverse), return_inverse=True)[1].astype(np.int64)


class OnehotEmbedder(_Control):
    """One column a position and letter; letters outside the alphabet leave their position zero."""

    def __init__(self, alphabet: Alphabet, length: int) -> None:
        self._codes = codes_of(alphabet)
        self._base = len(LETTERS[alphabet])
        self.hidden = length * self._base
        self.settings: Settings = {
            "alphabet": "nucleotides" if is_nucleic(alphabet) else alphabet,
            "length": length,
        }

    def _row(self, sequence: str) -> NDArray[np.float32]:
        codes_P = self._codes[byte_letters(sequence)]
        row_PA = np.zeros((len(codes_P), self._base), dtype=np.float32)
        known = np.flatnonzero(codes_P >= 0)
        row_PA[known, codes_P[known]] = 1
        return row_PA.reshape(-1)


@dataclass(frozen=True, kw_only=True)
class Kmer:
    """The k-mer control as the config describes it."""

    name: str
    k: Literal["auto"] | int | tuple[int, ...]
    """One length, or several whose counts stand side by side; auto: `KMER_LENGTHS`."""
    canonical: bool = False
    """Count a k-mer and its reverse complement as one."""

    @property
    def fingerprint(self) -> str:
        """Hash of the parameters."""
        auto = {alphabet: KMER_LENGTHS[alphabet] for alphabet in _NAMED_IN_FINGERPRINT}
        k = auto if self.k == "auto" else [self.k] if isinstance(self.k, int) else list(self.k)
        return hash_files([], {"kind": "kmer", "k": k, "canonical": self.canonical})

    def identity(self) -> ModelIdentity:
        """Name and parameters."""
        return identity_of(self.name, "kmer", self.fingerprint)

    def lengths(self, alphabet: Alphabet) -> tuple[int, ...]:
        """The lengths of the k-mers that are counted."""
        k = KMER_LENGTHS[alphabet] if self.k == "auto" else self.k
        return (k,) if isinstance(k, int) else k

    def declared(self) -> Settings:
        """None: they depend on the data set's alphabet."""
        return {}

    def load(self) -> "Kmer":
        """Nothing to load."""
        return self

    def embedder(self, facts: SequenceFacts) -> KmerEmbedder:
        """Get ready for a data set's alphabet.

        Raises:
            NotApplicableError: There would be over 65,536 columns, or canonical k-mers of proteins.
        """
        if self.canonical and not is_nucleic(facts.alphabet):
            raise NotApplicableError("proteins have no reverse complement")
        lengths = self.lengths(facts.alphabet)
        width = sum(len(LETTERS[facts.alphabet]) ** min(k, LONGEST) for k in lengths)
        if width > MAX_WIDTH:
            raise NotApplicableError(
                f"{width:,} {facts.alphabet} k-mers are over {MAX_WIDTH:,} (take a smaller k, or k: auto)"
            )
        return KmerEmbedder(facts.alphabet, lengths, self.canonical)


@dataclass(frozen=True, kw_only=True)
class Onehot:
    """The one-hot control as the config describes it."""

    name: str

    @property
    def fingerprint(self) -> str:
        """Hash of the kind alone: it has no parameters."""
        return hash_files([], {"kind": "onehot"})

    def identity(self) -> ModelIdentity:
        """Name and kind."""
        return identity_of(self.name, "onehot", self.fingerprint)

    def declared(self) -> Settings:
        """None: they depend on the data set's alphabet and length."""
        return {}

    def load(self) -> "Onehot":
        """Nothing to load."""
        return self

    def embedder(self, facts: SequenceFacts) -> OnehotEmbedder:
        """Get ready for a data set's length and alphabet.

        Raises:
            NotApplicableError: The data set has sequences of several lengths, or too long ones.
        """
        if facts.min_length != facts.max_length:
            raise NotApplicableError(
                "one-hot wants sequences of one length, these have "
                f"{facts.min_length}–{facts.max_length} letters"
            )
        width = facts.max_length * len(LETTERS[facts.alphabet])
        if width > MAX_WIDTH:
            raise NotApplicableError(f"{width:,} columns are over {MAX_WIDTH:,} (sequences too long)")
        return OnehotEmbedder(facts.alphabet, facts.max_length)


def identity_of(name: str, kind: str, fingerprint: str) -> ModelIdentity:
    """The identity of a control of one layer, whose width depends on the data set."""
    return ModelIdentity(
        name=name, kind=kind, path=None, revision=None, fingerprint=fingerprint, n_layers=1, hidden=None
    )
