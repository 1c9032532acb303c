"""What can be told apart: paired comparisons between models and between layers, and what follows from them."""
