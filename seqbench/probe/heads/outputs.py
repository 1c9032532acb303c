"""Probabilities in the shape that heads answer with, their log loss, and what predicting asks of features.

Shape letters: N items, H width, C classes a model knows, K outputs.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seqbench.core.types import Task
from seqbench.errors import ProbeError

_SMALLEST = 1e-15
"""Probabilities are clipped here before the logarithm: a class unseen in train costs 34.5, not infinity."""


def spread_classes(
    probabilities_NC: NDArray[np.floating], classes: NDArray[np.integer], n_outputs: int
) -> NDArray[np.float32]:
    """Put the columns of the classes that a model knows in their places; others get probability 0."""
    spread_NK = np.zeros((len(probabilities_NC), n_outputs), dtype=np.float32)
    spread_NK[:, classes] = probabilities_NC
    return spread_NK


def in_order(
    parts: Sequence[NDArray[np.floating]], columns: Sequence[Sequence[int]] | None
) -> NDArray[np.floating]:
    """Put the outputs of several models side by side.

    Args:
        parts: (N, outputs) of each model.
        columns: The place of each output; None where they stand in order.
    """
    together = np.hstack(parts)
    if columns is None or len(columns) < 2:
        return together
    found: NDArray[np.floating] = together[:, np.argsort(np.concatenate(columns), kind="stable")]
    return found


def log_loss(
    task: Task,
    probabilities_NK: NDArray[np.floating],
    targets: NDArray[np.generic],
    weights: NDArray[np.float64] | None = None,
) -> float:
    """Mean negative log-likelihood of an item (classification) or of an item's label (labels), in nats.

    Args:
        task: Classification or labels.
        probabilities_NK: Of classes or labels.
        targets: (N,) class indices or (N, K) zeros and ones.
        weights: In the targets' shape; the mean is then a weighted one.
    """
    if task is Task.CLASSIFICATION:
        true = np.take_along_axis(probabilities_NK, targets[:, None].astype(np.int64), axis=1)[:, 0]
    else:
        true = np.where(targets == 1, probabilities_NK, 1.0 - probabilities_NK)
    return float(np.average(-np.log(np.clip(true, _SMALLEST, None, dtype=np.float64)), weights=weights))


def check_width(features_NH: NDArray[np.float32], width: int) -> None:
    """Refuse features of another width than the head was trained on.

    Raises:
        ProbeError: They are wider or narrower.
    """
    if features_NH.ndim != 2 or features_NH.shape[1] != width:
        raise ProbeError(
            f"the features are {features_NH.shape[-1]} wide, but the head was trained on {width}; "
            "embed with the same model, reverse_complement and probe.combine"
        )
