"""Scores of predictions with bootstrap intervals."""
