"""Scores of multi-label predictions.

Shape letters: R resamples, N items, K labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqbench.core.types import Task
from seqbench.metrics.averages import Floats
from seqbench.metrics.bootstrap import bootstrap
from seqbench.metrics.by_output import ranked_means, ranked_scores
from seqbench.metrics.calibration import Reliability, calibration_error, reliability
from seqbench.metrics.confusion import ClassCounts, count_positives, label_metrics
from seqbench.metrics.names import METRICS
from seqbench.metrics.ranking import Ranking, rank
from seqbench.metrics.resamples import Resampling, affordable_resamples, item_resamples
from seqbench.metrics.results import Scores, Support, metric_scores, outputs
from seqbench.metrics.scores import ClassScore
from seqbench.metrics.weighting import Weights, weighted_counts, weighted_sums

THRESHOLD = 0.5
"""A label is predicted where its probability is above this; a threshold that is given counts itself."""


def score_labels(
    targets_NK: NDArray[np.int64],
    predictions: Sequence[Floats],
    thresholds: Sequence[Sequence[float] | None],
    resampling: Resampling,
) -> list[Scores]:
    """Score label probabilities (N, K) of each layer; accuracy is that of all labels of an item at once."""
    actual_KN = np.ascontiguousarray(targets_NK.T == 1)
    splits = [_sort(actual_KN, *given) for given in zip(predictions, thresholds, strict=True)]
    n_items, n_labels = targets_NK.shape
    n_drawn = affordable_resamples(resampling.n_resamples, n_items, n_labels)
    weights = item_resamples(n_items, n_drawn, resampling.seed)
    found = bootstrap([split.by_items for split in splits], weights, level=resampling.level)
    reasons = _reasons(actual_KN.sum(axis=1), n_items)
    return [
        (
            metric_scores(METRICS[Task.LABELS], intervals, reasons, resampling, split.support()),
            split.label_scores(),
        )
        for split, intervals in zip(splits, found, strict=True)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Split:
    """Predictions of a split, sorted once for all resamples."""

    actual: NDArray[np.bool_]
    """(K, N)."""
    predicted: NDArray[np.bool_]
    """(K, N)."""
    rankings: list[Ranking]
    """By label."""
    reliabilities: list[Reliability]
    """By label, of its probability."""
    squared: Floats
    """(K, N) squared error of the probability: what an item adds to a label's Brier score."""

    def by_items(self, weights_NR: Weights) -> dict[str, Floats]:
        """Every metric."""
        exact_1N = (self.actual == self.predicted).all(axis=0, keepdims=True)
        brier_1N = self.squared.mean(axis=0, keepdims=True)
        errors_KR = [calibration_error(label, weights_NR) for label in self.reliabilities]
        return {
            "accuracy": weighted_counts(exact_1N, weights_NR)[0] / len(weights_NR),
            **label_metrics(self._counts(weights_NR)),
            **ranked_means(self.rankings, weights_NR),
            "brier": weighted_sums(brier_1N, weights_NR)[0] / len(weights_NR),
            "ece": np.mean(errors_KR, axis=0),
        }

    def support(self) -> Support:
        """All items; the accuracy is the share of those with all labels right."""
        exact_N = (self.actual == self.predicted).all(axis=0)
        return Support(n_items=len(exact_N), shares={"accuracy": (int(exact_N.sum()), len(exact_N))})

    def label_scores(self) -> list[ClassScore]:
        """The scores by label."""
        counts = self._counts(np.ones((self.actual.shape[1], 1), dtype=np.uint8))
        scores = ranked_scores(
            counts,
            self.rankings,
            absent="no item of the split carries this label",
            everywhere="all items of the split carry this label",
        )
        errors = {"brier": self.squared.mean(axis=1), "ece": [entry.error for entry in self.reliabilities]}
        return scores + [
            ClassScore(label=label, metric=metric, value=float(value), support=int(support), reason=None)
            for label, support in enumerate(counts.actual[:, 0])
            for metric, values in errors.items()
            for value in [values[label]]
        ]

    def _counts(self, weights_NR: Weights) -> ClassCounts:
        return count_positives(self.actual, self.predicted, weights_NR)


def predicted_labels(probabilities_KN: Floats, thresholds: Sequence[float] | None) -> NDArray[np.bool_]:
    """Whether each label is predicted, (K, N)."""
    if thresholds is None:
        return probabilities_KN > THRESHOLD
    return probabilities_KN >= np.array(thresholds)[:, None]


def _sort(
    actual_KN: NDArray[np.bool_], probabilities_NK: Floats, thresholds: Sequence[float] | None
) -> _Split:
    probabilities_KN = np.ascontiguousarray(probabilities_NK.T)
    labels = list(zip(probabilities_KN, actual_KN, strict=True))
    return _Split(
        actual=actual_KN,
        predicted=predicted_labels(probabilities_KN, thresholds),
        rankings=[rank(scores_N, positive_N) for scores_N, positive_N in labels],
        reliabilities=[reliability(scores_N, positive_N) for scores_N, positive_N in labels],
        squared=(probabilities_KN - actual_KN) ** 2,
    )


def _reasons(actual_K: NDArray[np.integer], n_items: int) -> dict[str, str]:
    reasons = {}
    absent_K, constant_K = actual_K == 0, (actual_K == 0) | (actual_K == n_items)
    if constant_K.any():
        left_out = f"average without {outputs('label', constant_K)}: constant in the split"
        if constant_K.all():
            left_out = "every label is constant in the split"
        reasons = dict.fromkeys(("balanced_accuracy", "roc_auc", "auprc", "mcc"), left_out)
    if absent_K.any():
        zero = f"{outputs('label', absent_K)} without a positive item in the split counted as 0"
        reasons |= dict.fromkeys(("precision", "recall", "f1"), zero)
    if absent_K.all():
        none = "no label has a positive item in the split"
        micro = ("precision_micro", "recall_micro", "f1_micro")
        reasons |= dict.fromkeys(("precision", "recall", "f1", *micro), none)
    return reasons
