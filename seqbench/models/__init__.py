"""What turns sequences into embeddings: transformers, controls, pre-extracted files."""
