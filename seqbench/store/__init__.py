"""The Zarr store of embeddings: layout, blocks, reading and writing."""

from seqbench.store.embeddings import Embeddings, ItemFacts
from seqbench.store.layout import Block, block_rows
from seqbench.store.records import EmbeddingFacts, SplitFacts
from seqbench.store.store import Fault, Store, create_store, open_store

__all__ = [
    "Block",
    "EmbeddingFacts",
    "Embeddings",
    "Fault",
    "ItemFacts",
    "SplitFacts",
    "Store",
    "block_rows",
    "create_store",
    "open_store",
]
