"""A metric as a function of how often each item counts, for comparing predictions item by item.

`score` draws confusion matrices cell by cell where it can, which is cheaper but loses which items were drawn.
Two predictions can only be compared on the same draws, so here everything goes by items.

Shape letters: R resamples, N items, C classes, K labels, T targets.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from seqbench.core.missing import known
from seqbench.metrics.averages import Floats, mean_over, mean_where
from seqbench.metrics.by_output import ranked_means
from seqbench.metrics.calibration import brier_terms, calibration_error
from seqbench.metrics.classification import class_reliability, predicted_classes
from seqbench.metrics.confusion import class_metrics, count_classes, count_positives, label_metrics
from seqbench.metrics.continuous import prepare, target_metrics
from seqbench.metrics.labels import LabelTruth, predicted_labels
from seqbench.metrics.ranking import rank
from seqbench.metrics.regression import kendall_by_target, over_targets, spearman_by_target
from seqbench.metrics.spearman import rank_order, spearman
from seqbench.metrics.weighting import (
    Weights,
    known_weights,
    totals,
    weighted_counts,
    weighted_sums,
)

OnItems = Callable[[Weights], Floats]
"""Takes weights (N, R), gives (R,) values, NaN where undefined."""

RANKED = frozenset({"roc_auc", "auprc"})


def of_classes(
    metric: str, targets_N: NDArray[np.int64], probabilities_NC: Floats, thresholds: Sequence[float] | None
) -> OnItems:
    """A metric of classification; arguments as of `score`."""
    n_classes = probabilities_NC.shape[1]
    if metric in RANKED:
        headline = range(1, 2) if n_classes == 2 else range(n_classes)
        rankings = [rank(probabilities_NC[:, index], targets_N == index) for index in headline]
        return lambda weights_NR: ranked_means(rankings, weights_NR)[metric]
    if metric == "brier":
        actual_CN = targets_N == np.arange(n_classes)[:, None]
        return _mean(brier_terms(actual_CN, probabilities_NC.T))
    if metric == "ece":
        bins = class_reliability(targets_N, probabilities_NC)
        return lambda weights_NR: calibration_error(bins, weights_NR)
    predicted_N = predicted_classes(probabilities_NC, thresholds)
    if metric == "accuracy":
        return _share(predicted_N == targets_N)
    return lambda weights_NR: class_metrics(count_classes(targets_N, predicted_N, n_classes, weights_NR))[
        metric
    ]


def of_labels(
    metric: str, targets_NK: NDArray[np.int64], probabilities_NK: Floats, thresholds: Sequence[float] | None
) -> OnItems:
    """A metric of labels; arguments as of `score`."""
    truth = LabelTruth.of(targets_NK)
    probabilities_KN = np.ascontiguousarray(probabilities_NK.T)
    if metric in RANKED:
        rankings = truth.rankings(probabilities_KN)
        return lambda weights_NR: ranked_means(rankings, weights_NR)[metric]
    if metric == "brier":
        squared_KN = (probabilities_KN - truth.actual) ** 2
        return lambda weights_NR: truth.brier(squared_KN, weights_NR)
    if metric == "ece":
        bins = truth.reliabilities(probabilities_KN)
        return lambda weights_NR: mean_over(np.stack([calibration_error(each, weights_NR) for each in bins]))
    predicted_KN = predicted_labels(probabilities_KN, thresholds)
    if metric == "accuracy":
        return _share(truth.is_exact(predicted_KN))
    return lambda weights_NR: label_metrics(
        count_positives(truth.actual, predicted_KN, truth.known, weights_NR)
    )[metric]


def of_values(metric: str, targets_NT: Floats, predicted_NT: Floats) -> OnItems:
    """A metric of regression; arguments as of `score`."""
    pairs = list(zip(targets_NT.T, predicted_NT.T, strict=True))
    known_TN = known(targets_NT).T
    if metric == "kendalltau":
        return lambda weights_NR: _mean_tau(kendall_by_target(targets_NT, predicted_NT, weights_NR))
    if metric == "spearmanr" and len(pairs) == 1:
        # Undefined just where its one target or prediction is constant, so that nothing else is needed.
        (target, predicted) = map(rank_order, pairs[0])
        return lambda weights_NR: spearman(target, predicted, known_weights(known_TN[0], weights_NR))
    moments = prepare(targets_NT, predicted_NT)
    orders = [(rank_order(target_N), rank_order(predicted_N)) for target_N, predicted_N in pairs]

    def evaluate(weights_NR: Weights) -> Floats:
        by_target = target_metrics(moments, weights_NR)
        if metric == "spearmanr":
            by_target |= {metric: spearman_by_target(orders, known_TN, weights_NR)}
        return over_targets(metric, by_target)

    return evaluate


def _mean_tau(found: Sequence[tuple[Floats, NDArray[np.bool_]]]) -> Floats:
    return mean_where(np.stack([tau_R for tau_R, _ in found]), np.stack([varies_R for _, varies_R in found]))


def _share(right_N: NDArray[np.bool_]) -> OnItems:
    return lambda weights_NR: weighted_counts(right_N[None], weights_NR)[0] / totals(weights_NR)


def _mean(terms_N: Floats) -> OnItems:
    return lambda weights_NR: weighted_sums(terms_N[None], weights_NR)[0] / totals(weights_NR)
