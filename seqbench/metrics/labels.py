"""Scores of multi-label predictions.

Shape letters: R resamples, N items, K labels.
"""

import numpy as np
from numpy.typing import NDArray

from seqbench.metrics.averages import Floats, weighted_sums
from seqbench.metrics.bootstrap import affordable_resamples, bootstrap
from seqbench.metrics.classification import by_rank, class_scores
from seqbench.metrics.confusion import count_positives, label_metrics
from seqbench.metrics.names import METRICS
from seqbench.metrics.ranking import rank
from seqbench.metrics.results import metric_scores, outputs
from seqbench.metrics.scores import ClassScore, MetricScore
from seqbench.vocabulary import Task

THRESHOLD = 0.5
"""A label is predicted where its probability is above this."""


def score_labels(
    targets_NK: NDArray[np.int64],
    probabilities_NK: Floats,
    *,
    n_resamples: int,
    seed: int,
    level: float,
) -> tuple[list[MetricScore], list[ClassScore]]:
    """Score label probabilities; accuracy is the share of items with every label right."""
    n_items, n_labels = targets_NK.shape
    actual_KN = np.ascontiguousarray(targets_NK.T == 1)
    predicted_KN = np.ascontiguousarray(probabilities_NK.T > THRESHOLD)
    exact_1N = (actual_KN == predicted_KN).all(axis=0, keepdims=True).astype(np.float64)
    rankings = [rank(probabilities_NK[:, label], actual_KN[label]) for label in range(n_labels)]
    ranked = by_rank(rankings)

    def evaluate(weights_RN: Floats) -> dict[str, Floats]:
        total_R = weights_RN.sum(axis=1)
        accuracy = {"accuracy": weighted_sums(weights_RN, exact_1N)[:, 0] / total_R}
        counts = count_positives(actual_KN, predicted_KN, weights_RN)
        return accuracy | label_metrics(counts, total_R) | dict(ranked(weights_RN))

    n_drawn = affordable_resamples(n_resamples, n_items, n_labels)
    ones_N = np.ones(n_items, dtype=np.int64)
    intervals = bootstrap(evaluate, ones_N, n_resamples=n_drawn, seed=seed, level=level)
    counts = count_positives(actual_KN, predicted_KN, ones_N[None].astype(np.float64))
    reasons = _reasons(counts.actual[0], n_items)
    scores = metric_scores(METRICS[Task.LABELS], intervals, reasons, n_resamples > 0)
    by_label = class_scores(
        counts,
        rankings,
        absent="no item of the split carries this label",
        everywhere="all items of the split carry this label",
    )
    return scores, by_label


def _reasons(actual_K: Floats, n_items: int) -> dict[str, str]:
    reasons = {}
    absent_K, constant_K = actual_K == 0, (actual_K == 0) | (actual_K == n_items)
    if constant_K.any():
        left_out = f"average without {outputs('label', constant_K)}: constant in the split"
        if constant_K.all():
            left_out = "every label is constant in the split"
        reasons = dict.fromkeys(("balanced_accuracy", "roc_auc", "auprc", "mcc"), left_out)
    if absent_K.any():
        zero = f"{outputs('label', absent_K)} without a positive item in the split counted as 0"
        if absent_K.all():
            zero = "no label has a positive item in the split"
        reasons |= dict.fromkeys(("precision", "recall", "f1"), zero)
    return reasons
