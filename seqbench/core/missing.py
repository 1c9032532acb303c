"""What stands for a label that is not known, in memory and in a store, and which items have one.

Shape letters: N items, K labels or targets.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

MISSING_CLASS: Final = int(np.iinfo(np.int64).min)
"""Stands for a class that is not known among the classes of a file or a store: no file can hold it."""

MISSING: Final = -1
"""Stands for what is not known among positions of classes and labels of 0 and 1; of values it is NaN."""


def missing(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Which labels are not known; the shape is that of `labels`.

    Args:
        labels: (N,) classes as in the file, (N, K) of 0 and 1, or (N, K) values.
    """
    if labels.dtype.kind == "f":
        return np.asarray(np.isnan(labels), dtype=np.bool_)
    return np.asarray(labels == (MISSING_CLASS if labels.ndim == 1 else MISSING), dtype=np.bool_)


def known(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Which labels are known: the opposite of `missing`."""
    return np.logical_not(missing(labels))


def labelled(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Which items have any label, (N,); `labels` as of `missing`."""
    unknown = missing(labels)
    return np.logical_not(unknown if unknown.ndim == 1 else unknown.all(axis=1))


def missing_values(labels: NDArray[Any]) -> tuple[int, ...] | None:
    """Of lists, how many items that have a label lack each one of them; None where none is missing."""
    if labels.ndim == 1:
        return None
    counts_K = missing(labels[labelled(labels)]).sum(axis=0)
    return tuple(counts_K.tolist()) if counts_K.any() else None


def positions(labels_N: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.int64]:
    """Where each label stands among ascending `classes`, `MISSING` where it is not known; (N,)."""
    found_N = np.searchsorted(classes, labels_N).astype(np.int64)
    found_N[missing(labels_N)] = MISSING
    return found_N


def same_labels(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Whether two have the same shape and labels, and lack the same."""
    return np.array_equal(one, other, equal_nan=one.dtype.kind == other.dtype.kind == "f")
