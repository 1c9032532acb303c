"""From a file and a model's folder to a config and an answer: what the file holds, a split, five lines."""
