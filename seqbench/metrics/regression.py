"""Scores of regression, averaged over targets and by target.

Shape letters: R resamples, N items, T targets.
"""

import numpy as np
from numpy.typing import NDArray

from seqbench.metrics.averages import Floats, mean_where
from seqbench.metrics.bootstrap import affordable_resamples, bootstrap
from seqbench.metrics.continuous import prepare, rank_order, spearman, target_metrics
from seqbench.metrics.names import METRICS
from seqbench.metrics.results import defined, metric_scores, outputs
from seqbench.metrics.scores import ClassScore, MetricScore
from seqbench.vocabulary import Task

BY_TARGET = ("mse", "mae", "r2", "pearsonr", "spearmanr")
"""The metrics that are kept by target."""


def score_regression(
    targets_NT: Floats,
    predicted_NT: Floats,
    *,
    n_resamples: int,
    seed: int,
    level: float,
) -> tuple[list[MetricScore], list[ClassScore]]:
    """Score predicted numbers.

    mse, mae, r2, pearsonr and spearmanr are means over targets; rmse is the root of that mse; mcrmse is the
    mean over targets of each target's root mean squared error, which equals rmse for one target.
    """
    n_items, n_targets = targets_NT.shape
    moments = prepare(targets_NT, predicted_NT)
    columns = [(rank_order(targets_NT[:, t]), rank_order(predicted_NT[:, t])) for t in range(n_targets)]

    def by_target(weights_RN: Floats) -> dict[str, Floats]:
        correlations = [spearman(target, predicted, weights_RN) for target, predicted in columns]
        return target_metrics(moments, weights_RN) | {"spearmanr": np.stack(correlations, axis=1)}

    n_drawn = affordable_resamples(n_resamples, n_items, 2 * n_targets)
    ones_N = np.ones(n_items, dtype=np.int64)
    intervals = bootstrap(
        lambda weights_RN: _averages(by_target(weights_RN)),
        ones_N,
        n_resamples=n_drawn,
        seed=seed,
        level=level,
    )
    constant_T = np.ptp(targets_NT, axis=0) == 0
    flat_T = np.ptp(predicted_NT, axis=0) == 0
    reasons = _reasons(constant_T, flat_T)
    scores = metric_scores(METRICS[Task.REGRESSION], intervals, reasons, n_resamples > 0)
    whole = by_target(np.ones((1, n_items)))
    return scores, _target_scores(whole, constant_T, flat_T, n_items)


def _averages(by_target: dict[str, Floats]) -> dict[str, Floats]:
    mse_RT, r2_RT = by_target["mse"], by_target["r2"]
    varies_RT = ~np.isnan(r2_RT)
    return {
        "mse": mse_RT.mean(axis=1),
        "rmse": np.sqrt(mse_RT.mean(axis=1)),
        "mcrmse": np.sqrt(mse_RT).mean(axis=1),
        "mae": by_target["mae"].mean(axis=1),
        # A constant target is left out; constant predictions of one that varies leave no correlation at all,
        # since an average without them would reward a head that gives up on the hard targets.
        "r2": mean_where(r2_RT, varies_RT),
        "pearsonr": mean_where(by_target["pearsonr"], varies_RT),
        "spearmanr": mean_where(by_target["spearmanr"], varies_RT),
    }


def _reasons(constant_T: NDArray[np.bool_], flat_T: NDArray[np.bool_]) -> dict[str, str]:
    reasons = {}
    if constant_T.any():
        left_out = f"average without {outputs('target', constant_T)}: constant in the split"
        if constant_T.all():
            left_out = "every target is constant in the split"
        reasons = dict.fromkeys(("r2", "pearsonr", "spearmanr"), left_out)
    flat_T = flat_T & ~constant_T
    if flat_T.any():
        reasons |= dict.fromkeys(
            ("pearsonr", "spearmanr"), f"predictions of {outputs('target', flat_T)} are constant"
        )
    return reasons


def _target_scores(
    whole: dict[str, Floats], constant_T: NDArray[np.bool_], flat_T: NDArray[np.bool_], n_items: int
) -> list[ClassScore]:
    scores = []
    for target in range(len(constant_T)):
        for metric in BY_TARGET:
            reason = None
            if metric in {"r2", "pearsonr", "spearmanr"} and constant_T[target]:
                reason = "the target is constant in the split"
            elif metric in {"pearsonr", "spearmanr"} and flat_T[target]:
                reason = "predictions are constant"
            value = defined(whole[metric][0, target])
            scores.append(
                ClassScore(label=target, metric=metric, value=value, support=n_items, reason=reason)
            )
    return scores
