"""The expected calibration error as its paper's code computes it, one bin after another."""

from itertools import pairwise

import numpy as np


def expected_calibration_error(confidences, right, n_bins=15):
    """Guo et al. (2017), https://github.com/gpleiss/temperature_scaling; 0 goes into the lowest bin."""
    edges = np.linspace(0, 1, n_bins + 1)
    total = 0.0
    for low, high in pairwise(edges):
        inside = (confidences > low) & (confidences <= high)
        if low == 0:
            inside |= confidences == 0
        if inside.any():
            total += inside.mean() * abs(confidences[inside].mean() - right[inside].mean())
    return total
