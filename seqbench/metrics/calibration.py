"""Whether probabilities mean what they say: Brier score and expected calibration error.

Shape letters: R resamples, N items, C classes, K labels.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqbench.metrics.averages import Floats, ratio
from seqbench.metrics.weighting import Weights, segments, totals

N_BINS = 15
"""Bins of equal width, the number of Guo et al. (2017)."""


def brier_terms(actual_CN: NDArray[np.bool_], probabilities_CN: Floats) -> Floats:
    """What each item adds to the Brier score (Brier 1950), (N,).

    Two classes: the squared error of class 1, from 0 to 1. More: the sum over classes, from 0 to 2. Both are
    scikit-learn's default scales.
    """
    if len(actual_CN) == 2:
        actual_CN, probabilities_CN = actual_CN[1:], probabilities_CN[1:]
    terms_N: Floats = ((probabilities_CN - actual_CN) ** 2).sum(axis=0)
    return terms_N


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """Items by bin of confidence; sorted once, read by every resample."""

    order: NDArray[np.intp]
    """(N,) items from the lowest bin to the highest; fewer where the label of some is not known."""
    starts: NDArray[np.intp]
    """Place of the first item of each bin that has any."""
    gaps: Floats
    """(N,) by place how much less sure than right an item is: 1 or 0 less the confidence."""

    @property
    def error(self) -> float:
        """The calibration error of the items themselves; NaN of none."""
        if not len(self.gaps):
            return float("nan")
        return float(np.abs(np.add.reduceat(self.gaps, self.starts)).sum()) / len(self.gaps)


def reliability(
    confidences_N: Floats, right_N: NDArray[np.bool_], known_N: NDArray[np.bool_] | None = None
) -> Reliability:
    """Sort items into bins, each open below and closed above as in Guo et al. (2017); 0 is in the first.

    Items whose label is not known are in none.
    """
    inner_edges = np.linspace(0, 1, N_BINS + 1)[1:-1]
    bin_N = np.searchsorted(inner_edges, confidences_N, side="left")
    order = np.argsort(bin_N, kind="stable")
    if known_N is not None and not known_N.all():
        order = order[known_N[order]]
    _, starts = np.unique(bin_N[order], return_index=True)
    return Reliability(order=order, starts=starts, gaps=(right_N - confidences_N)[order])


def calibration_error(reliability: Reliability, weights_NR: Weights) -> Floats:
    """Expected calibration error (Guo et al. 2017, equation 3), (R,).

    The mean over items of their bin's distance between mean confidence and share of right answers.
    """
    error_R = np.zeros(weights_NR.shape[1])
    n_known = len(reliability.order)
    stops = [*reliability.starts.tolist(), n_known][1:]
    for start, stop in zip(reliability.starts.tolist(), stops, strict=True):
        items, gaps = reliability.order[start:stop], reliability.gaps[start:stop]
        gap_R = np.zeros(weights_NR.shape[1])
        for part in segments(stop - start, weights_NR.shape[1]):
            weights = np.take(weights_NR, items[part], axis=0).astype(np.float64)
            gap_R += np.einsum("n,nr->r", gaps[part], weights)
        error_R += np.abs(gap_R)
    if n_known == len(weights_NR):
        return error_R / totals(weights_NR)
    return ratio(error_R, weights_NR[reliability.order].sum(axis=0, dtype=np.float64))
