"""Many short texts in two arrays: a few bytes more than they have letters, where a Python string takes 50."""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PackedTexts:
    """Texts by position."""

    utf8: NDArray[np.uint8]
    """All of them, one after the other."""
    ends: NDArray[np.int64]
    """(N,) where each one ends in `utf8`."""

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, position: int) -> str:
        position = range(len(self))[position]
        start = int(self.ends[position - 1]) if position else 0
        return self.utf8[start : self.ends[position]].tobytes().decode()

    def __iter__(self) -> Iterator[str]:
        return (self[position] for position in range(len(self)))

    @classmethod
    def pack(cls, texts: Iterable[str]) -> "PackedTexts":
        """Pack texts; half a character, which JSON can hold, becomes a question mark."""
        builder = TextsBuilder()
        for text in texts:
            builder.append(text)
        return builder.finish()


class TextsBuilder:
    """Packs texts that come one by one."""

    def __init__(self) -> None:
        self._utf8 = bytearray()
        self._ends = array("q")

    def append(self, text: str) -> None:
        """Add one."""
        self._utf8 += text.encode("utf-8", "replace")
        self._ends.append(len(self._utf8))

    def finish(self) -> PackedTexts:
        """All that were added."""
        return PackedTexts(
            utf8=np.frombuffer(bytes(self._utf8), dtype=np.uint8),
            ends=np.frombuffer(self._ends, dtype=np.int64),
        )
