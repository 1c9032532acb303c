"""The second stage: heads on the stored embeddings of every layer."""
