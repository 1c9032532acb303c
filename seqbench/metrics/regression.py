"""Scores of regression, averaged over targets and by target.

Shape letters: R resamples, N items, T targets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqbench.core.missing import known
from seqbench.core.types import Task
from seqbench.metrics.averages import Floats, mean_over, mean_where
from seqbench.metrics.bootstrap import Interval, bootstrap
from seqbench.metrics.by_output import UNKNOWN
from seqbench.metrics.continuous import Moments, prepare, spans, target_metrics
from seqbench.metrics.kendall import kendall
from seqbench.metrics.names import METRICS
from seqbench.metrics.resamples import Resampling
from seqbench.metrics.results import Scores, Support, defined, metric_scores, outputs
from seqbench.metrics.scores import ClassScore
from seqbench.metrics.spearman import RankOrder, rank_order, spearman
from seqbench.metrics.weighting import Weights, known_weights

BY_TARGET = ("mse", "rmse", "mae", "r2", "pearsonr", "spearmanr", "kendalltau")
"""The metrics that are kept by target."""

_NEED_TARGETS_THAT_VARY = ("r2", "pearsonr", "spearmanr", "kendalltau")
_NEED_PREDICTIONS_THAT_VARY = ("pearsonr", "spearmanr", "kendalltau")


def score_regression(
    targets_NT: Floats, predictions: Sequence[Floats], resampling: Resampling
) -> list[Scores]:
    """Score predicted numbers (N, T) of each layer.

    mse, mae, r2, pearsonr, spearmanr and kendalltau are means over targets; rmse is the root of that mse;
    mcrmse is the mean over targets of each one's root mean squared error, which equals rmse for one target.
    Each target is scored on the items where it is known (not NaN); one that is known of none is in no mean.
    """
    n_items, n_targets = targets_NT.shape
    columns = [rank_order(target_N) for target_N in targets_NT.T]
    splits = [_sort(targets_NT, columns, predicted_NT) for predicted_NT in predictions]
    weights = resampling.drawn(n_items, 2 * n_targets)
    found = bootstrap([split.by_items for split in splits], weights, level=resampling.level)
    # Kendall's tau takes log2(items) times as long: beyond 17,000 items × targets fewer resamples are drawn.
    weights = resampling.drawn(n_items, 2 * n_targets * n_items.bit_length())
    ranked = bootstrap([split.kendall for split in splits], weights, level=resampling.level)
    return [
        split.scores(intervals | correlation, resampling)
        for split, intervals, correlation in zip(splits, found, ranked, strict=True)
    ]


def over_targets(metric: str, by_target: Mapping[str, Floats]) -> Floats:
    """The average over targets of any metric but Kendall's tau, (R,), from what each target has, (T, R)."""
    if metric == "rmse":
        return np.asarray(np.sqrt(mean_over(by_target["mse"])))
    if metric == "mcrmse":
        return mean_over(by_target["rmse"])
    if metric in ("mse", "mae"):
        return mean_over(by_target[metric])
    # A constant target is left out; constant predictions of one that varies leave no correlation at all,
    # since an average without them would reward a head that gives up on the hard targets.
    return mean_where(by_target[metric], ~np.isnan(by_target["r2"]))


def spearman_by_target(
    orders: Sequence[tuple[RankOrder, RankOrder]], known_TN: NDArray[np.bool_], weights_NR: Weights
) -> Floats:
    """Spearman's correlation of each target, (T, R)."""
    rows = zip(orders, known_TN, strict=True)
    return np.stack([spearman(*order, known_weights(known_N, weights_NR)) for order, known_N in rows])


def kendall_by_target(
    targets_NT: Floats, predicted_NT: Floats, weights_NR: Weights
) -> list[tuple[Floats, NDArray[np.bool_]]]:
    """Kendall's tau of each target, and whether the target varies, (R,) each."""
    rows = zip(targets_NT.T, predicted_NT.T, known(targets_NT).T, strict=True)
    return [
        kendall(target_N, predicted_N, known_weights(known_N, weights_NR))
        for target_N, predicted_N, known_N in rows
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Split:
    """Predictions of a split, sorted once for all resamples."""

    targets: Floats
    """(N, T)."""
    predicted: Floats
    """(N, T)."""
    moments: Moments
    columns: list[tuple[RankOrder, RankOrder]]
    """Targets and predictions by target."""

    def by_items(self, weights_NR: Weights) -> dict[str, Floats]:
        """Every average but that of Kendall's tau."""
        by_target = self._by_target(weights_NR)
        names = (metric for metric in METRICS[Task.REGRESSION] if metric != "kendalltau")
        return {metric: over_targets(metric, by_target) for metric in names}

    def kendall(self, weights_NR: Weights) -> dict[str, Floats]:
        """The average of Kendall's tau, of the same targets."""
        return {"kendalltau": mean_where(*self._kendall(weights_NR))}

    def _by_target(self, weights_NR: Weights) -> dict[str, Floats]:
        correlations_TR = spearman_by_target(self.columns, self.moments.known, weights_NR)
        return target_metrics(self.moments, weights_NR) | {"spearmanr": correlations_TR}

    def _kendall(self, weights_NR: Weights) -> tuple[Floats, NDArray[np.bool_]]:
        found = kendall_by_target(self.targets, self.predicted, weights_NR)
        return np.stack([tau_R for tau_R, _ in found]), np.stack([varies_R for _, varies_R in found])

    def scores(self, intervals: Mapping[str, Interval], resampling: Resampling) -> Scores:
        """The scores of the split and of each target, None with a reason where undefined."""
        known_NT = self.moments.known.T
        clusters_S = resampling.clusters_S
        n_items = len(self.targets) if clusters_S is None else len(clusters_S)
        constant_T = spans(self.targets, known_NT) == 0
        flat_T = spans(self.predicted, known_NT) == 0
        reasons = _reasons(constant_T, flat_T)
        ones_N1 = np.ones((len(self.targets), 1), dtype=np.uint8)
        whole = self._by_target(ones_N1) | {"kendalltau": self._kendall(ones_N1)[0]}
        return (
            metric_scores(METRICS[Task.REGRESSION], intervals, reasons, resampling, Support(n_items=n_items)),
            _target_scores(whole, constant_T, flat_T, known_NT.sum(axis=0)),
        )


def _sort(targets_NT: Floats, target_columns: Sequence[RankOrder], predicted_NT: Floats) -> _Split:
    predicted_columns = [rank_order(predicted_N) for predicted_N in predicted_NT.T]
    return _Split(
        targets=targets_NT,
        predicted=predicted_NT,
        moments=prepare(targets_NT, predicted_NT),
        columns=list(zip(target_columns, predicted_columns, strict=True)),
    )


def _reasons(constant_T: NDArray[np.bool_], flat_T: NDArray[np.bool_]) -> dict[str, str]:
    reasons = {}
    if constant_T.any():
        left_out = f"average without {outputs('target', constant_T)}: constant in the split"
        if constant_T.all():
            left_out = "every target is constant in the split"
        reasons = dict.fromkeys(_NEED_TARGETS_THAT_VARY, left_out)
    flat_T = flat_T & ~constant_T
    if flat_T.any():
        constant = f"predictions of {outputs('target', flat_T)} are constant"
        reasons |= dict.fromkeys(_NEED_PREDICTIONS_THAT_VARY, constant)
    return reasons


def _target_scores(
    whole: dict[str, Floats],
    constant_T: NDArray[np.bool_],
    flat_T: NDArray[np.bool_],
    known_T: NDArray[np.int64],
) -> list[ClassScore]:
    scores = []
    for target in range(len(constant_T)):
        for metric in BY_TARGET:
            reason = None
            if not known_T[target]:
                reason = UNKNOWN
            elif metric in _NEED_TARGETS_THAT_VARY and constant_T[target]:
                reason = "the target is constant in the split"
            elif metric in _NEED_PREDICTIONS_THAT_VARY and flat_T[target]:
                reason = "predictions are constant"
            value = defined(whole[metric][target, 0])
            support = int(known_T[target])
            scores.append(
                ClassScore(label=target, metric=metric, value=value, support=support, reason=reason)
            )
    return scores
