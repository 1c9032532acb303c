"""Corpora checked and cleaned: counts, repeats, overlap with test splits, and named steps that mend them."""
