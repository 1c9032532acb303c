"""Segments: runs of letters of one class, and which of them were predicted.

Shape letters: M letters, S sequences, C classes, G segments.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqbench.metrics.averages import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """How many segments were found, by sequence and by class."""

    counted_3S: Floats
    """Of the segments that count in each sequence: predicted right, true, predicted."""
    by_class_3C: Floats
    """The same of each class, whether it counts or not."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Segments:
    """Runs of letters of one class."""

    starts_G: NDArray[np.int64]
    stops_G: NDArray[np.int64]
    """The letter behind the last."""
    classes_G: NDArray[np.int64]


def matches(
    classes_M: NDArray[np.int64],
    predicted_M: NDArray[np.int64],
    begins_M: NDArray[np.bool_],
    clusters_S: NDArray[np.int64],
    *,
    n_classes: int,
    tolerance: int,
) -> Matches:
    """Match predicted segments with true ones.

    Going through the true segments of a class from the first to the last, each takes the first predicted one
    of its class that is not taken and whose start and stop both lie within `tolerance` letters of its own. No
    segment reaches over letters that do not follow each other, and none is matched across them.

    Args:
        classes_M: True classes.
        predicted_M: Predicted ones.
        begins_M: True where a letter does not follow on the one before it.
        clusters_S: Letters of each sequence.
        n_classes: C; of two classes the segments of class 1 count, of more those of all.
        tolerance: In letters, from 0.
    """
    true, predicted = _segments_of(classes_M, begins_M), _segments_of(predicted_M, begins_M)
    # Far enough apart that nothing matches across a break.
    apart_M = np.arange(len(classes_M)) + np.cumsum(begins_M) * (tolerance + 1)
    right_G = np.zeros(len(true.starts_G), dtype=np.bool_)
    for label in range(n_classes):
        of_true, of_predicted = (np.flatnonzero(each.classes_G == label) for each in (true, predicted))
        right_G[of_true] = _taken(
            apart_M[true.starts_G[of_true]],
            apart_M[true.stops_G[of_true] - 1],
            apart_M[predicted.starts_G[of_predicted]],
            apart_M[predicted.stops_G[of_predicted] - 1],
            tolerance,
        )
    rows = (
        (true, right_G),
        (true, np.ones_like(right_G)),
        (predicted, np.ones(len(predicted.starts_G), bool)),
    )
    by_class = [np.bincount(each.classes_G[own], minlength=n_classes) for each, own in rows]
    sequence_M = np.repeat(np.arange(len(clusters_S)), clusters_S)
    counted = []
    for each, own_G in rows:
        counts_G = own_G & ((each.classes_G == 1) if n_classes == 2 else True)
        counted.append(np.bincount(sequence_M[each.starts_G[counts_G]], minlength=len(clusters_S)))
    return Matches(
        counted_3S=np.stack(counted).astype(np.float64), by_class_3C=np.stack(by_class).astype(np.float64)
    )


def _segments_of(classes_M: NDArray[np.int64], begins_M: NDArray[np.bool_]) -> _Segments:
    changes_M = begins_M.copy()
    changes_M[1:] |= classes_M[1:] != classes_M[:-1]
    starts_G = np.flatnonzero(changes_M)
    return _Segments(
        starts_G=starts_G, stops_G=np.append(starts_G[1:], len(classes_M)), classes_G=classes_M[starts_G]
    )


def _taken(
    starts: NDArray[np.int64],
    lasts: NDArray[np.int64],
    their_starts: NDArray[np.int64],
    their_lasts: NDArray[np.int64],
    tolerance: int,
) -> NDArray[np.bool_]:
    """Which segments of one class find a partner; both lists ascend, lasts are the last letters."""
    first = np.searchsorted(their_starts, starts - tolerance, side="left").tolist()
    behind = np.searchsorted(their_starts, starts + tolerance, side="right").tolist()
    ends, free = their_lasts.tolist(), [True] * len(their_starts)
    found = np.zeros(len(starts), dtype=np.bool_)
    for place, last in enumerate(lasts.tolist()):
        for partner in range(first[place], behind[place]):
            if free[partner] and abs(ends[partner] - last) <= tolerance:
                found[place], free[partner] = True, False
                break
    return found
