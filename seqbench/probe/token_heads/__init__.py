"""Heads that read the vector of each token of an item: what they are, and their training from the store."""
