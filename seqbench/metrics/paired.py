"""The difference between two that were scored on the same resamples of the same items, and how sure it is.

Shape letters: S seeds of a side, R resamples (and the data before them).
"""

from dataclasses import dataclass

import numpy as np

from seqbench.metrics.averages import Floats
from seqbench.metrics.bootstrap import interval
from seqbench.metrics.small_samples import is_collapsed, least_items


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How much better one side is than the other."""

    value: float
    """Positive where the first side is better, whichever way the metric goes."""
    low: float | None
    """Lower end of the percentile interval; None where items are too few for one, or all resamples agree."""
    high: float | None
    p: float
    """Two-sided, for no difference."""


def paired_difference(
    a_SR: Floats, b_SR: Floats, *, higher_is_better: bool, n_items: int, seed: int = 0, level: float = 0.95
) -> Difference | None:
    """Compare two sides by a paired bootstrap over items and seeds.

    Each resample of the items is scored for both sides alike; of each side it averages over as many seeds as
    there are, drawn with replacement and for each side on its own. So what is common to both sides (hard
    items) cancels, and what a single seed happens to give does not count as knowledge.

    The interval is the percentile interval (Efron & Tibshirani 1993, chapter 13). p comes from the standard
    error of the bootstrap (chapter 6) by the normal approximation, with Student's t of one degree of freedom
    less than there are items: for a mean over items that is the paired t-test. Counting resamples beyond 0
    instead can't give less than 2 in 1,000, too coarse for Holm's correction over dozens of pairs. p is at
    least 2^(1 - items), the least that a paired test of so many items can give, since resamples of a few
    equal ones do not vary at all.

    Args:
        a_SR: Values of one side by seed, from `replicates`; column 0 is the data.
        b_SR: Those of the other, of the same resamples; it may have other seeds, and another number of them.
        higher_is_better: Of the metric.
        n_items: Items that the metric rests on (see `small_samples.effective_items`).
        seed: Of the draws of seeds.
        level: Share of resamples inside the interval.

    Returns:
        The difference; None where it is undefined on the data or on more than half of the resamples.
    """
    sign = 1.0 if higher_is_better else -1.0
    difference_R = sign * (_over_seeds(a_SR, (seed, 0)) - _over_seeds(b_SR, (seed, 1)))
    found = interval(difference_R, level)
    if np.isnan(found.low):
        return None
    drawn = difference_R[1:][~np.isnan(difference_R[1:])]
    p = _p_value(found.value, drawn, n_items)
    if n_items < least_items(level) or is_collapsed(found.low, found.high):
        return Difference(value=found.value, low=None, high=None, p=p)
    return Difference(value=found.value, low=found.low, high=found.high, p=p)


def _over_seeds(values_SR: Floats, seed: tuple[int, int]) -> Floats:
    """Average over all seeds on the data, over drawn ones on the resamples, (R,)."""
    n_seeds, n_columns = values_SR.shape
    if n_seeds == 1:
        return np.asarray(values_SR[0])
    picks_SR = np.random.default_rng(seed).integers(0, n_seeds, size=(n_seeds, n_columns))
    picks_SR[:, 0] = np.arange(n_seeds)
    means_R: Floats = np.take_along_axis(values_SR, picks_SR, axis=0).mean(axis=0)
    return means_R


def _p_value(value: float, drawn: Floats, n_items: int) -> float:
    if value == 0 or n_items < 2 or len(drawn) < 2:
        return 1.0
    from scipy.special import stdtr  # Takes longer to import than all else that scores need.

    # The bootstrap's variance is that of the items themselves, which estimates too low by 1 in n.
    error = float(drawn.std(ddof=1)) * np.sqrt(n_items / (n_items - 1))
    p = 2 * float(stdtr(n_items - 1, -abs(value) / error)) if error > 0 else 0.0
    return float(min(1.0, max(p, 2.0 ** (1 - n_items))))
