"""Small arithmetic that every metric shares, with NaN standing for "undefined" and no warnings.

Shape letters: R resamples, K outputs (classes, labels or targets).
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Divide elementwise; NaN where the denominator is 0."""
    shape = np.broadcast_shapes(numerator.shape, denominator.shape)
    quotient: Floats = np.full(shape, np.nan)
    return np.divide(numerator, denominator, out=quotient, where=denominator != 0)


def ratio_or_zero(numerator: Floats, denominator: Floats) -> Floats:
    """Divide elementwise; 0 where the denominator is 0, as scikit-learn's `zero_division=0`."""
    shape = np.broadcast_shapes(numerator.shape, denominator.shape)
    quotient: Floats = np.zeros(shape)
    return np.divide(numerator, denominator, out=quotient, where=denominator != 0)


def mean_where(values_KR: Floats, counts_KR: NDArray[np.bool_]) -> Floats:
    """Average over the outputs that count, (R,); NaN where none does, or where one that counts is NaN."""
    return ratio(np.sum(values_KR, axis=0, where=counts_KR), np.sum(counts_KR, axis=0, dtype=np.float64))


def mean_over(values_KR: Floats) -> Floats:
    """Average over all outputs, (R,); over those that are not NaN where some are."""
    return mean_defined(values_KR) if np.isnan(values_KR).any() else np.asarray(values_KR.mean(axis=0))


def mean_defined(values_KR: Floats) -> Floats:
    """Average over the outputs that are not NaN, (R,); NaN where none is."""
    return mean_where(values_KR, ~np.isnan(values_KR))
