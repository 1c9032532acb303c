"""A metric on the data and on resamples of its items, the same resamples for every set of predictions.

Shape letters: L sets of predictions, R resamples, N items, K outputs.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.core.types import Task
from seqbench.metrics.averages import Floats
from seqbench.metrics.letters import LetterPlaces, of_letters
from seqbench.metrics.names import LETTER_METRICS, METRICS
from seqbench.metrics.on_items import RANKED, OnItems, of_classes, of_labels, of_values
from seqbench.metrics.resamples import Resampling, item_resamples
from seqbench.metrics.responses import of_responses
from seqbench.metrics.scoring import (
    TOGETHER_CELLS,
    as_scored,
    check_clusters,
    check_scorable,
    check_thresholds,
)
from seqbench.metrics.weighting import Weights


def replicates(
    task: Task,
    targets: NDArray[np.generic],
    predictions: Sequence[NDArray[np.floating]],
    metric: str,
    *,
    thresholds: Sequence[Sequence[float] | None] | None = None,
    n_resamples: int = 1000,
    seed: int = 0,
    places: LetterPlaces | None = None,
) -> Floats:
    """Compute a metric of each set of predictions on the split and on resamples of its items.

    Column r of every row comes from the same items, so that differences between rows are paired. Equal
    numbers of items and equal seeds draw the same items in every call; the first columns of many resamples
    are those of few.

    Args:
        task: What the labels are.
        targets: As of `score`.
        predictions: Each as of `score`.
        metric: One of the task's.
        thresholds: As of `score`, for each set of predictions.
        n_resamples: Resamples wanted; fewer are drawn of huge splits (see `resamples.affordable_resamples`).
        seed: Of the resamples.
        places: Of labels of letters where these stand, so that whole sequences are drawn; else None.

    Returns:
        Shape (L, R + 1), float64; column 0 is the value on the split itself. NaN where undefined.

    Raises:
        ProbeError: As of `score`.
        ValueError: The task has no such metric.
    """
    of_letters_alone = LETTER_METRICS.get(task, ()) if places is not None else ()
    if metric not in (*METRICS[task], *of_letters_alone):
        raise ValueError(f"{task} has no metric {metric!r}; it has {', '.join(METRICS[task])}")
    thresholds = [None] * len(predictions) if thresholds is None else thresholds
    for given, cuts in zip(predictions, thresholds, strict=True):
        check_scorable(task, targets, given)
        check_thresholds(task, given.shape[1], cuts)
    if not predictions:
        return np.empty((0, n_resamples + 1))
    n_items, n_outputs = predictions[0].shape
    clusters_S = None if places is None else places.clusters_S
    check_clusters(clusters_S, n_items)
    by_sequence = places if metric in of_letters_alone else None
    resampling = Resampling(n_resamples=n_resamples, seed=seed, level=0.95, clusters_S=clusters_S)
    cost = _cost(task, metric, n_items, n_outputs)
    together = max(1, TOGETHER_CELLS // predictions[0].size)
    targets = as_scored(task, targets)
    rows = []
    for start in range(0, len(predictions), together):
        some = slice(start, start + together)
        evaluates = [
            _evaluate(task, targets, given, metric, cuts, by_sequence)
            for given, cuts in zip(predictions[some], thresholds[some], strict=True)
        ]
        chunks = _chunks(resampling, n_items, cost, by_sequence)
        rows.append(np.hstack([[evaluate(chunk) for evaluate in evaluates] for chunk in chunks]))
    return np.vstack(rows)


def _chunks(
    resampling: Resampling, n_items: int, cost: int, by_sequence: LetterPlaces | None
) -> Iterable[Weights]:
    """Weights of items, or where a metric is of whole sequences those of sequences."""
    if by_sequence is None:
        return resampling.drawn(n_items, cost)
    return item_resamples(len(by_sequence.clusters_S), resampling.n_resamples, resampling.seed)


def _evaluate(
    task: Task,
    targets: NDArray[Any],
    predictions: NDArray[np.floating],
    metric: str,
    thresholds: Sequence[float] | None,
    by_sequence: LetterPlaces | None,
) -> OnItems:
    scores_NK = predictions.astype(np.float64)
    if by_sequence is not None:
        return of_letters(metric, task, targets, scores_NK, thresholds, by_sequence)
    if task is Task.PERTURBATION:
        return of_responses(metric, scores_NK)
    if task is Task.REGRESSION:
        return of_values(metric, targets, scores_NK)
    of_indices = of_classes if task is Task.CLASSIFICATION else of_labels
    return of_indices(metric, targets, scores_NK, thresholds)


def _cost(task: Task, metric: str, n_items: int, n_outputs: int) -> int:
    """Columns to rank that the metric takes as long as, the measure of `affordable_resamples`."""
    if metric == "kendalltau":
        return 2 * n_outputs * n_items.bit_length()
    if metric == "spearmanr":
        return 2 * n_outputs
    return 1 if metric not in RANKED or (task is Task.CLASSIFICATION and n_outputs == 2) else n_outputs
