"""Checks and small operations on sequences as text."""

import re
from typing import Final, Literal

Case = Literal["keep", "upper"]

_FIT: Final = re.compile(r"[A-Za-z.*-]*")
# IUPAC nucleotide codes (Cornish-Bowden 1985, Nucleic Acids Res. 13:3021); U pairs with A, S, W, N, - stay.
_COMPLEMENT: Final = str.maketrans("ACGTURYKMBDHVacgturykmbdhv", "TGCAAYRMKVHDBtgcaayrmkvhdb")


def odd_letter(sequence: str) -> tuple[int, str] | None:
    """Find the first character that is no ASCII letter and none of `- . *`: its position, from 1, and it."""
    if sequence.isascii() and sequence.isalpha():
        return None
    match = _FIT.match(sequence)
    end = match.end() if match else 0
    return None if end == len(sequence) else (end + 1, sequence[end])


def reverse_complement(sequence: str) -> str:
    """The other strand of DNA, either case, with IUPAC codes; other characters stay."""
    return sequence.translate(_COMPLEMENT)[::-1]
