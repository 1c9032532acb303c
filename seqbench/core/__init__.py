"""The ground that everything stands on: words, files that appear whole, signals, progress, memory."""
