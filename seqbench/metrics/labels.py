"""Scores of multi-label predictions.

Shape letters: R resamples, N items, K labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqbench.core.missing import known
from seqbench.core.types import Task
from seqbench.metrics.averages import Floats, mean_over, ratio
from seqbench.metrics.bootstrap import bootstrap
from seqbench.metrics.by_output import UNKNOWN, ranked_means, ranked_scores
from seqbench.metrics.calibration import Reliability, calibration_error, reliability
from seqbench.metrics.confusion import ClassCounts, count_positives, label_metrics
from seqbench.metrics.names import METRICS
from seqbench.metrics.ranking import Ranking, rank
from seqbench.metrics.resamples import Resampling
from seqbench.metrics.results import Scores, Support, defined, metric_scores, outputs
from seqbench.metrics.scores import ClassScore
from seqbench.metrics.weighting import Weights, known_totals, totals, weighted_counts, weighted_sums

THRESHOLD = 0.5
"""A label is predicted where its probability is above this; a threshold that is given counts itself."""


def score_labels(
    targets_NK: NDArray[np.int64],
    predictions: Sequence[Floats],
    thresholds: Sequence[Sequence[float] | None],
    resampling: Resampling,
) -> list[Scores]:
    """Score label probabilities (N, K) of each layer; accuracy is that of all labels of an item at once.

    A label that is not known of an item (see `core.missing`) counts in nothing: each label is scored on the
    items where it is known, and the accuracy is that of an item's known labels.
    """
    truth = LabelTruth.of(targets_NK)
    splits = [_sort(truth, *given) for given in zip(predictions, thresholds, strict=True)]
    weights = resampling.drawn(*targets_NK.shape)
    found = bootstrap([split.by_items for split in splits], weights, level=resampling.level)
    reasons = _reasons(truth)
    return [
        (
            metric_scores(METRICS[Task.LABELS], intervals, reasons, resampling, split.support(resampling)),
            split.label_scores(),
        )
        for split, intervals in zip(splits, found, strict=True)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelTruth:
    """Which labels items carry, and of which that is known."""

    actual: NDArray[np.bool_]
    """(K, N); false where it is not known."""
    known: NDArray[np.bool_]
    """(K, N)."""

    @classmethod
    def of(cls, targets_NK: NDArray[np.int64]) -> "LabelTruth":
        """From labels of 0, 1 and `MISSING`."""
        return cls(
            actual=np.ascontiguousarray(targets_NK.T == 1), known=np.ascontiguousarray(known(targets_NK).T)
        )

    def is_exact(self, predicted_KN: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which items have all their known labels right, (N,)."""
        right_KN: NDArray[np.bool_] = self.actual == predicted_KN
        return np.asarray((right_KN | ~self.known).all(axis=0), dtype=np.bool_)

    def reliabilities(self, probabilities_KN: Floats) -> list[Reliability]:
        """Of each label's probability."""
        rows = zip(probabilities_KN, self.actual, self.known, strict=True)
        return [reliability(*row) for row in rows]

    def rankings(self, probabilities_KN: Floats) -> list[Ranking]:
        """Of each label."""
        return [rank(*row) for row in zip(probabilities_KN, self.actual, self.known, strict=True)]

    def brier(self, squared_KN: Floats, weights_NR: Weights) -> Floats:
        """Mean over labels of the mean squared error of each one's probability, (R,)."""
        if self.known.all():
            sums_1R = weighted_sums(squared_KN.mean(axis=0, keepdims=True), weights_NR)
            return np.asarray(sums_1R[0] / totals(weights_NR))
        errors_KR = weighted_sums(np.where(self.known, squared_KN, 0.0), weights_NR)
        return mean_over(ratio(errors_KR, known_totals(self.known, weights_NR)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Split:
    """Predictions of a split, sorted once for all resamples."""

    truth: LabelTruth
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
        exact_N = self.truth.is_exact(self.predicted)
        errors_KR = [calibration_error(label, weights_NR) for label in self.reliabilities]
        return {
            "accuracy": weighted_counts(exact_N[None], weights_NR)[0] / totals(weights_NR),
            **label_metrics(self._counts(weights_NR)),
            **ranked_means(self.rankings, weights_NR),
            "brier": self.truth.brier(self.squared, weights_NR),
            "ece": mean_over(np.stack(errors_KR)),
        }

    def support(self, resampling: Resampling) -> Support:
        """All items; the accuracy is the share of those with all labels right."""
        if resampling.clusters_S is not None:
            return Support(n_items=len(resampling.clusters_S))
        exact_N = self.truth.is_exact(self.predicted)
        return Support(n_items=len(exact_N), shares={"accuracy": (int(exact_N.sum()), len(exact_N))})

    def label_scores(self) -> list[ClassScore]:
        """The scores by label."""
        n_items = self.truth.actual.shape[1]
        counts = self._counts(np.ones((n_items, 1), dtype=np.uint8))
        scores = ranked_scores(
            counts,
            self.rankings,
            n_items,
            absent="no item of the split carries this label",
            everywhere="all items of the split carry this label",
        )
        brier_K = mean_over(np.where(self.truth.known, self.squared, np.nan).T)
        errors: dict[str, Sequence[float]] = {
            "brier": brier_K.tolist(),
            "ece": [entry.error for entry in self.reliabilities],
        }
        return scores + [
            ClassScore(
                label=label,
                metric=metric,
                value=defined(value),
                support=int(support),
                reason=UNKNOWN if np.isnan(value) else None,
            )
            for label, support in enumerate(counts.actual[:, 0])
            for metric, values in errors.items()
            for value in [values[label]]
        ]

    def _counts(self, weights_NR: Weights) -> ClassCounts:
        return count_positives(self.truth.actual, self.predicted, self.truth.known, weights_NR)


def predicted_labels(probabilities_KN: Floats, thresholds: Sequence[float] | None) -> NDArray[np.bool_]:
    """Whether each label is predicted, (K, N)."""
    if thresholds is None:
        return probabilities_KN > THRESHOLD
    return probabilities_KN >= np.array(thresholds)[:, None]


def _sort(truth: LabelTruth, probabilities_NK: Floats, thresholds: Sequence[float] | None) -> _Split:
    probabilities_KN = np.ascontiguousarray(probabilities_NK.T)
    return _Split(
        truth=truth,
        predicted=predicted_labels(probabilities_KN, thresholds),
        rankings=truth.rankings(probabilities_KN),
        reliabilities=truth.reliabilities(probabilities_KN),
        squared=(probabilities_KN - truth.actual) ** 2,
    )


def _reasons(truth: LabelTruth) -> dict[str, str]:
    reasons = {}
    actual_K, known_K = truth.actual.sum(axis=1), truth.known.sum(axis=1)
    absent_K, constant_K = (actual_K == 0) & (known_K > 0), (actual_K == 0) | (actual_K == known_K)
    if constant_K.any():
        left_out = f"average without {outputs('label', constant_K)}: constant in the split"
        if constant_K.all():
            left_out = "every label is constant in the split"
        reasons = dict.fromkeys(("balanced_accuracy", "roc_auc", "auprc", "mcc"), left_out)
    if absent_K.any():
        zero = f"{outputs('label', absent_K)} without a positive item in the split counted as 0"
        reasons |= dict.fromkeys(("precision", "recall", "f1"), zero)
    if not actual_K.any():
        none = "no label has a positive item in the split"
        micro = ("precision_micro", "recall_micro", "f1_micro")
        reasons |= dict.fromkeys(("precision", "recall", "f1", *micro), none)
    return reasons
