"""Benchmarks of foundation models of biological sequences: extract, probe, report."""

__version__ = "0.1.0"
