"""What all benchmarks share: taking turns, describing the machine, showing figures."""
