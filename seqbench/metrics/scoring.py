"""One call that scores a split: every metric of its task, each with an interval."""

import numpy as np
from numpy.typing import NDArray

from seqbench.errors import ProbeError
from seqbench.metrics.classification import score_classification
from seqbench.metrics.labels import score_labels
from seqbench.metrics.regression import score_regression
from seqbench.metrics.scores import ClassScore, MetricScore
from seqbench.vocabulary import Task


def score(
    task: Task,
    targets: NDArray[np.generic],
    predictions: NDArray[np.floating],
    *,
    n_resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[list[MetricScore], list[ClassScore]]:
    """Score the predictions of a split.

    Shape letters: N items, C classes, K labels, T targets.

    Args:
        task: What the labels are.
        targets: Class indices (N,); labels (N, K) of 0 and 1; or values (N, T).
        predictions: Class probabilities (N, C), C = 2 for binary; label probabilities (N, K); values (N, T).
        n_resamples: Bootstrap resamples over items; 0 for no intervals. Fewer are drawn where items × columns
            to rank × resamples is over 500 million (see `bootstrap.affordable_resamples`).
        seed: Of the resamples; equal seeds give equal intervals.
        level: Coverage of the percentile interval, between 0 and 1.

    Returns:
        Scores of the whole split in the order of `METRICS`, and scores by class, label or target. What is
        undefined is None with a reason, never 0.

    Raises:
        ProbeError: There are no items, shapes don't agree, a class index is out of range, or a number is NaN
            or infinite.
    """
    _check(task, targets, predictions)
    scores = predictions.astype(np.float64)
    if task is Task.REGRESSION:
        values = targets.astype(np.float64)
        return score_regression(values, scores, n_resamples=n_resamples, seed=seed, level=level)
    score_indices = score_classification if task is Task.CLASSIFICATION else score_labels
    indices = targets.astype(np.int64)
    return score_indices(indices, scores, n_resamples=n_resamples, seed=seed, level=level)


def _check(task: Task, targets: NDArray[np.generic], predictions: NDArray[np.floating]) -> None:
    expected = predictions.shape[:1] if task is Task.CLASSIFICATION else predictions.shape
    if predictions.ndim != 2 or targets.shape != expected or 0 in predictions.shape:
        raise ProbeError(
            f"can't score {task}: targets of shape {targets.shape} don't go with predictions of shape "
            f"{predictions.shape} (see the shapes in the documentation of seqbench.metrics.score)"
        )
    if not np.isfinite(predictions).all():
        raise ProbeError(
            "predictions hold NaN or infinity: training diverged (a lower learning rate, or standardised "
            "embeddings, may help)"
        )
    if task is Task.CLASSIFICATION:
        _check_range(targets, predictions.shape[1] - 1, "class index")
    elif task is Task.LABELS:
        _check_range(targets, 1, "label")
    elif not np.isfinite(targets).all():
        raise ProbeError("targets hold NaN or infinity (check the data set with `seqbench datasets check`)")


def _check_range(targets: NDArray[np.generic], highest: int, what: str) -> None:
    wrong = ~np.isin(targets, np.arange(highest + 1))
    if wrong.any():
        raise ProbeError(f"{what} {targets[wrong][0]!r} is not among 0 to {highest}")
