"""A small model on a small data set, as every test of the store writes it."""

from collections.abc import Iterator, Sequence

import numpy as np

from seqbench.core.identity import ModelIdentity
from seqbench.core.types import Task
from seqbench.store import EmbeddingFacts, Embeddings, ItemFacts, LayerRows, SplitFacts

N, S, H, ROWS, LAYERS = 10, 2, 8, 4, 3
LABELS = np.arange(N) % 2
SPLIT = SplitFacts(n_items=N, sha256="a" * 64, block_rows=ROWS)
SHARDED = SplitFacts(n_items=N, sha256="a" * 64, block_rows=ROWS, chunk_rows=2)


def identity(**changes: object) -> ModelIdentity:
    fields: dict = {
        "name": "m", "kind": "huggingface", "path": "somewhere", "revision": None,
        "fingerprint": "f" * 64, "n_layers": LAYERS, "hidden": H,
    }  # fmt: skip
    return ModelIdentity(**{**fields, **changes})


def facts(**changes: object) -> EmbeddingFacts:
    fields: dict = {
        "task": Task.CLASSIFICATION, "n_seqs": S, "n_targets": 1, "hidden": H, "classes": (0, 1),
        "alphabet": "dna", "ceiling": None, "group": None, "settings": {"pooling": "mean"}, "versions": {},
        "splits": {"train": SPLIT},
    }  # fmt: skip
    return EmbeddingFacts(**{**fields, **changes})


def rows(layer: int) -> np.ndarray:
    return np.random.default_rng(layer).standard_normal((N, S, H)).astype(np.float32)


def items(count: int) -> ItemFacts:
    return ItemFacts(
        tokens_NS=np.full((count, S), 7, dtype=np.int64),
        windows_NS=np.ones((count, S), dtype=np.int32),
        coverage_NS=np.ones((count, S), dtype=np.float32),
        hash_N=np.arange(1, count + 1, dtype=np.uint64),
    )


def layer_rows(layers: Sequence[int], span: slice) -> Iterator[LayerRows]:
    for layer in layers:
        yield LayerRows(layer=layer, rows_NSH=rows(layer)[span])


def fill(entry: Embeddings, layers: Sequence[int]) -> None:
    """Write what is missing, as extraction does."""
    entry.prepare("train", LABELS, layers)
    for block in entry.missing_blocks("train", layers):
        span = slice(block.start, block.stop)
        missing = entry.missing_layers("train", block, layers)
        entry.write_block("train", block, layer_rows(missing, span), items(block.stop - block.start))
