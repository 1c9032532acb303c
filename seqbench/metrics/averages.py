"""Small arithmetic that every metric shares, with NaN standing for "undefined" and no warnings.

Shape letters: R resamples, M items (or groups of equal items), K outputs (classes, labels or targets).
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def weighted_sums(weights_RM: Floats, values_KM: Floats) -> Floats:
    """Sum each output's values, every item as often as its weight says, (R, K).

    The same as `weights @ values.T`, but without BLAS: so few rows gain nothing from its threads, and where
    other processes have the cores they wait for each other (scoring 100,000 items then took 8 times as long).
    """
    return np.stack([np.einsum("rm,m->r", weights_RM, values) for values in values_KM], axis=1)


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


def mean_where(values_RK: Floats, counts_RK: NDArray[np.bool_]) -> Floats:
    """Average each row over the outputs that count; NaN where none does, or where one that counts is NaN."""
    return ratio(np.sum(values_RK, axis=1, where=counts_RK), np.sum(counts_RK, axis=1, dtype=np.float64))


def mean_defined(values_RK: Floats) -> Floats:
    """Average each row over its outputs that are not NaN; NaN where none is."""
    return mean_where(values_RK, ~np.isnan(values_RK))
