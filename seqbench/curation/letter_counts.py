"""What the texts of a corpus are written with: odd letters, case, blanks, lengths."""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np

from seqbench.core.alphabets import LETTERS, Alphabet, is_nucleic

COMMON_ODD: Final = 8
"""Odd letters that are named, the most frequent first."""
QUANTILES: Final = (0.0, 0.05, 0.5, 0.95, 1.0)

_BLANKS: Final = re.compile(r"\s{2,}")
_ODD_IN_TEXT: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd\ufeff]")
"""Control characters but tab and line ends; U+FFFD, where something was not decoded; a byte order mark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterFacts:
    """What the texts of a corpus are written with."""

    odd: dict[str, int]
    """Characters that no document should hold, the most frequent ones: of sequences those outside the
    alphabet whatever their case (N, X, gaps, digits), of text control characters and U+FFFD."""
    n_odd: int
    """All of these."""
    lower_case: float
    """Share of the letters from A to Z."""
    blank_runs: int
    """Places where two or more white-space characters follow each other."""
    outer_blanks: int
    """Documents that begin or end with white space."""
    length_quantiles: tuple[float, ...]
    """Characters of the documents that are not empty: least, 5 %, median, 95 %, most."""


class LetterCounts:
    """Counts as documents come; memory is that of the different lengths."""

    def __init__(self, alphabet: Alphabet) -> None:
        letters = "ACGTU" if is_nucleic(alphabet) else LETTERS[alphabet]
        self._odd_pattern = (
            _ODD_IN_TEXT if alphabet == "text" else re.compile(f"[^{letters}{letters.lower()}]")
        )
        self._odd: Counter[str] = Counter()
        self._lengths: Counter[int] = Counter()
        self._ascii = np.zeros(128, dtype=np.int64)
        self._blank_runs = self._outer_blanks = 0

    def add(self, text: str) -> None:
        """Take in a document."""
        self._lengths[len(text)] += 1
        codes = np.frombuffer(text.encode("ascii", "ignore"), dtype=np.uint8)
        self._ascii += np.bincount(codes, minlength=128)
        self._odd.update(self._odd_pattern.findall(text))
        self._blank_runs += len(_BLANKS.findall(text))
        self._outer_blanks += text != text.strip()

    def facts(self) -> LetterFacts:
        """Of all documents so far."""
        upper, lower = (int(self._ascii[ord(first) : ord(first) + 26].sum()) for first in "Aa")
        lengths = np.array(sorted(self._lengths))
        counts = np.cumsum([self._lengths[length] for length in lengths.tolist()])
        wanted = [max(1, round(share * int(counts[-1]))) for share in QUANTILES]
        return LetterFacts(
            odd=dict(self._odd.most_common(COMMON_ODD)),
            n_odd=self._odd.total(),
            lower_case=lower / max(1, upper + lower),
            blank_runs=self._blank_runs,
            outer_blanks=self._outer_blanks,
            length_quantiles=tuple(lengths[np.searchsorted(counts, wanted)].tolist()),
        )
