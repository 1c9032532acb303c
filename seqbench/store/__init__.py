"""The Zarr store of embeddings: layout, blocks, reading and writing."""

from seqbench.store.embeddings import Embeddings
from seqbench.store.layout import Block, BlockCut, cut
from seqbench.store.opening import create_store, open_store
from seqbench.store.readers import LayerArray
from seqbench.store.records import EmbeddingFacts, Fault, ItemFacts, LayerRows, SplitFacts, TargetFacts
from seqbench.store.store import Store

__all__ = [
    "Block",
    "BlockCut",
    "EmbeddingFacts",
    "Embeddings",
    "Fault",
    "ItemFacts",
    "LayerArray",
    "LayerRows",
    "SplitFacts",
    "Store",
    "TargetFacts",
    "create_store",
    "cut",
    "open_store",
]
