"""Scores of classification, binary and multi-class.

Shape letters: R resamples, N items, M distinct pairs of class and predicted class, C classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqbench.core.types import Task
from seqbench.metrics.averages import Floats
from seqbench.metrics.bootstrap import bootstrap
from seqbench.metrics.by_output import ranked_means, ranked_scores
from seqbench.metrics.calibration import Reliability, brier_terms, calibration_error, reliability
from seqbench.metrics.confusion import class_metrics, count_classes
from seqbench.metrics.names import METRICS
from seqbench.metrics.ranking import Ranking, rank
from seqbench.metrics.resamples import Resampling
from seqbench.metrics.results import Scores, Support, metric_scores, outputs, support_of_clusters
from seqbench.metrics.scores import ClassScore
from seqbench.metrics.small_samples import BY_CLASS
from seqbench.metrics.weighting import Weights, totals, weighted_sums


def score_classification(
    targets_N: NDArray[np.int64],
    predictions: Sequence[Floats],
    thresholds: Sequence[Sequence[float] | None],
    resampling: Resampling,
) -> list[Scores]:
    """Score class probabilities (N, C) of each layer.

    The predicted class is the most probable one, the first of equals; with a threshold, of two classes, it is
    class 1 where its probability reaches that.
    """
    splits = [_sort(targets_N, *given) for given in zip(predictions, thresholds, strict=True)]
    n_items, n_classes = predictions[0].shape
    weights = resampling.drawn(n_items, 1 if n_classes == 2 else n_classes)
    by_items = bootstrap([split.by_items for split in splits], weights, level=resampling.level)
    results = []
    for split, intervals in zip(splits, by_items, strict=True):
        cells = resampling.drawn_groups(split.cell, split.sizes)
        intervals |= bootstrap([split.by_cells], cells, level=resampling.level)[0]
        class_scores = split.class_scores()
        present_C = np.bincount(targets_N, minlength=n_classes) > 0
        metrics = METRICS[Task.CLASSIFICATION]
        support = split.support()
        if resampling.clusters_S is not None:
            support = support_of_clusters(Task.CLASSIFICATION, targets_N, n_classes, resampling.clusters_S)
        scores = metric_scores(metrics, intervals, _reasons(present_C), resampling, support)
        results.append((scores, class_scores))
    return results


@dataclass(frozen=True, slots=True, kw_only=True)
class _Split:
    """Predictions of a split, sorted and counted once for all resamples."""

    rankings: list[Ranking]
    """By class."""
    brier: Floats
    """(1, N)."""
    reliability: Reliability
    """Of the most probable class."""
    actual: NDArray[np.int64]
    """(M,) class of each pair of class and predicted class."""
    predicted: NDArray[np.int64]
    """(M,)."""
    sizes: NDArray[np.int64]
    """(M,) items of each pair. The confusion matrix is resampled by them: as by items, at no cost."""
    cell: NDArray[np.int64]
    """(N,) a number for the pair of each item; pairs are in its order."""

    def by_items(self, weights_NR: Weights) -> dict[str, Floats]:
        """What depends on probabilities."""
        headline = self.rankings[1:] if len(self.rankings) == 2 else self.rankings
        return ranked_means(headline, weights_NR) | {
            "brier": weighted_sums(self.brier, weights_NR)[0] / totals(weights_NR),
            "ece": calibration_error(self.reliability, weights_NR),
        }

    def by_cells(self, weights_MR: Weights) -> dict[str, Floats]:
        """What depends on the confusion matrix."""
        return class_metrics(count_classes(self.actual, self.predicted, len(self.rankings), weights_MR))

    def support(self) -> Support:
        """What each metric rests on; of two classes precision and recall are shares, as accuracy is."""
        n_items, n_classes = int(self.sizes.sum()), len(self.rankings)
        counts = count_classes(self.actual, self.predicted, n_classes, self.sizes[:, None])
        correct_C, actual_C, predicted_C = (
            column[:, 0].astype(int).tolist() for column in (counts.correct, counts.actual, counts.predicted)
        )
        shares = {"accuracy": (sum(correct_C), n_items)}
        by_metric: dict[str, int] = {}
        if n_classes == 2:
            by_metric = dict.fromkeys(BY_CLASS, min(filter(None, actual_C)))
            shares |= {"precision": (correct_C[1], predicted_C[1]), "recall": (correct_C[1], actual_C[1])}
        return Support(n_items=n_items, by_metric=by_metric, shares=shares)

    def class_scores(self) -> list[ClassScore]:
        """The scores by class."""
        counts = count_classes(self.actual, self.predicted, len(self.rankings), self.sizes[:, None])
        return ranked_scores(
            counts,
            self.rankings,
            int(self.sizes.sum()),
            absent="no item of the split is of this class",
            everywhere="all items of the split are of this class",
        )


def predicted_classes(probabilities_NC: Floats, thresholds: Sequence[float] | None) -> NDArray[np.int64]:
    """The most probable class, the first of equals; with a threshold class 1 from there on, (N,)."""
    if thresholds is None:
        return np.asarray(probabilities_NC.argmax(axis=1), dtype=np.int64)
    at_least_N: NDArray[np.bool_] = probabilities_NC[:, 1] >= thresholds[0]
    return at_least_N.astype(np.int64)


def class_reliability(targets_N: NDArray[np.int64], probabilities_NC: Floats) -> Reliability:
    """How far the probability of the most probable class can be relied on, whatever the threshold."""
    likeliest_N = probabilities_NC.argmax(axis=1)
    return reliability(probabilities_NC.max(axis=1), likeliest_N == targets_N)


def _sort(
    targets_N: NDArray[np.int64], probabilities_NC: Floats, thresholds: Sequence[float] | None
) -> _Split:
    n_classes = probabilities_NC.shape[1]
    actual_CN = targets_N == np.arange(n_classes)[:, None]
    predicted_N = predicted_classes(probabilities_NC, thresholds)
    cell_N = targets_N * n_classes + predicted_N
    cells, sizes = np.unique(cell_N, return_counts=True)
    actual_M, predicted_M = np.divmod(cells, n_classes)
    return _Split(
        rankings=[rank(probabilities_NC[:, index], actual_CN[index]) for index in range(n_classes)],
        brier=brier_terms(actual_CN, probabilities_NC.T)[None],
        reliability=class_reliability(targets_N, probabilities_NC),
        actual=actual_M,
        predicted=predicted_M,
        sizes=sizes,
        cell=cell_N,
    )


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
