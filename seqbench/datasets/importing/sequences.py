"""Checks and small operations on sequences as text."""

import re
from typing import Final, Literal

Case = Literal["keep", "upper"]

_FIT: Final = re.compile(r"[A-Za-z.*-]*")


def odd_letter(sequence: str) -> tuple[int, str] | None:
    """Find the first character that is no ASCII letter and none of `- . *`: its position, from 1, and it."""
    if sequence.isascii() and sequence.isalpha():
        return None
    match = _FIT.match(sequence)
    end = match.end() if match else 0
    return None if end == len(sequence) else (end + 1, sequence[end])
