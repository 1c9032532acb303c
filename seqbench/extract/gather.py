"""What a block consists of: which of its sequences are computed, which share a row, which are copied.

Shape letters: N items of a block, S sequences of an item, U distinct sequences that are computed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from seqbench.datasets.dataset import Split
from seqbench.extract.repeats import Repeats, RowPlace, sequence_hash
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
        shape_NS = (block.stop - block.start, n_seqs)
        self.source_NS: NDArray[np.int64] = np.full(shape_NS, SHARED, dtype=np.int64)
        """Per sequence, the number of the distinct one that it equals, or `SHARED`."""
        self.copies: list[tuple[int, int, RowPlace]] = []
        """Item of the block, sequence of the item, and where in the data set the same one stands."""
        self.hash_N: NDArray[np.uint64] = np.zeros(shape_NS[0], dtype=np.uint64)
        self.count = 0
        """Distinct sequences so far."""
        self._places: NDArray[np.int64] = np.zeros(self.source_NS.size, dtype=np.int64)
        self._known: dict[bytes, int | RowPlace] = {}

    def chunks(self, repeats: Repeats | None, is_stored: Callable[[RowPlace], bool]) -> Iterator[Chunk]:
        """Read the block.

        Args:
            repeats: What the data set holds more than once; None if that was not looked for.
            is_stored: Whether the row of a place will be in the store when this block is written.
        """
        for start, stop in stretches(self.split, self.block.start, self.block.stop):
            items = self.split.sequences(start, stop)
            hashes_NS = np.asarray(
                [[sequence_hash(text) for text in item] for item in items], dtype=np.uint64
            )
            may_repeat_NS = repeats.holds(hashes_NS) if repeats else np.ones(hashes_NS.shape, dtype=np.bool_)
            chunk = Chunk(items=stop - start, first=self.count)
            for row, item in enumerate(items):
                number = start - self.block.start + row
                self.hash_N[number] = hashes_NS[row, 0] if len(item) == 1 else item_hash(item)
                for seq, sequence in enumerate(item):
                    if not may_repeat_NS[row, seq] or not self._shares(
                        number, seq, sequence, repeats, is_stored
                    ):
                        self.source_NS[number, seq] = self.count
                        self._places[self.count] = number * len(item) + seq
                        self.count += 1
                        chunk.sequences.append(sequence)
            yield chunk

    def line(self, distinct: int) -> str:
        """File and line of a distinct sequence, for messages."""
        item = int(self._places[distinct]) // self.source_NS.shape[1]
        return f"{self.split.index.path}:{self.split.line(self.block.start + item)}"

    def _shares(
        self,
        number: int,
        seq: int,
        sequence: str,
        repeats: Repeats | None,
        is_stored: Callable[[RowPlace], bool],
    ) -> bool:
        """Whether a sequence needs no row of its own; if so, where its row comes from is noted."""
        digest = blake2b(sequence.encode(), digest_size=16).digest()
        known = self._known.get(digest)
        if known is None:
            place = repeats.first(sequence) if repeats else None
            if place is None or not is_stored(place):
                self._known[digest] = self.count
                return False
            known = self._known[digest] = place
        if isinstance(known, RowPlace):
            self.copies.append((number, seq, known))
        else:
            self.source_NS[number, seq] = known
        return True


def stretches(split: Split, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Items that are tokenised together: numbers of the first, and behind the last, of each stretch."""
    letters = split.lengths[first:last].sum(axis=1).cumsum()
    start = 0
    while start < len(letters):
        before = letters[start - 1] if start else 0
        by_letters = int(np.searchsorted(letters, before + CHUNK_LETTERS, side="right"))
        stop = max(start + 1, min(by_letters, start + CHUNK_ITEMS))
        yield first + start, first + stop
        start = stop


def item_hash(item: tuple[str, ...]) -> int:
    """First 64 bits of the BLAKE2b of an item's sequences, which NUL bytes divide; of one, its own hash."""
    return sequence_hash("\0".join(item))
