"""Searching settings: what is tried next, given up early, and chosen. It knows nobody's training."""
