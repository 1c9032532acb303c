"""Spearman's rank correlation of weighted items.

Shape letters: R resamples, N items, G runs of equal values.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqbench.metrics.averages import Floats, ratio
from seqbench.metrics.ranking import run_ends
from seqbench.metrics.weighting import Weights, ordered_sums, segments


@dataclass(frozen=True, slots=True, kw_only=True)
class RankOrder:
    """Items of one column by rising value; sorted once, read by every resample."""

    order: NDArray[np.intp]
    """(N,) item at each place."""
    place: NDArray[np.intp]
    """(N,) run of equal values that each item is in."""
    ends: NDArray[np.intp] | None
    """(G,) one past the last place of each run; None where no two values are equal."""


def rank_order(values_N: Floats) -> RankOrder:
    """Sort a column."""
    order = np.argsort(values_N, kind="stable")
    sorted_N = values_N[order]
    place = np.empty(len(order), dtype=np.intp)
    place[order] = np.cumsum(np.append(False, sorted_N[1:] != sorted_N[:-1]))
    return RankOrder(order=order, place=place, ends=run_ends(sorted_N))


def spearman(targets: RankOrder, predicted: RankOrder, weights_NR: Weights) -> Floats:
    """Spearman's rank correlation, (R,), with midranks for ties; NaN where one of the two is constant.

    An item of weight w counts as w equal items, so that weights of counts give exactly the correlation of the
    resampled items.
    """
    n_columns = weights_NR.shape[1]
    together_R, spread_target_R, spread_predicted_R = (np.zeros(n_columns) for _ in range(3))
    target_GR, predicted_GR = _centred_midranks(targets, weights_NR), _centred_midranks(predicted, weights_NR)
    for part in segments(*weights_NR.shape):
        target = np.take(target_GR, targets.place[part], axis=0).astype(np.float64)
        ranks = np.take(predicted_GR, predicted.place[part], axis=0).astype(np.float64)
        weights = weights_NR[part].astype(np.float64)
        weighted = weights * target
        together_R += np.einsum("nr,nr->r", weighted, ranks)
        spread_target_R += np.einsum("nr,nr->r", weighted, target)
        weighted = np.multiply(weights, ranks, out=weighted)
        spread_predicted_R += np.einsum("nr,nr->r", weighted, ranks)
    correlation_R = ratio(together_R, np.sqrt(spread_target_R) * np.sqrt(spread_predicted_R))
    return np.clip(correlation_R, -1, 1)


def _centred_midranks(column: RankOrder, weights_NR: Weights) -> NDArray[np.integer]:
    """Twice the distance of each run's midrank from the mean rank, (G, R); the factor cancels in r.

    The mean of the ranks 1..n is (n + 1) / 2 whatever the ties, so midranks are taken from it at once.
    """
    sums = ordered_sums(weights_NR, column.order)
    if column.ends is not None:
        sums = np.take(sums, np.append(0, column.ends), axis=0)
    # In this order no step leaves the integers' range, which is that of the number of items.
    ranks: Weights = sums[1:] - sums[-1]
    ranks += sums[:-1]
    return ranks
