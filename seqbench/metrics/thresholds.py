"""The cut of a probability that makes the best of a metric: chosen on eval, used on test.

Shape letters: N items, K labels.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from seqbench.core.missing import known
from seqbench.core.types import Task
from seqbench.metrics.averages import Floats
from seqbench.metrics.confusion import ClassCounts
from seqbench.metrics.scoring import as_scored, check_scorable

DEFAULT = 0.5
"""The threshold of who has nothing to choose by."""

_EQUAL = 1e-12
"""Scores that differ by less are equal; more than rounding, less than one item makes of any split."""


def choose_thresholds(
    task: Task,
    targets: NDArray[np.generic],
    predictions: NDArray[np.floating],
    metric: Literal["f1", "mcc", "balanced_accuracy"],
) -> tuple[float, ...] | None:
    """Choose from where on a probability counts as yes, by each label's own metric.

    Every cut between two neighbouring distinct probabilities is tried, so the choice is exact; the threshold
    lies midway between the two. Of cuts that do equally well the one nearest to 0.5 is taken, of two such the
    lower.

    Args:
        task: What the labels are.
        targets: Of eval, as of `score`.
        predictions: Of eval, as of `score`.
        metric: What to make the best of, of class 1 or of each label.

    Returns:
        For `score`: one threshold for two classes, one a label, chosen on the items where it is known; 0.5
        for a label without both values or with all probabilities equal. None for several classes and for
        regression, which have no threshold.

    Raises:
        ProbeError: See `score`.
    """
    check_scorable(task, targets, predictions)
    if task is Task.REGRESSION or (task is Task.CLASSIFICATION and predictions.shape[1] != 2):
        return None
    scores_NK = predictions.astype(np.float64)
    targets_NK = as_scored(task, targets)
    if task is Task.CLASSIFICATION:
        scores_NK, targets_NK = scores_NK[:, 1:], targets_NK[:, None]
    known_NK = known(targets_NK)
    if known_NK.all():
        return tuple(_best_cuts(scores_NK, targets_NK, metric).tolist())
    labels = zip(scores_NK.T, targets_NK.T, known_NK.T, strict=True)
    return tuple(
        float(_best_cuts(scores_N[known_N, None], targets_N[known_N, None], metric)[0])
        if known_N.any()
        else DEFAULT
        for scores_N, targets_N, known_N in labels
    )


def _best_cuts(scores_NK: Floats, targets_NK: NDArray[np.int64], metric: str) -> Floats:
    # One row a cut: below it lie so many items as its index says, counting from 1.
    order_NK = np.argsort(scores_NK, axis=0, kind="stable")
    sorted_NK = np.take_along_axis(scores_NK, order_NK, axis=0)
    missed_NK = np.cumsum(np.take_along_axis(targets_NK, order_NK, axis=0), axis=0)
    n_items, positives_K = len(scores_NK), missed_NK[-1]
    below, above = sorted_NK[:-1], sorted_NK[1:]
    counts = ClassCounts(
        correct=(positives_K - missed_NK[:-1]).astype(np.float64),
        actual=np.broadcast_to(positives_K, below.shape).astype(np.float64),
        predicted=np.arange(n_items - 1, 0, -1, dtype=np.float64)[:, None] + np.zeros_like(below),
        total=np.full(below.shape, float(n_items)),
    )
    reached = np.where(below < above, _reached(counts, metric), -np.inf)
    middle = below + (above - below) / 2
    # Between neighbouring floats there is no middle: it must not fall on the lower one, which would be a yes.
    cuts = np.where(middle > below, middle, above)
    distance = np.where(reached >= reached.max(axis=0, initial=-np.inf) - _EQUAL, abs(cuts - DEFAULT), np.inf)
    chosen_K = np.full(scores_NK.shape[1], DEFAULT)
    choosable = (positives_K > 0) & (positives_K < n_items) & (below < above).any(axis=0)
    labels = np.flatnonzero(choosable)
    if len(labels):
        chosen_K[labels] = cuts[distance[:, labels].argmin(axis=0), labels]
    return chosen_K


def _reached(counts: ClassCounts, metric: str) -> Floats:
    if metric == "f1":
        return counts.f1
    if metric == "mcc":
        return counts.mcc
    return (counts.recall + counts.specificity) / 2
