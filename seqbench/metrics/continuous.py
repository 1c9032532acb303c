"""Metrics of predicted numbers: squared and absolute error, R², Pearson's and Spearman's correlation.

Shape letters: R resamples, N items, T targets.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqbench.metrics.averages import Floats, ratio, weighted_sums
from seqbench.metrics.ranking import run_ends

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


def target_metrics(moments: Moments, weights_RN: Floats) -> dict[str, Floats]:
    """Mean squared and absolute error, R² and Pearson's r by target, each (R, T); NaN where undefined.

    R² is NaN where the targets are constant, r where targets or predictions are.
    """
    total_R1 = weights_RN.sum(axis=1, keepdims=True)
    sums = weighted_sums(weights_RN, moments.terms)
    squared_RT, absolute_RT, y_RT, x_RT, yy_RT, xx_RT, yx_RT = np.split(sums, 7, axis=1)
    spread_y_RT = _spread(yy_RT, y_RT, total_R1)
    spread_x_RT = _spread(xx_RT, x_RT, total_R1)
    pearson_RT = ratio(yx_RT - y_RT * x_RT / total_R1, np.sqrt(spread_y_RT) * np.sqrt(spread_x_RT))
    return {
        "mse": squared_RT / total_R1,
        "mae": absolute_RT / total_R1,
        "r2": 1 - ratio(squared_RT, spread_y_RT * moments.target_scale**2),
        "pearsonr": np.clip(pearson_RT, -1, 1),
    }


def _spread(squares_RT: Floats, sums_RT: Floats, total_R1: Floats) -> Floats:
    spread_RT = squares_RT - sums_RT**2 / total_R1
    return np.where(spread_RT > _CONSTANT * squares_RT, spread_RT, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RankOrder:
    """Items of one column by rising value; sorted once, read by every resample."""

    order: NDArray[np.intp]
    """(N,) item at each place."""
    place: NDArray[np.intp]
    """(N,) run of equal values that each item is in."""
    ends: NDArray[np.intp] | None
    """Last place of each run; None where no two values are equal."""


def rank_order(values_N: Floats) -> RankOrder:
    """Sort a column."""
    order = np.argsort(values_N, kind="stable")
    sorted_N = values_N[order]
    place = np.empty(len(order), dtype=np.intp)
    place[order] = np.cumsum(np.append(False, sorted_N[1:] != sorted_N[:-1]))
    return RankOrder(order=order, place=place, ends=run_ends(sorted_N))


def spearman(targets: RankOrder, predicted: RankOrder, weights_RN: Floats) -> Floats:
    """Spearman's rank correlation, (R,), with midranks for ties; NaN where one of the two is constant.

    An item of weight w counts as w equal items, so that weights of counts give exactly the correlation of the
    resampled items.
    """
    # The mean of the ranks 1..n is (n + 1) / 2 whatever the ties; midranks are taken from it at once.
    target_RN = _centred_midranks(targets, weights_RN)
    predicted_RN = _centred_midranks(predicted, weights_RN)
    weighted_RN = weights_RN * target_RN
    together_R = np.einsum("rn,rn->r", weighted_RN, predicted_RN)
    spread_target_R = np.einsum("rn,rn->r", weighted_RN, target_RN)
    np.multiply(weights_RN, predicted_RN, out=weighted_RN)
    spread_predicted_R = np.einsum("rn,rn->r", weighted_RN, predicted_RN)
    correlation_R = ratio(together_R, np.sqrt(spread_target_R) * np.sqrt(spread_predicted_R))
    return np.clip(correlation_R, -1, 1)


def _centred_midranks(column: RankOrder, weights_RN: Floats) -> Floats:
    """Twice the distance of each item's midrank from the mean rank, (R, N); the factor cancels in r."""
    upto_RG = np.cumsum(np.take(weights_RN, column.order, axis=1), axis=1)
    if column.ends is not None:
        upto_RG = np.take(upto_RG, column.ends, axis=1)
    twice_RG = upto_RG - upto_RG[:, -1:]
    twice_RG[:, 1:] += upto_RG[:, :-1]
    return np.take(twice_RG, column.place, axis=1)
