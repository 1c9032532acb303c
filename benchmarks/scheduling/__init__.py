"""Benchmarks of scheduling; `benchmarks/schedule.py` runs them."""
