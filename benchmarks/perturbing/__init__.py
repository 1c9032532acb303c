"""Benchmarks of responses: training against arc-state, energy distance, memory, planted cells."""
