"""Correction of p-values where several tests are made at once."""

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjust p-values so that calling all below 5 % real is wrong anywhere in at most 5 % of such families.

    Holm's step-down method (Holm 1979, Scandinavian Journal of Statistics 6): the smallest of m times m, the
    next times m - 1, …, each at least as large as the one before. It asks nothing of how tests depend.

    Args:
        p_values: Of all tests of the family, in any order.

    Returns:
        The adjusted ones in that order, at most 1.
    """
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    rising = np.minimum(np.maximum.accumulate(np.asarray(p_values, dtype=np.float64)[order] * factors), 1.0)
    adjusted = np.empty(len(p_values))
    adjusted[order] = rising
    return tuple(adjusted.tolist())
