"""What the benchmark of single tokens measures."""
