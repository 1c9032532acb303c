"""Metrics of labels of letters: all of a task over all letters, means over sequences, and segments.

Letters of one sequence are no independent evidence: intervals and tests draw whole sequences.

Shape letters: M letters that have a label and a prediction, sequence by sequence, S sequences that have any,
R resamples, K outputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from seqbench.core.missing import known
from seqbench.core.types import Task
from seqbench.errors import ProbeError
from seqbench.metrics.averages import Floats, mean_defined, ratio
from seqbench.metrics.bootstrap import bootstrap
from seqbench.metrics.classification import predicted_classes
from seqbench.metrics.labels import LabelTruth, predicted_labels
from seqbench.metrics.names import LETTER_METRICS
from seqbench.metrics.on_items import OnItems
from seqbench.metrics.resamples import Resampling, item_resamples
from seqbench.metrics.results import Scores, Support, defined, metric_scores
from seqbench.metrics.scores import ClassScore, MetricScore
from seqbench.metrics.scoring import as_scored, score_many
from seqbench.metrics.segments import Matches, matches
from seqbench.metrics.weighting import Weights, weighted_counts, weighted_sums

SEGMENT_TOLERANCE = 2
"""Letters by which each end of a predicted segment may lie off."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LetterPlaces:
    """Where letters stand: of which sequence of a split, and where in it."""

    sequence_M: NDArray[np.integer]
    """Number of the sequence, ascending."""
    place_M: NDArray[np.integer]
    """Place in it from 0, ascending within a sequence."""

    def __len__(self) -> int:
        return len(self.sequence_M)

    @cached_property
    def clusters_S(self) -> NDArray[np.int64]:
        """Letters of each sequence that has any."""
        starts = np.flatnonzero(np.append(True, self.sequence_M[1:] != self.sequence_M[:-1]))
        return np.diff(np.append(starts, len(self))).astype(np.int64)

    @cached_property
    def begins_M(self) -> NDArray[np.bool_]:
        """Whether a letter does not follow on the one before it: in a sequence, nothing left out between."""
        follows = (np.diff(self.sequence_M) == 0) & (np.diff(self.place_M) == 1)
        return np.append(True, ~follows)

    def take(self, chosen_M: NDArray[np.bool_] | NDArray[np.int64]) -> "LetterPlaces":
        """Those of some letters, by mask or by ascending number."""
        return LetterPlaces(sequence_M=self.sequence_M[chosen_M], place_M=self.place_M[chosen_M])


def score_letters(
    task: Task,
    targets: NDArray[np.generic],
    predictions: Sequence[NDArray[np.floating]],
    places: LetterPlaces,
    *,
    thresholds: Sequence[Sequence[float] | None] | None = None,
    n_resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    tolerance: int = SEGMENT_TOLERANCE,
) -> list[Scores]:
    """Score several predictions of the letters of one split, for example those of all layers.

    Over all letters there are the metrics of the task (of `metrics.score`); beside them

    - `accuracy_per_sequence`: the mean over sequences of the share of their letters that is right;
    - `segment_f1` of classification: a segment is a run of letters of one class, cut where a letter has no
      label; a predicted one is right where a segment of the same class begins and ends within `tolerance`
      letters of it, each counted once. F1 is over the segments of all classes, of two classes those of
      class 1;
    - `rmse_per_sequence`, `pearsonr_per_sequence`: means over sequences of the root mean squared error (over
      letters and targets) and of the correlation averaged over targets, where it is defined.

    Intervals are of resampled sequences, each with all of its letters.

    Args:
        task: Classification, labels or regression.
        targets: (M,) class indices, (M, K) labels or values; as of `metrics.score`.
        predictions: As of `metrics.score`, each of all letters.
        places: Where the letters stand.
        thresholds: As of `metrics.score_many`.
        n_resamples: As of `metrics.score`.
        seed: As of `metrics.score`.
        level: As of `metrics.score`.
        tolerance: Letters by which an end of a segment may lie off.

    Returns:
        For each of `predictions` scores as of `metrics.score`, and behind them those that letters have.

    Raises:
        ProbeError: As of `metrics.score`, or letters and places are not equally many.
    """
    if len(places) != len(targets):
        raise ProbeError(f"{len(targets)} letters don't go with {len(places)} places")
    clusters_S = places.clusters_S
    resampling = Resampling(n_resamples=n_resamples, seed=seed, level=level, clusters_S=clusters_S)
    whole = score_many(
        task,
        targets,
        predictions,
        thresholds=thresholds,
        n_resamples=n_resamples,
        seed=seed,
        level=level,
        clusters_S=clusters_S,
    )
    truth = as_scored(task, targets)
    cuts = [None] * len(predictions) if thresholds is None else thresholds
    found = []
    for (scores, by_class), given, own in zip(whole, predictions, cuts, strict=True):
        terms = _Terms.of(task, truth, given.astype(np.float64), own, places, tolerance)
        found.append(
            ([*scores, *terms.scores(task, resampling, len(clusters_S))], [*by_class, *terms.by_class()])
        )
    return found


def of_letters(
    metric: str,
    task: Task,
    targets: NDArray[np.generic],
    predictions: Floats,
    thresholds: Sequence[float] | None,
    places: LetterPlaces,
) -> OnItems:
    """A metric of `LETTER_METRICS` as a function of how often each sequence counts, (S, R) to (R,)."""
    terms = _Terms.of(task, targets, predictions, thresholds, places, SEGMENT_TOLERANCE)
    return lambda weights_SR: terms.evaluate(weights_SR)[metric]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Terms:
    """What each sequence adds to the metrics, prepared once for all resamples."""

    means: dict[str, Floats]
    """(S,) a metric that is a mean over sequences; NaN where a sequence has none."""
    segments: Matches | None
    """Of classification."""

    @classmethod
    def of(
        cls,
        task: Task,
        targets: NDArray[np.generic],
        predictions: Floats,
        thresholds: Sequence[float] | None,
        places: LetterPlaces,
        tolerance: int,
    ) -> "_Terms":
        if task is Task.REGRESSION:
            return cls(means=_of_values(targets.astype(np.float64), predictions, places), segments=None)
        if task is Task.LABELS:
            truth = LabelTruth.of(targets.astype(np.int64))
            right_M = truth.is_exact(predicted_labels(np.ascontiguousarray(predictions.T), thresholds))
            return cls(means={"accuracy_per_sequence": _shares(right_M, places)}, segments=None)
        classes_M, predicted_M = targets.astype(np.int64), predicted_classes(predictions, thresholds)
        segments = matches(
            classes_M,
            predicted_M,
            places.begins_M,
            places.clusters_S,
            n_classes=predictions.shape[1],
            tolerance=tolerance,
        )
        means = {"accuracy_per_sequence": _shares(classes_M == predicted_M, places)}
        return cls(means=means, segments=segments)

    def evaluate(self, weights_SR: Weights) -> dict[str, Floats]:
        """Every metric, (R,)."""
        found = {}
        for metric, terms_S in self.means.items():
            has_S = ~np.isnan(terms_S)
            sums_1R = weighted_sums(np.where(has_S, terms_S, 0.0)[None], weights_SR)
            found[metric] = ratio(sums_1R[0], weighted_counts(has_S[None], weights_SR)[0])
        if self.segments is not None:
            sums_3R = weighted_sums(self.segments.counted_3S, weights_SR)
            found["segment_f1"] = ratio(2 * sums_3R[0], sums_3R[1] + sums_3R[2])
        return found

    def scores(self, task: Task, resampling: Resampling, n_sequences: int) -> list[MetricScore]:
        """Every metric with its interval."""
        chunks = item_resamples(n_sequences, resampling.n_resamples, resampling.seed)
        intervals = bootstrap([self.evaluate], chunks, level=resampling.level)[0]
        return metric_scores(LETTER_METRICS[task], intervals, {}, resampling, Support(n_items=n_sequences))

    def by_class(self) -> list[ClassScore]:
        """F1 of the segments of each class."""
        if self.segments is None:
            return []
        right_C, true_C, predicted_C = self.segments.by_class_3C
        values_C = ratio(2 * right_C, true_C + predicted_C)
        return [
            ClassScore(
                label=label,
                metric="segment_f1",
                value=defined(float(value)),
                support=int(true_C[label]),
                reason="no segment of this class, and none predicted" if np.isnan(value) else None,
            )
            for label, value in enumerate(values_C)
        ]


def _starts(places: LetterPlaces) -> NDArray[np.int64]:
    return np.asarray(np.cumsum(places.clusters_S) - places.clusters_S, dtype=np.int64)


def _shares(right_M: NDArray[np.bool_], places: LetterPlaces) -> Floats:
    """Of each sequence the share of letters that is right, (S,)."""
    return np.add.reduceat(right_M.astype(np.float64), _starts(places)) / places.clusters_S


def _of_values(targets_MK: Floats, predicted_MK: Floats, places: LetterPlaces) -> dict[str, Floats]:
    """Of each sequence its root mean squared error, and its correlation averaged over targets, (S,)."""
    sums = _Sums(known(targets_MK), places)
    squared_SK = sums((predicted_MK - targets_MK) ** 2)
    own_MK = sums.centred(targets_MK), sums.centred(predicted_MK)
    spread_SK = np.sqrt(sums(own_MK[0] ** 2)) * np.sqrt(sums(own_MK[1] ** 2))
    correlation_SK = ratio(sums(own_MK[0] * own_MK[1]), spread_SK)
    return {
        "rmse_per_sequence": np.sqrt(ratio(squared_SK.sum(axis=1), sums.counts_SK.sum(axis=1))),
        "pearsonr_per_sequence": mean_defined(correlation_SK.T),
    }


class _Sums:
    """Sums over the letters of each sequence of which the target is known, by target."""

    def __init__(self, known_MK: NDArray[np.bool_], places: LetterPlaces) -> None:
        self._known_MK, self._clusters_S, self._starts = known_MK, places.clusters_S, _starts(places)
        self.counts_SK: Floats = self(np.ones(known_MK.shape))

    def __call__(self, values_MK: Floats) -> Floats:
        """Shape (S, K)."""
        return np.add.reduceat(np.where(self._known_MK, values_MK, 0.0), self._starts, axis=0)

    def centred(self, values_MK: Floats) -> Floats:
        """Values less the mean of their sequence; exactly 0 where all of a sequence are equal."""
        highest_SK = np.maximum.reduceat(np.where(self._known_MK, values_MK, -np.inf), self._starts, axis=0)
        lowest_SK = np.minimum.reduceat(np.where(self._known_MK, values_MK, np.inf), self._starts, axis=0)
        mean_SK = self(values_MK) / np.maximum(self.counts_SK, 1)
        constant_MK = np.repeat(highest_SK == lowest_SK, self._clusters_S, axis=0)
        return np.where(constant_MK, 0.0, values_MK - np.repeat(mean_SK, self._clusters_S, axis=0))
