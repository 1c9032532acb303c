"""Benchmarks of probing: the reference training, scikit-learn, many small probes, memory."""
