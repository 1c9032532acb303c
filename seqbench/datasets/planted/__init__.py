"""Planted data sets: sequences made by rule, so that the best attainable score is known."""
