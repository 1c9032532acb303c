"""The Zarr store of embeddings: layout, blocks, reading and writing."""

from seqbench.store.embeddings import Embeddings
from seqbench.store.layout import TOKENS, Block, BlockCut, cut, cut_tokens
from seqbench.store.opening import create_store, open_store
from seqbench.store.readers import LayerArray
from seqbench.store.records import (
    EmbeddingFacts,
    Fault,
    ItemFacts,
    LayerRows,
    LayerTokens,
    SplitFacts,
    TargetFacts,
)
from seqbench.store.store import Store
from seqbench.store.token_entry import TokenEmbeddings
from seqbench.store.tokens import Ragged, TokenArray

__all__ = [
    "TOKENS",
    "Block",
    "BlockCut",
    "EmbeddingFacts",
    "Embeddings",
    "Fault",
    "ItemFacts",
    "LayerArray",
    "LayerRows",
    "LayerTokens",
    "Ragged",
    "SplitFacts",
    "Store",
    "TargetFacts",
    "TokenArray",
    "TokenEmbeddings",
    "create_store",
    "cut",
    "cut_tokens",
    "open_store",
]
