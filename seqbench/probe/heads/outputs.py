"""Probabilities in the shape that heads answer with, and their log loss.

Shape letters: N items, C classes a model knows, K outputs.
"""

import numpy as np
from numpy.typing import NDArray

from seqbench.vocabulary import Task

_SMALLEST = 1e-15
"""Probabilities are clipped here before the logarithm: a class unseen in train costs 34.5, not infinity."""


def spread_classes(
    probabilities_NC: NDArray[np.floating], classes: NDArray[np.integer], n_outputs: int
) -> NDArray[np.float32]:
    """Put the columns of the classes that a model knows in their places; others get probability 0."""
    spread_NK = np.zeros((len(probabilities_NC), n_outputs), dtype=np.float32)
    spread_NK[:, classes] = probabilities_NC
    return spread_NK


def log_loss(task: Task, probabilities_NK: NDArray[np.floating], targets: NDArray[np.generic]) -> float:
    """Mean negative log-likelihood of an item (classification) or of an item's label (labels), in nats."""
    if task is Task.CLASSIFICATION:
        true_N = np.take_along_axis(probabilities_NK, targets[:, None].astype(np.int64), axis=1)
        return float(-np.log(np.clip(true_N, _SMALLEST, None, dtype=np.float64)).mean())
    positive_NK = np.where(targets != 0, probabilities_NK, 1.0 - probabilities_NK)
    return float(-np.log(np.clip(positive_NK, _SMALLEST, None, dtype=np.float64)).mean())
