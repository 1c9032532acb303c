"""Embeddings as files of other tools, and back: npy, Parquet, AnnData, the reference's pt."""
