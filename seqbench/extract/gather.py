"""What a block consists of: which of its sequences are computed, which share a row, which are copied.

Shape letters: N items of a block, S sequences of an item, U distinct sequences that are computed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from seqbench.datasets.dataset import Split
from seqbench.extract.repeats import Place, Repeats, sequence_hash
from seqbench.store import Block

CHUNK_LETTERS = 2 * 1024**2
"""Letters that are tokenised and sorted by length together: bounds memory whatever the data set's size."""

CHUNK_ITEMS = 16_384
"""The same for short sequences, whose bookkeeping outweighs their letters."""

SHARED = -1
"""In `source_NS`: the row is not computed here but copied from the store."""


@dataclass(kw_only=True)
class Chunk:
    """Items that are tokenised together."""

    items: int
    sequences: list[str] = field(default_factory=list)
    """Those to be computed, each once."""
    first: int
    """Number of the first of them among the block's distinct sequences."""


class Gathered:
    """The sequences of one block as they are read, chunk by chunk."""

    def __init__(self, split: Split, block: Block, n_seqs: int) -> None:
        self.split = split
        self.block = block
        self.source_NS: NDArray[np.int64] = np.full(
            (block.stop - block.start, n_seqs), SHARED, dtype=np.int64
        )
        """Per sequence, the number of the distinct one that it equals, or `SHARED`."""
        self.copies: list[tuple[int, int, Place]] = []
        """Item of the block, sequence of the item, and where in the data set the same one stands."""
        self.hash_N: NDArray[np.uint64] = np.zeros(block.stop - block.start, dtype=np.uint64)
        self.places: list[tuple[int, int]] = []
        """Per distinct sequence, the item of the block and the sequence of the item where it stands first."""
        self._known: dict[bytes, int] = {}

    def chunks(self, repeats: Repeats | None, is_stored: Callable[[Place], bool]) -> Iterator[Chunk]:
        """Read the block.

        Args:
            repeats: What the data set holds more than once; None if it is not to be looked up.
            is_stored: Whether the row of a place will be in the store when this block is written.
        """
        for start, stop in self._spans():
            chunk = Chunk(items=stop - start, first=len(self.places))
            for number, item in enumerate(self.split.sequences(start, stop), start=start - self.block.start):
                self.hash_N[number] = item_hash(item)
                for seq, sequence in enumerate(item):
                    self._add(chunk, number, seq, sequence, repeats, is_stored)
            yield chunk

    def line(self, distinct: int) -> str:
        """File and line of a distinct sequence, for messages."""
        item, _ = self.places[distinct]
        return f"{self.split.index.path}:{self.split.line(self.block.start + item)}"

    def _add(
        self,
        chunk: Chunk,
        number: int,
        seq: int,
        sequence: str,
        repeats: Repeats | None,
        is_stored: Callable[[Place], bool],
    ) -> None:
        digest = blake2b(sequence.encode(), digest_size=16).digest()
        known = self._known.get(digest)
        if known is not None:
            self.source_NS[number, seq] = known
            return
        place = repeats.first(sequence, sequence_hash(sequence)) if repeats else None
        if place is not None and is_stored(place):
            self.copies.append((number, seq, place))
            return
        self._known[digest] = self.source_NS[number, seq] = len(self.places)
        self.places.append((number, seq))
        chunk.sequences.append(sequence)

    def _spans(self) -> Iterator[tuple[int, int]]:
        block = self.block
        letters = self.split.lengths[block.start : block.stop].sum(axis=1).cumsum()
        start = 0
        while start < len(letters):
            before = letters[start - 1] if start else 0
            by_letters = int(np.searchsorted(letters, before + CHUNK_LETTERS, side="right"))
            stop = max(start + 1, min(by_letters, start + CHUNK_ITEMS))
            yield block.start + start, block.start + stop
            start = stop


def item_hash(item: tuple[str, ...]) -> int:
    """First 64 bits of the BLAKE2b of an item's sequences, which NUL bytes divide."""
    return sequence_hash("\0".join(item))
