"""The parts of `same_numbers.py`: two commits run, and what they computed compared."""
