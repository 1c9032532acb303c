"""Stretches of words, for text: what documents share beyond the language's common phrases.

    "The cell divides, the cell dies." with 3 words  ->  the cell divides · cell divides the · …

Shape letters: W stretches.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from seqbench.audit.letters import Words, mixed

WIDTH: Final = 13
"""Words of a stretch, as in the search for test items in the training text of GPT-3 (Brown et al. 2020)."""
_WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class OfWords:
    """Stretches of words, whatever their case and what stands between them; see `audit.stretches`."""

    width: int = WIDTH

    def words(self, sequences: Sequence[str]) -> Words:
        """All stretches of some texts, as hashes of 64 bits; owners from 0."""
        hashes, owners = [np.zeros(0, np.uint64)], [np.zeros(0, np.int32)]
        for number, text in enumerate(sequences):
            numbers = [crc32(word.encode()) for word in _WORD.findall(text.lower())]
            n_stretches = len(numbers) - self.width + 1
            if n_stretches > 0:
                hashes.append(_chained(np.array(numbers, dtype=np.uint64), self.width))
                owners.append(np.full(n_stretches, number, dtype=np.int32))
        return Words(words_W=np.concatenate(hashes), owner_W=np.concatenate(owners))

    def varied(self, words_W: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """All: so many words are no chance."""
        return np.ones(len(words_W), dtype=bool)


def _chained(numbers: NDArray[np.uint64], width: int) -> NDArray[np.uint64]:
    n_stretches = len(numbers) - width + 1
    hashed_W = np.zeros(n_stretches, dtype=np.uint64)
    for place in range(width):
        hashed_W = mixed(hashed_W ^ numbers[place : place + n_stretches], place)
    return hashed_W
