"""A small store of two models for tests of readers, files and pruning."""

from pathlib import Path
from typing import Any

import numpy as np

from seqbench.core.identity import ModelIdentity
from seqbench.core.types import Task
from seqbench.store import (
    EmbeddingFacts,
    Embeddings,
    ItemFacts,
    LayerRows,
    SplitFacts,
    Store,
    create_store,
)

N = {"train": 23, "test": 7}
H, LAYERS = 8, (0, 2)


def rows(layer: int, split: str, n_seqs: int = 1, model: str = "m") -> np.ndarray:
    """What a layer of a split holds."""
    rng = np.random.default_rng([layer, *split.encode(), *model.encode()])
    return rng.standard_normal((N[split], n_seqs, H)).astype(np.float32)


def labels(split: str, task: Task = Task.CLASSIFICATION) -> np.ndarray:
    """One int, two of 0 and 1, or two floats an item."""
    numbers = np.arange(N[split])
    if task is Task.CLASSIFICATION:
        return numbers % 2
    pairs = np.stack([numbers % 2, numbers // 2 % 2], axis=1)
    return pairs / 3 if task is Task.REGRESSION else pairs


def fill(store: Store, model: str = "m", dataset: str = "d", n_seqs: int = 1, **changes: Any) -> Embeddings:
    """Add a model on a data set: layers 0 and 2 of 3, blocks of 8 rows, chunks of 4."""
    task = changes.get("task", Task.CLASSIFICATION)
    splits = {
        split: SplitFacts(n_items=count, sha256=split * 2, block_rows=8, chunk_rows=4)
        for split, count in N.items()
    }
    facts: dict[str, Any] = {
        "task": task, "n_seqs": n_seqs, "n_targets": 1 if task is Task.CLASSIFICATION else 2, "hidden": H,
        "classes": (0, 1) if task is Task.CLASSIFICATION else (), "alphabet": "dna",
        "ceiling": {"accuracy": 0.9},
        "group": None, "settings": {"pooling": "mean", "stride": None}, "versions": {"torch": "2"},
        "splits": splits, **changes,
    }  # fmt: skip
    identity = ModelIdentity(
        name=model, kind="huggingface", path="p", revision=None, fingerprint=model * 9, n_layers=3, hidden=H
    )
    entry = store.require(identity, dataset, EmbeddingFacts(**facts))
    for split in entry.splits:
        entry.prepare(split, labels(split, task), LAYERS)
        for block in entry.missing_blocks(split, LAYERS):
            span = slice(block.start, block.stop)
            count = block.stop - block.start
            entry.write_block(
                split,
                block,
                [LayerRows(layer=i, rows_NSH=rows(i, split, n_seqs, model)[span]) for i in LAYERS],
                ItemFacts(
                    tokens_NS=np.full((count, n_seqs), 7 + block.index),
                    windows_NS=np.ones((count, n_seqs), dtype=np.int32),
                    coverage_NS=np.full((count, n_seqs), 0.5, dtype=np.float32),
                    hash_N=np.arange(span.start, span.stop, dtype=np.uint64) + 2**63,
                ),
            )
    return entry


def filled_store(path: Path | str, **changes: Any) -> Store:
    """A store with one entry, `m/d`."""
    store = create_store(path)
    fill(store, **changes)
    return store
