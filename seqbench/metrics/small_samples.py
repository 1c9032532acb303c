"""Where a bootstrap interval does not hold: few items, and items that all say the same.

A resample holds nothing but items that are there. Where all of 60 are right every resample is 60 of 60, and
the percentile interval has no width, though the next item may well be wrong. Of n items all lie on one side
of the truth with a probability of 2^(1 - n) if either side is as likely, and no resample can then reach it.

Shape letters: N items, C classes.
"""

from math import ceil, log2, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from seqbench.core.types import Task

LEAST_OF_EITHER = 5
"""Right and wrong items from which on a share's percentile interval is taken: the usual rule for proportions
(n p and n (1 - p) of at least 5; Brown, Cai & DasGupta 2001, Statistical Science 16)."""

SAME = "no interval: all resamples give the same value"
"""Why there is no interval where items are many but unanimous."""

BY_CLASS = frozenset({"balanced_accuracy", "roc_auc", "auprc", "precision", "recall", "f1", "mcc"})
"""Metrics of two classes that rest on the items of the rarer one."""

_NO_WIDTH = 1e-12
"""Width below which an interval has none, relative to its ends: rounding of sums."""


def least_items(level: float) -> int:
    """Items below which no interval has this coverage: 2^(1 - n) is more than 1 - level; 6 for 95 %."""
    return ceil(1 - log2(1 - level))


def is_collapsed(low: float, high: float) -> bool:
    """Whether an interval has no width; False for NaN."""
    return high - low <= _NO_WIDTH * max(abs(low), abs(high))


def wilson(successes: int, trials: int, level: float) -> tuple[float, float]:
    """Wilson's score interval of a proportion (1927, JASA 22), which holds for few and for unanimous trials.

    Args:
        successes: From 0 to `trials`.
        trials: At least one.
        level: Coverage, for example 0.95.
    """
    z = NormalDist().inv_cdf(0.5 + level / 2)
    share, part = successes / trials, z**2 / trials
    middle = (share + part / 2) / (1 + part)
    half = z / (1 + part) * sqrt(share * (1 - share) / trials + part / (4 * trials))
    # At the ends rounding would leave 1e-17 to the end that is exact.
    low = 0.0 if successes == 0 else middle - half
    return low, 1.0 if successes == trials else middle + half


def needs_wilson(successes: int, trials: int) -> bool:
    """Whether too few trials succeeded or failed for a percentile interval."""
    return min(successes, trials - successes) < LEAST_OF_EITHER


def effective_items(
    task: Task,
    targets: NDArray[np.generic],
    metric: str,
    n_outputs: int,
    clusters_S: NDArray[np.integer] | None = None,
) -> int:
    """How many items a metric rests on: of two classes, for most metrics, those of the rarer one.

    A class that the split lacks does not count.

    Args:
        task: What the labels are.
        targets: Class indices (N,), or labels or values with items along the first axis.
        metric: One of the task's.
        n_outputs: Classes, labels or targets.
        clusters_S: Items of each cluster, where items in a row were drawn together; clusters are counted
            then, and of the rarer class those that hold any of it.
    """
    by_class = task is Task.CLASSIFICATION and n_outputs == 2 and metric in BY_CLASS
    if clusters_S is not None:
        if not by_class:
            return len(clusters_S)
        starts = np.cumsum(clusters_S) - clusters_S
        holding = [np.logical_or.reduceat(targets == each, starts).sum() for each in (0, 1)]
        return int(min(filter(None, holding)))
    if by_class:
        counts = np.bincount(targets.astype(np.int64), minlength=2)
        return int(counts[counts > 0].min())
    return len(targets)


def few_reason(n_items: int, n_all: int) -> str:
    """Why there is no interval where a metric rests on few items."""
    of = " of the rarer class" if n_items < n_all else ""
    return f"no interval: {n_items} {'item' if n_items == 1 else 'items'}{of} in the split, too few for one"
