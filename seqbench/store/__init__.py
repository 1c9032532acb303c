"""The Zarr store of embeddings: layout, blocks, reading and writing."""
