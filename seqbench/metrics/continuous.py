"""Metrics of predicted numbers: squared and absolute error, R² and Pearson's correlation.

Shape letters: R resamples, N items, T targets.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqbench.core.missing import known
from seqbench.metrics.averages import Floats, ratio
from seqbench.metrics.weighting import Weights, known_totals, weighted_sums

_CONSTANT = 1e-12
"""Values whose squares about the mean sum to less than this share of those about 0 are constant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """What each item adds to the sums that the metrics are made of, prepared once for all resamples."""

    terms: Floats
    """(7 T, N): squared and absolute errors; targets and predictions, their squares and their products; all 0
    where a target is not known.

    Targets and predictions are centred and scaled to at most 1, so that squares neither overflow nor cancel.
    """
    known: NDArray[np.bool_]
    """(T, N)."""
    target_scale: Floats
    """(T,) what targets were divided by."""


def prepare(targets_NT: Floats, predicted_NT: Floats) -> Moments:
    """Compute the terms, float64; targets that are not known are NaN."""
    is_known_NT = known(targets_NT)
    targets_NT = np.where(is_known_NT, targets_NT, 0.0)
    error_NT = np.where(is_known_NT, predicted_NT - targets_NT, 0.0)
    y_NT, scale_T = _centre(targets_NT, is_known_NT)
    x_NT, _ = _centre(predicted_NT, is_known_NT)
    terms = np.hstack([error_NT**2, np.abs(error_NT), y_NT, x_NT, y_NT**2, x_NT**2, y_NT * x_NT])
    return Moments(
        terms=np.ascontiguousarray(terms.T), known=np.ascontiguousarray(is_known_NT.T), target_scale=scale_T
    )


def _centre(values_NT: Floats, is_known_NT: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    constant_T = spans(values_NT, is_known_NT) == 0
    mean_T = np.sum(values_NT, axis=0, where=is_known_NT) / np.maximum(1, is_known_NT.sum(axis=0))
    centred_NT = np.where(constant_T | ~is_known_NT, 0.0, values_NT - mean_T)
    scale_T = np.where(constant_T, 1.0, np.abs(centred_NT).max(axis=0))
    return centred_NT / scale_T, scale_T


def spans(values_NT: Floats, is_known_NT: NDArray[np.bool_]) -> Floats:
    """Greatest less least of each column, (T,), over what is known; 0 of nothing."""
    if is_known_NT.all():
        return np.asarray(np.ptp(values_NT, axis=0))
    highest_T = np.max(values_NT, axis=0, where=is_known_NT, initial=-np.inf)
    lowest_T = np.min(values_NT, axis=0, where=is_known_NT, initial=np.inf)
    return np.where(is_known_NT.any(axis=0), highest_T - lowest_T, 0.0)


def target_metrics(moments: Moments, weights_NR: Weights) -> dict[str, Floats]:
    """Squared error, its root, absolute error, R² and Pearson's r by target, each (T, R); NaN if undefined.

    R² is NaN where the targets are constant, r where targets or predictions are. Each target is judged on the
    items where it is known.
    """
    total = known_totals(moments.known, weights_NR)
    sums = weighted_sums(moments.terms, weights_NR)
    squared_TR, absolute_TR, y_TR, x_TR, yy_TR, xx_TR, yx_TR = np.split(sums, 7)
    some = np.maximum(total, 1.0)
    spread_y_TR = _spread(yy_TR, y_TR, some)
    spread_x_TR = _spread(xx_TR, x_TR, some)
    pearson_TR = ratio(yx_TR - y_TR * x_TR / some, np.sqrt(spread_y_TR) * np.sqrt(spread_x_TR))
    return {
        "mse": ratio(squared_TR, total),
        "rmse": np.sqrt(ratio(squared_TR, total)),
        "mae": ratio(absolute_TR, total),
        "r2": 1 - ratio(squared_TR, spread_y_TR * moments.target_scale[:, None] ** 2),
        "pearsonr": np.clip(pearson_TR, -1, 1),
    }


def _spread(squares_TR: Floats, sums_TR: Floats, total_TR: Floats) -> Floats:
    spread_TR = squares_TR - sums_TR**2 / total_TR
    return np.where(spread_TR > _CONSTANT * squares_TR, spread_TR, 0.0)
