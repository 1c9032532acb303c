"""One call that scores a split: every metric of its task, each with an interval.

Shape letters: L layers, N items, C classes, K labels or classes, T targets.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.core.missing import MISSING, known, labelled
from seqbench.core.types import Task
from seqbench.errors import ProbeError
from seqbench.metrics.classification import score_classification
from seqbench.metrics.labels import score_labels
from seqbench.metrics.regression import score_regression
from seqbench.metrics.resamples import Resampling
from seqbench.metrics.responses import score_responses
from seqbench.metrics.scores import ClassScore, MetricScore

TOGETHER_CELLS = 1 << 21
"""Items × outputs of the layers that are scored together: some 100 MB of what is sorted for them."""


def score(
    task: Task,
    targets: NDArray[np.generic],
    predictions: NDArray[np.floating],
    *,
    thresholds: Sequence[float] | None = None,
    n_resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    clusters_S: NDArray[np.integer] | None = None,
) -> tuple[list[MetricScore], list[ClassScore]]:
    """Score the predictions of a split.

    Args:
        task: What the labels are.
        targets: Class indices (N,); labels (N, K) of 0 and 1; or values (N, T). A label that is not known is
            -1 or NaN, a value NaN: it counts in nothing. An item needs at least one that is known.
        predictions: Class probabilities (N, C), C = 2 for binary; label probabilities (N, K); values (N, T).
        thresholds: From where on a probability counts as yes, itself included: one for two classes, of the
            probability of class 1; one a label. None takes the most probable class, the first of equals, and
            labels of a probability above 0.5.
        n_resamples: Bootstrap resamples over items; 0 for no intervals. Fewer are drawn where items × columns
            to rank × resamples is over 500 million (see `resamples.affordable_resamples`).
        seed: Of the resamples; equal seeds give equal intervals.
        level: Coverage of the percentile interval, between 0 and 1.
        clusters_S: Items of each cluster, at least one, where items in a row are drawn together, as the
            letters of a sequence; None: each by itself.

    Returns:
        Scores of the whole split in the order of `METRICS`, and scores by class, label or target. What is
        undefined is None with a reason, never 0.

    Raises:
        ProbeError: There are no items, shapes don't agree, a class index is out of range, a number is NaN or
            infinite, or thresholds don't fit the task.
    """
    return score_many(
        task,
        targets,
        [predictions],
        thresholds=[thresholds],
        n_resamples=n_resamples,
        seed=seed,
        level=level,
        clusters_S=clusters_S,
    )[0]


def score_many(
    task: Task,
    targets: NDArray[np.generic],
    predictions_LNK: NDArray[np.floating] | Sequence[NDArray[np.floating]],
    *,
    thresholds: Sequence[Sequence[float] | None] | None = None,
    n_resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    clusters_S: NDArray[np.integer] | None = None,
) -> list[tuple[list[MetricScore], list[ClassScore]]]:
    """Score several predictions of one split, for example those of all layers: what `score` gives for each.

    Resamples of a large split are drawn once for several layers rather than for each.

    Args:
        task: What the labels are.
        targets: As of `score`.
        predictions_LNK: As of `score`, of each layer.
        thresholds: As of `score`, of each layer; None for none at all.
        n_resamples: As of `score`.
        seed: As of `score`.
        level: As of `score`.
        clusters_S: As of `score`.

    Returns:
        The scores of each layer.

    Raises:
        ProbeError: As of `score`, for any layer.
    """
    thresholds = [None] * len(predictions_LNK) if thresholds is None else thresholds
    for predictions, given in zip(predictions_LNK, thresholds, strict=True):
        check_scorable(task, targets, predictions)
        check_thresholds(task, predictions.shape[1], given)
    truth = as_scored(task, targets)
    check_clusters(clusters_S, len(targets))
    resampling = Resampling(n_resamples=n_resamples, seed=seed, level=level, clusters_S=clusters_S)
    together = max(1, TOGETHER_CELLS // predictions_LNK[0].size) if len(predictions_LNK) else 1
    results = []
    for start in range(0, len(predictions_LNK), together):
        layers = slice(start, start + together)
        scores_LNK = [predictions.astype(np.float64) for predictions in predictions_LNK[layers]]
        if task is Task.PERTURBATION:
            results += score_responses(scores_LNK, resampling)
        elif task is Task.REGRESSION:
            results += score_regression(truth, scores_LNK, resampling)
        else:
            score_indices = score_classification if task is Task.CLASSIFICATION else score_labels
            results += score_indices(truth, scores_LNK, thresholds[layers], resampling)
    return results


def as_scored(task: Task, targets: NDArray[np.generic]) -> NDArray[Any]:
    """Targets that `check_scorable` has seen, as metrics take them: float64 values, else int64."""
    if task in (Task.REGRESSION, Task.PERTURBATION):
        return targets.astype(np.float64)
    if task is Task.LABELS:
        return np.where(known(targets), targets, MISSING).astype(np.int64)
    return targets.astype(np.int64)


def check_clusters(clusters_S: NDArray[np.integer] | None, n_items: int) -> None:
    """Refuse clusters that are not of these items.

    Raises:
        ProbeError: They hold another number of items, or one holds none.
    """
    if clusters_S is not None and (int(clusters_S.sum()) != n_items or not (clusters_S > 0).all()):
        raise ProbeError(
            f"clusters of {int(clusters_S.sum())} items, one at least, don't go with {n_items} items"
        )


def check_scorable(task: Task, targets: NDArray[np.generic], predictions: NDArray[np.floating]) -> None:
    """Refuse what no metric can be computed of.

    Raises:
        ProbeError: See `score`.
    """
    expected = predictions.shape[:1] if task is Task.CLASSIFICATION else predictions.shape
    if predictions.ndim != 2 or targets.shape != expected or 0 in predictions.shape:
        raise ProbeError(
            f"can't score {task}: targets of shape {targets.shape} don't go with predictions of shape "
            f"{predictions.shape} (see the shapes in the documentation of seqbench.metrics.score)"
        )
    if task is Task.PERTURBATION:
        return  # a metric may be undefined for a perturbation
    if not np.isfinite(predictions).all():
        raise ProbeError(
            "predictions hold NaN or infinity: training diverged (a lower learning rate, or standardised "
            "embeddings, may help)"
        )
    if task is Task.CLASSIFICATION:
        _check_range(targets, predictions.shape[1] - 1, "class index")
    elif not labelled(targets).all():
        item = int(np.argmin(labelled(targets)))
        raise ProbeError(f"item {item} (counted from 0) has no label at all: leave it out of what is scored")
    elif task is Task.LABELS:
        _check_range(targets[known(targets)], 1, "label")
    elif np.isinf(targets).any():
        raise ProbeError("targets hold infinity (check the data set with `seqbench datasets check`)")


def _check_range(targets: NDArray[np.generic], highest: int, what: str) -> None:
    numbers = targets.astype(np.float64)
    wrong = ~((numbers >= 0) & (numbers <= highest) & (numbers == np.floor(numbers)))
    if wrong.any():
        raise ProbeError(f"{what} {targets[wrong][0]!r} is not among 0 to {highest}")


def check_thresholds(task: Task, n_outputs: int, thresholds: Sequence[float] | None) -> None:
    """Refuse thresholds that don't fit the task.

    Raises:
        ProbeError: See `score`.
    """
    if thresholds is None:
        return
    takes = {Task.LABELS: n_outputs, Task.CLASSIFICATION: 1 if n_outputs == 2 else 0}.get(task, 0)
    if takes == 0 or len(thresholds) != takes or not np.isfinite(thresholds).all():
        raise ProbeError(
            f"thresholds {tuple(thresholds)} don't go with {task} of {n_outputs} outputs: give one for two "
            "classes, one for each label, and none elsewhere"
        )
