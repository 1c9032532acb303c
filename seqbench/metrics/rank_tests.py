"""Tests on ranks of several models over several data sets (Demšar 2006, JMLR 7).

Shape letters: D data sets, M models.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from seqbench.metrics.averages import Floats

_GRID = np.linspace(-8.5, 8.5, 4001)
"""Where the density of the range is summed up; what lies beyond is less than rounding."""


def ranks(goodness_DM: Floats) -> Floats:
    """Rank models on each data set, 1 the best; equal ones share the mean of their ranks, (D, M)."""
    better = goodness_DM[:, None, :] > goodness_DM[:, :, None]
    equal = goodness_DM[:, None, :] == goodness_DM[:, :, None]
    found: Floats = better.sum(axis=2) + (equal.sum(axis=2) + 1) / 2
    return found


def friedman(ranks_DM: Floats) -> float:
    """Friedman's test that no model tends to rank higher than another, by chi-square, corrected for ties.

    Args:
        ranks_DM: From `ranks`; at least three models and two data sets.

    Returns:
        p; 1 where all models tie on every data set.
    """
    from scipy.special import chdtrc

    n_datasets, n_models = ranks_DM.shape
    spread = float(((ranks_DM - (n_models + 1) / 2) ** 2).sum())
    if spread == 0:
        return 1.0
    deviation_M = ranks_DM.sum(axis=0) - n_datasets * (n_models + 1) / 2
    statistic = (n_models - 1) * float((deviation_M**2).sum()) / spread
    return float(chdtrc(n_models - 1, statistic))


def critical_difference(n_models: int, n_datasets: int, level: float = 0.95) -> float:
    """Nemenyi's critical difference: average ranks further apart differ, all pairs of models considered.

    q √(M (M + 1) / 6 D), where q is the quantile of the studentized range divided by √2.
    """
    q = range_quantile(n_models, level) / np.sqrt(2)
    return float(q * np.sqrt(n_models * (n_models + 1) / (6 * n_datasets)))


@lru_cache(maxsize=64)
def range_quantile(n_models: int, level: float) -> float:
    """Quantile of the studentized range of M normal numbers, infinite degrees of freedom.

    By bisection on its distribution, M ∫ φ(z) (Φ(z) - Φ(z - q))^(M - 1) dz. SciPy has it as well
    (`scipy.stats.studentized_range`), but importing that takes longer than all of a report's statistics.
    """
    low, high = 0.0, 20.0
    while high - low > 1e-10:
        middle = (low + high) / 2
        low, high = (middle, high) if _range_below(middle, n_models) < level else (low, middle)
    return (low + high) / 2


def _range_below(width: float, n_models: int) -> float:
    """Share of samples of M normal numbers whose range is below a width."""
    from scipy.special import ndtr

    density = np.exp(-(_GRID**2) / 2) / np.sqrt(2 * np.pi)
    inside = ndtr(_GRID) - ndtr(_GRID - width)
    return float(n_models * np.trapezoid(density * inside ** (n_models - 1), _GRID))


def cliques(average_ranks: Sequence[float], difference: float) -> tuple[tuple[int, ...], ...]:
    """Largest groups of models whose average ranks lie within the difference; none of a single model.

    Args:
        average_ranks: Of each model.
        difference: The critical difference.

    Returns:
        Indices of models, the best first, in each group and of the groups.
    """
    order = sorted(range(len(average_ranks)), key=lambda index: average_ranks[index])
    found: list[tuple[int, ...]] = []
    reached = 0
    for start, first in enumerate(order):
        stop = start
        while stop < len(order) and average_ranks[order[stop]] - average_ranks[first] <= difference:
            stop += 1
        if stop > max(reached, start + 1):
            found.append(tuple(order[start:stop]))
            reached = stop
    return tuple(found)


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
