"""Where things lie in a store of format 1, and how rows are cut into blocks and chunks.

```
<model>/<dataset>/<layer>/<split>      (N, S, H) embeddings
<model>/<dataset>/labels/<split>       (N,) or (N, T)
<model>/<dataset>/items/<split>/...    tokens, windows, coverage (N, S) and hash (N,)
<model>/<dataset>/blocks/<split>       (B, L) 1 where a layer of a block is complete
<model>/<dataset>/stats/<split>/...    rounding, strand_cosine (B, L), where there is something to record
```
Of tokens, in `<model>@tokens/<dataset>`, the rest as above:
```
<layer>/<split>     (R, H) a vector a token, sequence by sequence
offsets/<split>     (N·S + 1,) where the tokens of each sequence begin, and where the last one's end
spans/<split>       (R, 2) where tokens are not letters: first letter of each and the one behind its last
```
and where labels are of letters, `labels/<split>` saying that no item has one:
```
letters/<split>         (M,) or (M, T) labels of all letters, item by item
letter_offsets/<split>  (N + 1,) where the letters of each item begin, and where the last one's end
```
Shape letters: N items, S sequences of an item, H hidden width, T targets, B blocks, L layers of the model,
R tokens of a split, M letters of a split.
"""

from collections.abc import Iterator
from dataclasses import dataclass

FORMAT = 1
"""Version of the layout; a store of a higher format is refused."""

CHUNK_BYTES = 4 * 1024**2
"""Bytes of one chunk before compression: large enough for disks and object stores, small enough to cache."""

BLOCK_BYTES = 16 * 1024**2
"""Bytes of one block of one layer at most in a small data set: a block is held in memory to be written."""

LARGEST_BLOCK_BYTES = 64 * 1024**2
"""The same in a large one, whose layers would otherwise be too many files."""

BLOCK_LETTERS = 2 * 1024**2
"""Letters of one block at most in a small data set, so that a crash costs little work."""

BLOCK_ROWS = 32_768
"""Rows of one block at most in a small data set: of short sequences it is their number that fills memory."""

TOKEN_CHUNK_BYTES = 1024**2
"""Bytes of one chunk of tokens: a chunk is read for a single sequence, which has some 100 kB."""

TOKEN_FILE_BYTES = 64 * 1024**2
"""Bytes of one file of tokens at most. Blocks of items end within files, which both then write in turn."""

TOKENS = "@tokens"
"""What a model's name ends with where a vector a token is kept."""

MANY_BLOCKS = 256
"""A larger data set is cut into about as many blocks a layer: more would be too many files."""


@dataclass(frozen=True, slots=True, order=True)
class Block:
    """Rows `start` to `stop` of a split: the unit of work, of writing and of resuming."""

    index: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockCut:
    """How the rows of a split are cut."""

    block_rows: int
    """Rows of a block: one file a layer."""
    chunk_rows: int
    """Rows of a chunk, which is read and checked as a whole; `block_rows` is a multiple of it."""


def cut(*, n_items: int, n_seqs: int, hidden: int, itemsize: int, letters: int) -> BlockCut:
    """Cut the rows of a split into blocks, and those into chunks of about 4 MiB.

    A block is at most 16 MiB of a layer or a 256th of it, whichever is more, up to 64 MiB; at most 2 Mi
    letters or a 256th of all letters; and at most 32,768 rows or a 256th of all rows. Where a block is no
    larger than a chunk they are one, and the array needs no shards.

    Args:
        n_items: Rows of the split.
        n_seqs: Sequences of an item.
        hidden: Width of a layer.
        itemsize: Bytes of a stored number.
        letters: Letters of the whole split, all sequences together; 0 where nothing is to be computed.

    Returns:
        At least one row each. Either may be more than `n_items`.
    """
    row_bytes = itemsize * n_seqs * hidden
    chunk_rows = max(1, CHUNK_BYTES // row_bytes)
    by_letters = n_items
    if letters:
        by_letters = int(max(BLOCK_LETTERS, letters / MANY_BLOCKS) / (letters / n_items))
    block_bytes = min(LARGEST_BLOCK_BYTES, max(BLOCK_BYTES, n_items * row_bytes // MANY_BLOCKS))
    by_number = max(BLOCK_ROWS, n_items // MANY_BLOCKS)
    rows = max(1, min(n_items, block_bytes // row_bytes, by_letters, by_number))
    chunks = -(-rows // chunk_rows)
    # Rounded up only where all rows are one block, whose last chunk may then be cut short.
    chunk_rows = -(-rows // chunks) if rows == n_items else rows // chunks
    return BlockCut(block_rows=chunks * chunk_rows, chunk_rows=chunk_rows)


def cut_tokens(*, hidden: int, itemsize: int) -> BlockCut:
    """Cut the tokens of a split into files, and those into chunks: `block_rows` tokens are a file."""
    chunk = max(1, TOKEN_CHUNK_BYTES // (itemsize * hidden))
    per_file = max(1, TOKEN_FILE_BYTES // (chunk * itemsize * hidden))
    return BlockCut(block_rows=per_file * chunk, chunk_rows=chunk)


def cut_letters(n_letters: int, row_bytes: int) -> BlockCut:
    """Cut the labels of letters into files, and those into chunks, as tokens are cut.

    Args:
        n_letters: Of the split.
        row_bytes: Of the labels of one letter.
    """
    chunk = max(1, min(n_letters, TOKEN_CHUNK_BYTES // row_bytes))
    per_file = min(-(-n_letters // chunk), max(1, TOKEN_FILE_BYTES // (chunk * row_bytes)))
    return BlockCut(block_rows=max(1, per_file) * chunk, chunk_rows=chunk)


def blocks(n_items: int, rows: int) -> Iterator[Block]:
    """Cut `n_items` rows into blocks of `rows`; the last may be shorter."""
    for index, start in enumerate(range(0, n_items, rows)):
        yield Block(index, start, min(start + rows, n_items))


def n_blocks(n_items: int, rows: int) -> int:
    """How many blocks `n_items` rows make."""
    return -(-n_items // rows)
