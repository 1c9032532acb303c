"""Labelled sequences: JSONL with an index, the registry of named data sets, planted ones."""
