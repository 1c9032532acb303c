"""Sequences as arrays of letter codes, and the k-mers in them as numbers.

Shape letters: P places (letters of all sequences, one after the other), W k-mers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqbench.audit.searched import SequenceSplit
from seqbench.core.alphabets import LETTERS, Alphabet, is_nucleic

CHUNK_LETTERS: Final = 1 << 18
"""Letters that are worked on together: words, hashes and owners of 2 MB each, which caches hold."""
CHUNK_ITEMS: Final = 4096

UNKNOWN: Final = 255
"""Code of a letter outside the alphabet, and of the gap between two sequences: no k-mer holds it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Text:
    """Sequences as codes, one after the other with a gap behind each."""

    codes_P: NDArray[np.uint8]
    owner_P: NDArray[np.int32]
    """Number of the sequence that a place belongs to."""
    n_sequences: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Words:
    """K-mers without unknown letters."""

    words_W: NDArray[np.uint64]
    """The letters as digits, the first one highest."""
    owner_W: NDArray[np.int32]


def plain(sequence: str, alphabet: Alphabet) -> str:
    """Write a sequence as it is compared: capitals, and T for U in nucleotides."""
    upper = sequence.upper()
    return upper.replace("U", "T") if is_nucleic(alphabet) else upper


def encode(sequences: Sequence[str], alphabet: Alphabet) -> Text:
    """Turn sequences of any case into codes."""
    raw = np.frombuffer(("\n".join(sequences) + "\n").encode("ascii", "replace"), dtype=np.uint8)
    sizes = np.fromiter((len(sequence) + 1 for sequence in sequences), np.int64, len(sequences))
    return Text(
        codes_P=_table(alphabet)[raw],
        owner_P=np.repeat(np.arange(len(sequences), dtype=np.int32), sizes),
        n_sequences=len(sequences),
    )


def largest_k(alphabet: Alphabet) -> int:
    """How many letters fit into one word: 31 nucleotides (62 bits), 12 amino acids (60)."""
    return 31 if is_nucleic(alphabet) else 12


def words(text: Text, k: int, alphabet: Alphabet, *, canonical: bool) -> Words:
    """Every k-mer of known letters.

    Args:
        text: The sequences.
        k: At most `largest_k`.
        alphabet: Of the text.
        canonical: Take the smaller of a k-mer and its reverse complement; nucleotides only.
    """
    n_words = max(0, len(text.codes_P) - k + 1)
    if not n_words:
        return Words(words_W=np.zeros(0, np.uint64), owner_W=np.zeros(0, np.int32))
    bits = 2 if is_nucleic(alphabet) else 5
    codes_P = text.codes_P.astype(np.uint64)
    packed = _pack(codes_P & np.uint64(31 if bits == 5 else 3), k, bits)
    if canonical:
        opposite = (np.uint64(3) - codes_P) & np.uint64(3)
        packed = np.minimum(packed, _pack(opposite[::-1], k, bits)[::-1])
    known = np.flatnonzero(_windows_without(text.codes_P == UNKNOWN, k))
    return Words(words_W=packed[known], owner_W=text.owner_P[known])


def repetitive(words_W: NDArray[np.uint64], k: int, alphabet: Alphabet) -> NDArray[np.bool_]:
    """Which words have a period of 1, 2 or 3 letters, as AAAA… and CACA…: they are shared by chance."""
    bits = 2 if is_nucleic(alphabet) else 5
    found = np.zeros(len(words_W), dtype=bool)
    for period in (1, 2, 3):
        if period < k:
            kept = np.uint64((1 << bits * (k - period)) - 1)
            found |= (words_W >> np.uint64(bits * period)) == (words_W & kept)
    return found


def mixed(numbers: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    """Hash numbers, by the finaliser of splitmix64 (Steele, Lea & Flood 2014)."""
    hashed = numbers + np.uint64((seed * 0x9E3779B97F4A7C15 + 0x9E3779B97F4A7C15) % 2**64)
    hashed = (hashed ^ (hashed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    hashed = (hashed ^ (hashed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return hashed ^ (hashed >> np.uint64(31))


def stretches_of(split: SequenceSplit) -> Iterator[tuple[int, int]]:
    """Cut a split into runs of items, `start` to `stop`, of about `CHUNK_LETTERS` letters."""
    ends_N = np.cumsum(split.lengths.sum(axis=1))
    start, n_items = 0, len(split)
    while start < n_items:
        before = int(ends_N[start - 1]) if start else 0
        full = int(np.searchsorted(ends_N, before + CHUNK_LETTERS, side="right"))
        stop = min(max(full, start + 1), start + CHUNK_ITEMS, n_items)
        yield start, stop
        start = stop


def _table(alphabet: Alphabet) -> NDArray[np.uint8]:
    table = np.full(256, UNKNOWN, dtype=np.uint8)
    for code, letter in enumerate(LETTERS[alphabet]):
        same = "TU" if is_nucleic(alphabet) and letter in "TU" else letter
        for variant in same + same.lower():
            table[ord(variant)] = code
    return table


def _pack(codes_P: NDArray[np.uint64], k: int, bits: int) -> NDArray[np.uint64]:
    """The k-mer that begins at each place; halves are joined, so there are some log2(k) steps."""
    if k == 1:
        return codes_P
    half = k // 2
    halves = _pack(codes_P, half, bits)
    packed = (halves[: len(halves) - half] << np.uint64(bits * half)) | halves[half:]
    if k % 2:
        packed = (packed[:-1] << np.uint64(bits)) | codes_P[k - 1 :]
    return packed


def _windows_without(bad_P: NDArray[np.bool_], k: int) -> NDArray[np.bool_]:
    sums = np.concatenate([[0], np.cumsum(bad_P, dtype=np.int32)])
    clean: NDArray[np.bool_] = sums[k:] == sums[:-k]
    return clean
