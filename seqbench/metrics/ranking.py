"""Metrics of how well scores rank positives above negatives: ROC AUC and average precision.

Shape letters: R resamples, N items, G distinct scores.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqbench.metrics.averages import Floats, ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Items from the highest score to the lowest; sorted once, read by every resample."""

    order: NDArray[np.intp]
    """(N,) item at each place."""
    ends: NDArray[np.intp] | None
    """(G,) last place of each run of equal scores; None where no two are equal."""
    positive: Floats
    """(N,) 1 or 0 at each place."""


def rank(scores_N: Floats, positive_N: NDArray[np.bool_]) -> Ranking:
    """Sort items by falling score."""
    order = np.argsort(-scores_N, kind="stable")
    return Ranking(order=order, ends=run_ends(scores_N[order]), positive=positive_N[order].astype(np.float64))


def run_ends(sorted_N: NDArray[np.generic]) -> NDArray[np.intp] | None:
    """Last index of each run of equal values in a sorted array; None where all differ."""
    ends = np.flatnonzero(np.append(sorted_N[1:] != sorted_N[:-1], True))
    return None if len(ends) == len(sorted_N) else ends


def ranking_metrics(ranking: Ranking, weights_RN: Floats) -> tuple[Floats, Floats]:
    """ROC AUC and average precision, each (R,); NaN where a resample lacks positives or negatives.

    ROC AUC is the trapezoid area over distinct scores; average precision the sum over distinct scores of the
    step in recall times the precision there, both as in scikit-learn.
    """
    weights_RN = np.take(weights_RN, ranking.order, axis=1)
    true_RG = np.cumsum(weights_RN * ranking.positive, axis=1)
    chosen_RG = np.cumsum(weights_RN, axis=1)
    if ranking.ends is not None:
        true_RG = np.take(true_RG, ranking.ends, axis=1)
        chosen_RG = np.take(chosen_RG, ranking.ends, axis=1)
    positives_R = true_RG[:, -1].copy()
    pairs_R = positives_R * (chosen_RG[:, -1] - positives_R)
    auc_R = ratio(_twice_area(true_RG, chosen_RG - true_RG), 2 * pairs_R)
    average_precision_R = ratio(_precision_sum(true_RG, chosen_RG), positives_R)
    return auc_R, np.where(pairs_R > 0, average_precision_R, np.nan)


def _twice_area(true_RG: Floats, false_RG: Floats) -> Floats:
    widths = false_RG[:, 1:] - false_RG[:, :-1]
    heights = true_RG[:, 1:] + true_RG[:, :-1]
    area_R: Floats = np.einsum("rg,rg->r", widths, heights)
    return area_R + true_RG[:, 0] * false_RG[:, 0]


def _precision_sum(true_RG: Floats, chosen_RG: Floats) -> Floats:
    # Leading scores of weight 0 have chosen nothing; their precision is multiplied by a step of 0.
    precision_RG = true_RG / np.maximum(chosen_RG, np.finfo(np.float64).tiny)
    steps = true_RG[:, 1:] - true_RG[:, :-1]
    sum_R: Floats = np.einsum("rg,rg->r", steps, precision_RG[:, 1:])
    return sum_R + true_RG[:, 0] * precision_RG[:, 0]
