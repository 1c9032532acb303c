"""Weights that let every class, or both values of each label, count alike: scikit-learn's `balanced`.

Shape letters: N items, K outputs.
"""

import numpy as np
from numpy.typing import NDArray

from seqbench.core.missing import known
from seqbench.core.types import Task
from seqbench.probe.heads.base import ClassWeights, Problem


def balanced_weights(
    mode: ClassWeights, problem: Problem, train: NDArray[np.generic], targets: NDArray[np.generic]
) -> NDArray[np.float64] | None:
    """Weigh items, or the labels of items, by how often train has their class or value.

    n / (classes present * count), King & Zeng (2001); of a label n / (values present * count). Weights of
    train then add up to n, and a label with one value only is not weighed. Eval takes train's weights too, so
    that both losses mean the same. A label that is not known weighs 0, and n is the items where it is.

    Args:
        mode: `none` weighs nothing but what is not known.
        problem: Regression has none either.
        train: Targets of train, which are counted.
        targets: Those to be weighed; what train does not have weighs 1.

    Returns:
        (N,) for classes, (N, K) for labels; None where nothing is weighed.
    """
    if problem.task is Task.LABELS and not known(targets).all():
        weights_NK = np.ones(targets.shape) if mode == "none" else _of_labels(train, targets)
        return np.where(known(targets), weights_NK, 0.0)
    if mode == "none" or problem.task is Task.REGRESSION:
        return None
    if problem.task is Task.CLASSIFICATION:
        count_K = np.bincount(train.astype(np.int64), minlength=problem.n_outputs)
        weight_K = _inverse(count_K, len(train), int(np.count_nonzero(count_K)))
        return weight_K[targets.astype(np.int64)]
    return _of_labels(train, targets)


def _of_labels(train: NDArray[np.generic], targets: NDArray[np.generic]) -> NDArray[np.float64]:
    positive_K, n_known_K = np.count_nonzero(train == 1, axis=0), np.count_nonzero(known(train), axis=0)
    counts = (positive_K, n_known_K - positive_K)
    present_K = np.count_nonzero(counts, axis=0)
    with_label_K, without_K = (_inverse(count_K, n_known_K, present_K) for count_K in counts)
    return np.where(targets == 1, with_label_K, without_K)


def _inverse(
    count_K: NDArray[np.integer], n_items: int | NDArray[np.integer], n_values: int | NDArray[np.integer]
) -> NDArray[np.float64]:
    return np.where(count_K > 0, n_items / (n_values * np.maximum(count_K, 1)), 1.0)
