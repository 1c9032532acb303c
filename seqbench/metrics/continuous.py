"""Metrics of predicted numbers: squared and absolute error, R² and Pearson's correlation.

Shape letters: R resamples, N items, T targets.
"""

from dataclasses import dataclass

import numpy as np

from seqbench.metrics.averages import Floats, ratio
from seqbench.metrics.weighting import Weights, weighted_sums

_CONSTANT = 1e-12
"""Values whose squares about the mean sum to less than this share of those about 0 are constant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """What each item adds to the sums that the metrics are made of, prepared once for all resamples."""

    terms: Floats
    """(7 T, N): squared and absolute errors; targets and predictions, their squares and their products.

    Targets and predictions are centred and scaled to at most 1, so that squares neither overflow nor cancel.
    """
    target_scale: Floats
    """(T,) what targets were divided by."""


def prepare(targets_NT: Floats, predicted_NT: Floats) -> Moments:
    """Compute the terms, float64."""
    error_NT = predicted_NT - targets_NT
    y_NT, scale_T = _centre(targets_NT)
    x_NT, _ = _centre(predicted_NT)
    terms = np.hstack([error_NT**2, np.abs(error_NT), y_NT, x_NT, y_NT**2, x_NT**2, y_NT * x_NT])
    return Moments(terms=np.ascontiguousarray(terms.T), target_scale=scale_T)


def _centre(values_NT: Floats) -> tuple[Floats, Floats]:
    constant_T = np.ptp(values_NT, axis=0) == 0
    centred_NT = np.where(constant_T, 0.0, values_NT - values_NT.mean(axis=0))
    scale_T = np.where(constant_T, 1.0, np.abs(centred_NT).max(axis=0))
    return centred_NT / scale_T, scale_T


def target_metrics(moments: Moments, weights_NR: Weights) -> dict[str, Floats]:
    """Squared error, its root, absolute error, R² and Pearson's r by target, each (T, R); NaN if undefined.

    R² is NaN where the targets are constant, r where targets or predictions are.
    """
    # Every resample draws as many items as there are.
    total = len(weights_NR)
    sums = weighted_sums(moments.terms, weights_NR)
    squared_TR, absolute_TR, y_TR, x_TR, yy_TR, xx_TR, yx_TR = np.split(sums, 7)
    spread_y_TR = _spread(yy_TR, y_TR, total)
    spread_x_TR = _spread(xx_TR, x_TR, total)
    pearson_TR = ratio(yx_TR - y_TR * x_TR / total, np.sqrt(spread_y_TR) * np.sqrt(spread_x_TR))
    return {
        "mse": squared_TR / total,
        "rmse": np.sqrt(squared_TR / total),
        "mae": absolute_TR / total,
        "r2": 1 - ratio(squared_TR, spread_y_TR * moments.target_scale[:, None] ** 2),
        "pearsonr": np.clip(pearson_TR, -1, 1),
    }


def _spread(squares_TR: Floats, sums_TR: Floats, total: int) -> Floats:
    spread_TR = squares_TR - sums_TR**2 / total
    return np.where(spread_TR > _CONSTANT * squares_TR, spread_TR, 0.0)
