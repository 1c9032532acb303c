"""Corpora: documents without labels, read as streams whatever their size, and mixed into batches."""
