"""Labels of single letters (`level: token`): one entry a letter of an item's sequence, all in a row.

A label is a list, `[0, 1, null]`, for labels and regression a list of lists, `[[0.5, 1.2], null]`, or a
string of one character a letter, `HHEC.`.

Shape letters: N items, M letters of all items in a row, K labels or targets of a letter.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqbench.core.missing import MISSING, MISSING_CLASS, labelled
from seqbench.core.types import Task
from seqbench.datasets.labels import Labels


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LetterLabels:
    """The labels of all letters of a split, item by item."""

    task: Task
    values: Labels
    """(M,) int64 classes as in the file, (M, K) int8 of 0 and 1, or (M, K) float64; for what is not known
    see `seqbench.core.missing`."""
    offsets: NDArray[np.int64]
    """(N + 1,) where the letters of each item begin, and where those of the last one end."""
    names: tuple[str, ...] = ()
    """Of classes that are written as text: what the values, positions here, stand for. Else empty."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def n_letters(self) -> int:
        """Letters of all items, M."""
        return int(self.offsets[-1])

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """(M,) which letters have a label."""
        return labelled(self.values)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(N,) letters of each item."""
        return np.diff(self.offsets)

    def item(self, item: int) -> Labels:
        """The labels of one item's letters, in the order of its sequence."""
        return self.values[self.offsets[item] : self.offsets[item + 1]]

    def item_of(self, letter: int) -> tuple[int, int]:
        """The item that a letter of all is of, and its place there, both from 0."""
        item = int(np.searchsorted(self.offsets, letter, side="right")) - 1
        return item, letter - int(self.offsets[item])

    def labelled_items(self) -> NDArray[np.bool_]:
        """(N,) which items have a letter with a label."""
        before = np.concatenate([[0], np.cumsum(self.labelled, dtype=np.int64)])
        return np.asarray(np.diff(before[self.offsets]) > 0)

    def occurring(self, classes: Sequence[int]) -> NDArray[np.bool_]:
        """(N, C) which classes any letter of an item has, or (N, K) which labels are 1 of any.

        Args:
            classes: Of a classification, as the values have them.
        """
        starts = self.offsets[:-1]
        if self.values.ndim == 2:
            return np.logical_or.reduceat(self.values == 1, starts, axis=0)
        found = [np.logical_or.reduceat(self.values == each, starts) for each in classes]
        return np.stack(found, axis=1)

    def means(self) -> NDArray[np.float64]:
        """(N, K) means over the known letters of each item, NaN where it has none; of a regression."""
        is_known, starts = ~np.isnan(self.values), self.offsets[:-1]
        sums_NK = np.add.reduceat(np.where(is_known, self.values, 0.0), starts, axis=0)
        counts_NK = np.add.reduceat(is_known, starts, axis=0, dtype=np.int64)
        return np.where(counts_NK > 0, sums_NK / np.maximum(counts_NK, 1), math.nan)

    def take(self, items: NDArray[np.int64]) -> "LetterLabels":
        """Those of some items, in the order that is asked for."""
        lengths = self.lengths[items]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        rows = np.repeat(self.offsets[items] - offsets[:-1], lengths) + np.arange(offsets[-1])
        return LetterLabels(task=self.task, values=self.values[rows], offsets=offsets, names=self.names)


def no_item_labels(letters: LetterLabels) -> Labels:
    """What stands where items have labels: that none has one; (N,) or (N, K), as of the letters."""
    fill = {Task.CLASSIFICATION: MISSING_CLASS, Task.LABELS: MISSING}.get(letters.task, math.nan)
    shape = (len(letters), *letters.values.shape[1:])
    return np.full(shape, fill, dtype=letters.values.dtype)
