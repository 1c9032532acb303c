"""Perturbation response: which layer of which protein model knows what a perturbation does to cells."""
