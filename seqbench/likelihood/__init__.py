"""What language models make of sequences: bits a letter, on letters that are the same for all models."""
