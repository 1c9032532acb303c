"""Embedding the missing blocks of a split: read, embed, write, one block after the other.

Shape letters: N items of a block, S sequences of an item, H hidden width.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from seqbench.datasets.dataset import Dataset, Split
from seqbench.errors import DataError, ModelError
from seqbench.models.base import Advance, Embedder, OverlongSequenceError
from seqbench.store import Block, Embeddings, ItemFacts
from seqbench.vocabulary import SplitName


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What was computed: what a rate is made of."""

    items: int = 0
    tokens: int = 0
    seconds: float = 0.0

    def __add__(self, other: "Work") -> "Work":
        return Work(
            items=self.items + other.items,
            tokens=self.tokens + other.tokens,
            seconds=self.seconds + other.seconds,
        )


def extract_blocks(
    embedder: Embedder,
    dataset: Dataset,
    split_name: SplitName,
    entry: Embeddings,
    layers: Sequence[int],
    blocks: Sequence[Block],
    advance: Advance,
) -> Work:
    """Embed blocks of a split and write each as soon as it is done.

    Args:
        embedder: The loaded model.
        dataset: The opened data set.
        split_name: Which of its splits.
        entry: Where in the store; arrays of `layers` are made.
        layers: Wanted layers.
        blocks: The blocks to compute.
        advance: Told how many more items are embedded.

    Raises:
        DataError: A sequence is over the limit and that is to be an error; names file and line.
        ModelError: The model gives NaN or infinity for an item; names file and line.
    """
    split = dataset.splits[split_name]
    entry.prepare(split_name, split.labels, layers)
    done = Work()
    for block in blocks:
        began = time.perf_counter()
        items = split.sequences(block.start, block.stop)
        missing = entry.missing_layers(split_name, block, layers)
        values, facts = _embed(embedder, split, block, items, missing, advance)
        entry.write_block(split_name, block, values, facts)
        tokens = int(facts.tokens_NS.sum())
        done += Work(items=len(items), tokens=tokens, seconds=time.perf_counter() - began)
    return done


def _embed(
    embedder: Embedder,
    split: Split,
    block: Block,
    items: Sequence[tuple[str, ...]],
    layers: Sequence[int],
    advance: Advance,
) -> tuple[dict[int, NDArray[np.float32]], ItemFacts]:
    n_seqs = len(items[0])
    shape_NS = (len(items), n_seqs)

    def place(sequence: int) -> str:
        return f"{split.index.path}:{split.line(block.start + sequence // n_seqs)}"

    try:
        embedded = embedder.embed(
            [sequence for item in items for sequence in item], layers, lambda count: advance(count / n_seqs)
        )
    except OverlongSequenceError as error:
        raise DataError(
            f"{place(error.index)}: {error.tokens} tokens are over the limit of {error.limit} "
            "(set extract.overlong to window or truncate)"
        ) from error
    values = {}
    for layer, rows in embedded.layers.items():
        broken = np.flatnonzero(~np.isfinite(rows).all(axis=1))
        if len(broken):
            raise ModelError(
                f"{place(int(broken[0]))}: layer {layer} of {len(broken)} sequences holds NaN or infinity "
                "(set the model's dtype to float32 or bfloat16)"
            )
        values[layer] = rows.reshape(*shape_NS, -1)
    facts = ItemFacts(
        tokens_NS=embedded.tokens.reshape(shape_NS),
        windows_NS=embedded.windows.reshape(shape_NS),
        coverage_NS=embedded.coverage.reshape(shape_NS),
        hash_N=np.asarray([item_hash(item) for item in items], dtype=np.uint64),
    )
    return values, facts


def item_hash(item: Sequence[str]) -> int:
    """First 64 bits of the BLAKE2b of an item's sequences, which NUL bytes divide."""
    return int.from_bytes(blake2b("\0".join(item).encode(), digest_size=8).digest(), "little")
