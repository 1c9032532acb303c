"""Side-by-side benchmarks of extraction: seqbench, the reference loop, sentence-transformers."""
