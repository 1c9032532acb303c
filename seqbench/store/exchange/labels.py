"""Labels of files from elsewhere: which task they are of, and as that task wants them.

Shape letters: N items, T targets.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.core.missing import MISSING, MISSING_CLASS
from seqbench.core.types import Task


def infer_task(labels: NDArray[Any]) -> Task:
    """Floats are targets, lists of ints are labels, single ints are classes."""
    if labels.dtype.kind == "f":
        return Task.REGRESSION
    return Task.CLASSIFICATION if labels.ndim == 1 else Task.LABELS


def labels_of(labels: NDArray[Any], task: Task) -> NDArray[Any]:
    """Labels as a task wants them: int64 (N,), int64 (N, T) of 0 and 1, or float64 (N, T).

    What is not known is marked as in `core.missing`; NaN among floats that are no values is such.

    Raises:
        ValueError: They are no labels of such a task.
    """
    if task is Task.REGRESSION:
        return labels.astype(np.float64).reshape(len(labels), -1)
    if labels.dtype.kind == "f":
        labels = np.where(np.isnan(labels), MISSING if task is Task.LABELS else MISSING_CLASS, labels)
    whole = labels.astype(np.int64)
    flat = whole.reshape(-1) if task is Task.CLASSIFICATION and whole.size == len(whole) else whole
    fits = (
        flat.ndim == 1
        if task is Task.CLASSIFICATION
        else flat.ndim == 2 and set(np.unique(flat)) <= {MISSING, 0, 1}
    )
    if not fits or not np.array_equal(whole, labels):
        raise ValueError(f"these are no labels of a {task.value} task")
    return flat
