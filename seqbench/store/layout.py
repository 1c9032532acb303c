"""Where things lie in a store of format 1, and how rows are cut into blocks.

```
<model>/<dataset>/<layer>/<split>      (N, S, H) embeddings
<model>/<dataset>/labels/<split>       (N,) or (N, T)
<model>/<dataset>/items/<split>/...    tokens, windows, coverage (N, S) and hash (N,)
<model>/<dataset>/blocks/<split>       (B, L) 1 where a layer of a block is complete
```
Shape letters: N items, S sequences of an item, H hidden width, T targets, B blocks, L layers of the model.
"""

from collections.abc import Iterator
from dataclasses import dataclass

FORMAT = 1
"""Version of the layout; a store of a higher format is refused."""

CHUNK_BYTES = 4 * 1024**2
"""Bytes of one chunk before compression: large enough for disks and object stores, small enough to cache."""

BLOCK_LETTERS = 4 * 1024**2
"""Letters of one block at most, so that a crash costs little work where sequences are long."""


@dataclass(frozen=True, slots=True, order=True)
class Block:
    """Rows `start` to `stop` of a split: the unit of work, of writing and of resuming."""

    index: int
    start: int
    stop: int


def block_rows(*, n_items: int, n_seqs: int, hidden: int, mean_letters: float) -> int:
    """Rows of a block: one chunk of about 4 MiB, fewer where items are long.

    Args:
        n_items: Rows of the split.
        n_seqs: Sequences of an item.
        hidden: Width of a layer; rows are float32.
        mean_letters: Mean letters of an item, all its sequences together.

    Returns:
        At least 1, at most `n_items`.
    """
    by_bytes = CHUNK_BYTES // (4 * n_seqs * hidden)
    by_letters = int(BLOCK_LETTERS // max(mean_letters, 1.0))
    return max(1, min(n_items, by_bytes, by_letters))


def blocks(n_items: int, rows: int) -> Iterator[Block]:
    """Cut `n_items` rows into blocks of `rows`; the last may be shorter."""
    for index, start in enumerate(range(0, n_items, rows)):
        yield Block(index, start, min(start + rows, n_items))


def n_blocks(n_items: int, rows: int) -> int:
    """How many blocks `n_items` rows make."""
    return -(-n_items // rows)
