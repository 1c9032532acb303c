"""Scores of classification, binary and multi-class.

Shape letters: R resamples, N items, M distinct pairs of class and predicted class, C classes.
"""

import numpy as np
from numpy.typing import NDArray

from seqbench.metrics.averages import Floats, mean_defined
from seqbench.metrics.bootstrap import Evaluate, affordable_resamples, bootstrap
from seqbench.metrics.confusion import ClassCounts, class_metrics, count_classes
from seqbench.metrics.names import METRICS
from seqbench.metrics.ranking import Ranking, rank, ranking_metrics
from seqbench.metrics.results import defined, metric_scores, outputs
from seqbench.metrics.scores import ClassScore, MetricScore
from seqbench.vocabulary import Task


def score_classification(
    targets_N: NDArray[np.int64],
    probabilities_NC: Floats,
    *,
    n_resamples: int,
    seed: int,
    level: float,
) -> tuple[list[MetricScore], list[ClassScore]]:
    """Score class probabilities; the predicted class is the most probable one, the first of equals."""
    n_items, n_classes = probabilities_NC.shape
    predicted_N = probabilities_NC.argmax(axis=1)
    # The confusion matrix is resampled by its cells: the same distribution as by items, at no cost.
    cells, sizes = np.unique(targets_N * n_classes + predicted_N, return_counts=True)
    actual_M, predicted_M = np.divmod(cells, n_classes)

    def by_cells(weights_RM: Floats) -> dict[str, Floats]:
        return class_metrics(count_classes(actual_M, predicted_M, n_classes, weights_RM))

    rankings = [rank(probabilities_NC[:, index], targets_N == index) for index in range(n_classes)]
    headline = rankings[1:] if n_classes == 2 else rankings
    n_ranked = affordable_resamples(n_resamples, n_items, len(headline))
    intervals = bootstrap(by_cells, sizes, n_resamples=n_resamples, seed=seed, level=level)
    ones_N = np.ones(n_items, dtype=np.int64)
    ranked = bootstrap(by_rank(headline), ones_N, n_resamples=n_ranked, seed=seed, level=level)
    counts = count_classes(actual_M, predicted_M, n_classes, sizes[None].astype(np.float64))
    reasons = _reasons(counts.actual[0] > 0)
    scores = metric_scores(METRICS[Task.CLASSIFICATION], intervals | ranked, reasons, n_resamples > 0)
    by_class = class_scores(
        counts,
        rankings,
        absent="no item of the split is of this class",
        everywhere="all items of the split are of this class",
    )
    return scores, by_class


def by_rank(rankings: list[Ranking]) -> Evaluate:
    """ROC AUC and average precision, averaged over outputs that have both positives and negatives."""

    def evaluate(weights_RN: Floats) -> dict[str, Floats]:
        pairs = [ranking_metrics(ranking, weights_RN) for ranking in rankings]
        auc_RK, average_precision_RK = (np.stack(columns, axis=1) for columns in zip(*pairs, strict=True))
        return {"roc_auc": mean_defined(auc_RK), "auprc": mean_defined(average_precision_RK)}

    return evaluate


def _reasons(present_C: NDArray[np.bool_]) -> dict[str, str]:
    if present_C.sum() == 1:
        only = f"all items of the split are of {outputs('class', present_C)}"
        undefined = ["balanced_accuracy", "roc_auc", "auprc", "mcc"]
        if len(present_C) == 2 and not present_C[1]:
            undefined += ["precision", "recall", "f1"]
        return dict.fromkeys(undefined, only)
    if present_C.all():
        return {}
    absent = f"average without {outputs('class', ~present_C)}: not in the split"
    return dict.fromkeys(("balanced_accuracy", "roc_auc", "auprc"), absent)


def class_scores(
    counts: ClassCounts, rankings: list[Ranking], *, absent: str, everywhere: str
) -> list[ClassScore]:
    """Precision, recall, F1 and ROC AUC by class or label, from counts of shape (1, K) and one ranking each.

    Args:
        counts: Of the whole split.
        rankings: By class or label.
        absent: The reason where no item is of the class.
        everywhere: The reason where all items are, which leaves ROC AUC undefined.
    """
    n_items = len(rankings[0].order)
    by_output = {"precision": counts.precision[0], "recall": counts.recall[0], "f1": counts.f1[0]}
    scores = []
    for label, ranking in enumerate(rankings):
        support = int(counts.actual[0, label])
        reason = None if support else absent
        values: list[tuple[str, float | None, str | None]] = [
            (metric, float(column[label]) if support else None, reason)
            for metric, column in by_output.items()
        ]
        auc = defined(ranking_metrics(ranking, np.ones((1, n_items)))[0][0])
        values.append(("roc_auc", auc, everywhere if support == n_items else reason))
        scores += [
            ClassScore(label=label, metric=metric, value=value, support=support, reason=why)
            for metric, value, why in values
        ]
    return scores
