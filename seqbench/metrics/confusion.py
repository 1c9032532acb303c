"""Metrics that need no more than how often each class was right, present and predicted.

Shape letters: R resamples, M items (or distinct pairs of target and prediction), C classes, K labels.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqbench.metrics.averages import Floats, mean_where, ratio, ratio_or_zero, weighted_sums


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassCounts:
    """Weighted counts a class; the last axis are the classes, the ones before are free."""

    correct: Floats
    """Items of the class that were predicted as it."""
    actual: Floats
    """Items of the class."""
    predicted: Floats
    """Items predicted as the class."""

    @property
    def precision(self) -> Floats:
        """Share of a class's predictions that are right; 0 where it was never predicted."""
        return ratio_or_zero(self.correct, self.predicted)

    @property
    def recall(self) -> Floats:
        """Share of a class's items that were found; 0 where it has none."""
        return ratio_or_zero(self.correct, self.actual)

    @property
    def f1(self) -> Floats:
        """Harmonic mean of precision and recall; 0 where the class neither occurs nor was predicted."""
        return ratio_or_zero(2 * self.correct, self.actual + self.predicted)

    @property
    def occurs(self) -> NDArray[np.bool_]:
        """Whether a class is among the targets or the predictions: those a macro average is over."""
        return (self.actual > 0) | (self.predicted > 0)


def count_classes(
    targets_M: NDArray[np.integer], predicted_M: NDArray[np.integer], n_classes: int, weights_RM: Floats
) -> ClassCounts:
    """Count by class, each item as often as its weight says; arrays of shape (R, C)."""
    classes_C1 = np.arange(n_classes)[:, None]
    return count_positives(targets_M == classes_C1, predicted_M == classes_C1, weights_RM)


def count_positives(
    actual_CM: NDArray[np.bool_], predicted_CM: NDArray[np.bool_], weights_RM: Floats
) -> ClassCounts:
    """Count from which items are of each class (or carry each label) and which were predicted to."""
    return ClassCounts(
        correct=weighted_sums(weights_RM, (actual_CM & predicted_CM).astype(np.float64)),
        actual=weighted_sums(weights_RM, actual_CM.astype(np.float64)),
        predicted=weighted_sums(weights_RM, predicted_CM.astype(np.float64)),
    )


def class_metrics(counts: ClassCounts) -> dict[str, Floats]:
    """Accuracy, balanced accuracy, precision, recall, F1 and MCC of classification, each (R,).

    Two classes: precision, recall and F1 are those of class 1, undefined where no item is of class 1. More:
    macro averages over the classes among targets or predictions, as scikit-learn's.
    """
    total_R = counts.actual.sum(axis=1)
    several_R = (counts.actual > 0).sum(axis=1) > 1
    recall_R = mean_where(counts.recall, counts.actual > 0)
    return {
        "accuracy": ratio(counts.correct.sum(axis=1), total_R),
        "balanced_accuracy": np.where(several_R, recall_R, np.nan),
        "precision": _headline(counts, counts.precision),
        "recall": _headline(counts, counts.recall),
        "f1": _headline(counts, counts.f1),
        "mcc": np.where(several_R, multiclass_mcc(counts), np.nan),
    }


def _headline(counts: ClassCounts, values_RC: Floats) -> Floats:
    if values_RC.shape[1] == 2:
        return np.where(counts.actual[:, 1] > 0, values_RC[:, 1], np.nan)
    return mean_where(values_RC, counts.occurs)


def multiclass_mcc(counts: ClassCounts) -> Floats:
    """Matthews correlation of C classes (Gorodkin 2004), shape (R,); 0 where predictions are constant."""
    total_R = counts.actual.sum(axis=1)
    covariance_R = total_R * counts.correct.sum(axis=1) - (counts.actual * counts.predicted).sum(axis=1)
    spread_actual_R = total_R**2 - (counts.actual**2).sum(axis=1)
    spread_predicted_R = total_R**2 - (counts.predicted**2).sum(axis=1)
    return ratio_or_zero(covariance_R, np.sqrt(spread_actual_R) * np.sqrt(spread_predicted_R))


def label_metrics(counts: ClassCounts, total_R: Floats) -> dict[str, Floats]:
    """Balanced accuracy, precision, recall, F1 and MCC of K labels, each (R,).

    Precision, recall and F1 are macro averages over all labels, one without a positive item counting 0 as in
    scikit-learn; undefined where no label has one. Balanced accuracy and MCC leave out constant labels.

    Args:
        counts: Of the positives of each label, (R, K).
        total_R: Weight of all items.
    """
    any_positive_R = (counts.actual > 0).any(axis=1)
    negative_RK = total_R[:, None] - counts.actual
    varies_RK = (counts.actual > 0) & (negative_RK > 0)
    true_negative_RK = total_R[:, None] - counts.actual - counts.predicted + counts.correct
    specificity_RK = ratio_or_zero(true_negative_RK, negative_RK)
    return {
        "balanced_accuracy": mean_where((counts.recall + specificity_RK) / 2, varies_RK),
        "precision": np.where(any_positive_R, counts.precision.mean(axis=1), np.nan),
        "recall": np.where(any_positive_R, counts.recall.mean(axis=1), np.nan),
        "f1": np.where(any_positive_R, counts.f1.mean(axis=1), np.nan),
        "mcc": mean_where(_binary_mcc(counts, total_R[:, None]), varies_RK),
    }


def _binary_mcc(counts: ClassCounts, total_R1: Floats) -> Floats:
    covariance = total_R1 * counts.correct - counts.actual * counts.predicted
    spread = np.sqrt(counts.actual * (total_R1 - counts.actual))
    spread = spread * np.sqrt(counts.predicted * (total_R1 - counts.predicted))
    return ratio_or_zero(covariance, spread)
