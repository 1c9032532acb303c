"""Metrics that need no more than how often each class was right, present and predicted.

Shape letters: R resamples, N items, M distinct pairs of target and prediction, C classes, K labels.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqbench.metrics.averages import Floats, mean_where, ratio, ratio_or_zero
from seqbench.metrics.weighting import Weights, known_totals, weighted_counts


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassCounts:
    """Weighted counts by class or label, (C, R)."""

    correct: Floats
    """Items of the class that were predicted as it."""
    actual: Floats
    """Items of the class."""
    predicted: Floats
    """Items predicted as the class."""
    total: Floats
    """All items, (R,); of labels those of which the label is known, (C, R)."""

    @property
    def precision(self) -> Floats:
        """Share of a class's predictions that are right; 0 where it was never predicted."""
        return ratio_or_zero(self.correct, self.predicted)

    @property
    def recall(self) -> Floats:
        """Share of a class's items that were found; 0 where it has none."""
        return ratio_or_zero(self.correct, self.actual)

    @property
    def specificity(self) -> Floats:
        """Share of the other items that were not predicted as the class; 0 where there are none."""
        negative = self.total - self.actual
        return ratio_or_zero(negative - self.predicted + self.correct, negative)

    @property
    def f1(self) -> Floats:
        """Harmonic mean of precision and recall; 0 where the class neither occurs nor was predicted."""
        return ratio_or_zero(2 * self.correct, self.actual + self.predicted)

    @property
    def mcc(self) -> Floats:
        """Matthews correlation of each class against the rest; 0 where either is constant."""
        covariance_CR = self.total * self.correct - self.actual * self.predicted
        spread_CR = np.sqrt(self.actual * (self.total - self.actual))
        spread_CR = spread_CR * np.sqrt(self.predicted * (self.total - self.predicted))
        return ratio_or_zero(covariance_CR, spread_CR)

    @property
    def occurs(self) -> NDArray[np.bool_]:
        """Whether a class is among the targets or the predictions: those a macro average is over."""
        return (self.actual > 0) | (self.predicted > 0)


def count_classes(
    actual_M: NDArray[np.integer], predicted_M: NDArray[np.integer], n_classes: int, weights_MR: Weights
) -> ClassCounts:
    """Count by class from how often each pair of class and predicted class occurs."""
    right = actual_M == predicted_M
    actual_CR = _sums_by_class(actual_M, n_classes, weights_MR)
    return ClassCounts(
        correct=_sums_by_class(actual_M[right], n_classes, weights_MR[right]),
        actual=actual_CR,
        predicted=_sums_by_class(predicted_M, n_classes, weights_MR),
        total=actual_CR.sum(axis=0),
    )


def _sums_by_class(class_M: NDArray[np.integer], n_classes: int, weights_MR: Weights) -> Floats:
    sums_CR = np.zeros((n_classes, weights_MR.shape[1]))
    if len(class_M):
        order = np.argsort(class_M, kind="stable")
        present, starts = np.unique(class_M[order], return_index=True)
        sums_CR[present] = np.add.reduceat(weights_MR[order], starts, axis=0, dtype=np.int64)
    return sums_CR


def count_positives(
    actual_KN: NDArray[np.bool_],
    predicted_KN: NDArray[np.bool_],
    known_KN: NDArray[np.bool_],
    weights_NR: Weights,
) -> ClassCounts:
    """Count by label from which items carry it and for which it was predicted, of those where it is known."""
    chosen = np.concatenate([actual_KN & predicted_KN, actual_KN, predicted_KN & known_KN])
    correct_KR, actual_KR, predicted_KR = np.split(weighted_counts(chosen, weights_NR), 3)
    total_KR = known_totals(known_KN, weights_NR)
    return ClassCounts(correct=correct_KR, actual=actual_KR, predicted=predicted_KR, total=total_KR)


def class_metrics(counts: ClassCounts) -> dict[str, Floats]:
    """Accuracy, balanced accuracy, precision, recall, F1 and MCC of classification, each (R,).

    Two classes: precision, recall and F1 are those of class 1, undefined where no item is of class 1. More:
    macro averages over the classes among targets or predictions, as scikit-learn's.
    """
    several_R = (counts.actual > 0).sum(axis=0) > 1
    recall_R = mean_where(counts.recall, counts.actual > 0)
    return {
        "accuracy": ratio(counts.correct.sum(axis=0), counts.total),
        "balanced_accuracy": np.where(several_R, recall_R, np.nan),
        "precision": _headline(counts, counts.precision),
        "recall": _headline(counts, counts.recall),
        "f1": _headline(counts, counts.f1),
        "mcc": np.where(several_R, _multiclass_mcc(counts), np.nan),
    }


def _headline(counts: ClassCounts, values_CR: Floats) -> Floats:
    if len(values_CR) == 2:
        return np.where(counts.actual[1] > 0, values_CR[1], np.nan)
    return mean_where(values_CR, counts.occurs)


def _multiclass_mcc(counts: ClassCounts) -> Floats:
    """Matthews correlation of C classes (Gorodkin 2004), shape (R,); 0 where predictions are constant."""
    total_R = counts.total
    covariance_R = total_R * counts.correct.sum(axis=0) - (counts.actual * counts.predicted).sum(axis=0)
    spread_actual_R = total_R**2 - (counts.actual**2).sum(axis=0)
    spread_predicted_R = total_R**2 - (counts.predicted**2).sum(axis=0)
    return ratio_or_zero(covariance_R, np.sqrt(spread_actual_R) * np.sqrt(spread_predicted_R))


def label_metrics(counts: ClassCounts) -> dict[str, Floats]:
    """Balanced accuracy, precision, recall, F1 and MCC of K labels, each (R,).

    Precision, recall and F1 are macro averages over all labels, one without a positive item counting 0 as in
    scikit-learn, and micro averages over all items and labels; all undefined where no label has a positive.
    Balanced accuracy and MCC leave out constant labels. A label that is known of no item is in no average.
    """
    any_positive_R = (counts.actual > 0).any(axis=0)
    varies_KR = (counts.actual > 0) & (counts.actual < counts.total)
    pooled = ClassCounts(
        correct=counts.correct.sum(axis=0),
        actual=counts.actual.sum(axis=0),
        predicted=counts.predicted.sum(axis=0),
        total=counts.total.sum(axis=0),
    )
    is_known_KR = counts.total > 0
    averages = {
        "precision": mean_where(counts.precision, is_known_KR),
        "recall": mean_where(counts.recall, is_known_KR),
        "f1": mean_where(counts.f1, is_known_KR),
        "precision_micro": pooled.precision,
        "recall_micro": pooled.recall,
        "f1_micro": pooled.f1,
    }
    return {
        "balanced_accuracy": mean_where((counts.recall + counts.specificity) / 2, varies_KR),
        "mcc": mean_where(counts.mcc, varies_KR),
    } | {metric: np.where(any_positive_R, value, np.nan) for metric, value in averages.items()}
