"""Entries of tokens that are made up for a benchmark."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from seqbench.core.identity import ModelIdentity
from seqbench.core.types import SplitName, StoreDtype, Task
from seqbench.store import EmbeddingFacts, ItemFacts, SplitFacts, TokenEmbeddings, create_store, cut_tokens


def make_entry(
    path: Path,
    sizes: Mapping[SplitName, int],
    *,
    n_classes: int,
    n_layers: int,
    width: int,
    dtype: StoreDtype,
    block_rows: int,
    level: Literal["item", "token"] = "item",
) -> TokenEmbeddings:
    """A new entry for the tokens of one model on a classification; nothing is in it yet."""
    made = cut_tokens(hidden=width, itemsize=np.dtype(dtype).itemsize)
    facts = EmbeddingFacts(
        task=Task.CLASSIFICATION, n_seqs=1, n_targets=1, hidden=width, classes=tuple(range(n_classes)),
        alphabet="protein", ceiling=None, group=None, settings={}, versions={}, unit="token", level=level,
        dtype=dtype,
        splits={
            split: SplitFacts(
                n_items=size, sha256=split, block_rows=block_rows,
                token_file=made.block_rows, token_chunk=made.chunk_rows,
            )
            for split, size in sizes.items()
        },
    )  # fmt: skip
    identity = ModelIdentity(
        name="m@tokens", kind="huggingface", path=None, revision=None, fingerprint="f",
        n_layers=n_layers, hidden=width,
    )  # fmt: skip
    entry = create_store(path).require(identity, "d", facts)
    assert isinstance(entry, TokenEmbeddings)
    return entry


def whole_items(count: int) -> ItemFacts:
    """What is told of items of one sequence that the model saw whole."""
    shape = (count, 1)
    return ItemFacts(
        tokens_NS=np.ones(shape, dtype=np.int64), windows_NS=np.ones(shape, dtype=np.int32),
        coverage_NS=np.ones(shape, dtype=np.float32), hash_N=np.zeros(count, dtype=np.uint64),
    )  # fmt: skip
