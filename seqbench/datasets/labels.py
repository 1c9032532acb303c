"""The labels of a split, collected line by line: their kind, width and values, checked as they come."""

import math
import reprlib
from array import array
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.core.types import Task

Labels = NDArray[np.int64] | NDArray[np.int8] | NDArray[np.float64]
"""Shape (n,) int64 classes, (n, n_labels) int8 of 0 and 1, or (n, n_targets) float64."""


class LineError(ValueError):
    """What is wrong with a line, without its place, which the scanner adds.

    `item` is the item at fault where that is not the one just read.
    """

    def __init__(self, message: str, item: int | None = None) -> None:
        super().__init__(message)
        self.item = item


class LabelColumn:
    """Collects labels in a growing array of machine numbers, 8 bytes a value.

    With no task given, the shape of the first label and the values of all decide: ints are classes, lists of
    0 and 1 are labels, and any float makes it a regression, of one target where labels are bare numbers.
    """

    def __init__(self, task: Task | None) -> None:
        self._task = task
        self._listed: bool | None = None
        self._width = 1
        self._values: array[Any] = array("q")

    def add(self, label: object) -> None:
        """Append one item's label.

        Raises:
            LineError: It is of the wrong kind or width, or not finite.
        """
        listed = isinstance(label, list)
        values = label if isinstance(label, list) else [label]
        if self._listed is None:
            self._check_first(listed, label)
            self._listed, self._width = listed, len(values)
        elif listed != self._listed:
            first = "a list" if self._listed else "a bare number"
            raise LineError(f"label is {_kind(label)}, on the first line it is {first}")
        elif len(values) != self._width:
            raise LineError(f"label has {len(values)} values, on the first line it has {self._width}")
        self._extend(values, label)

    def finish(self) -> tuple[Task, Labels]:
        """The task and all labels, once every line is in.

        Raises:
            LineError: No task was given and lists of ints other than 0 and 1 leave it open.
        """
        flat: NDArray[Any] = np.frombuffer(self._values, dtype=self._values.typecode)
        rows = flat.reshape(-1, self._width)
        task = self._task or self._infer(rows)
        if task is Task.CLASSIFICATION:
            return task, rows[:, 0].astype(np.int64)
        if task is Task.LABELS:
            return task, rows.astype(np.int8)
        return task, rows.astype(np.float64)

    def _check_first(self, listed: bool, label: object) -> None:
        if listed and not label:
            raise LineError("label is an empty list")
        if self._task is Task.CLASSIFICATION and listed:
            raise LineError(
                f"label must be an int, got {reprlib.repr(label)} "
                "(set eval_task: labels or regression for lists)"
            )
        if self._task is Task.LABELS and not listed:
            raise LineError(
                f"label must be a list of 0 and 1, got {reprlib.repr(label)} "
                "(set eval_task: classification for ints)"
            )

    def _extend(self, values: list[Any], label: object) -> None:
        kinds = set(map(type, values))
        # Exact types: bool is a subclass of int, and true/false is no label.
        if kinds == {int}:
            self._extend_ints(values, label)
        elif kinds <= {int, float}:
            self._extend_floats(values, label)
        else:
            raise LineError(f"label must be {self._wanted()}, got {reprlib.repr(label)}")

    def _extend_ints(self, values: list[Any], label: object) -> None:
        if self._task is Task.LABELS and not {0, 1}.issuperset(values):
            raise LineError(
                f"label must hold only 0 and 1, got {reprlib.repr(label)} "
                "(set eval_task: regression for other numbers)"
            )
        try:
            self._values.extend(values)
        except OverflowError:
            raise LineError(
                f"label {reprlib.repr(label)} does not fit in 64 bits (number classes from 0)"
            ) from None

    def _extend_floats(self, values: list[Any], label: object) -> None:
        if self._task in (Task.CLASSIFICATION, Task.LABELS):
            raise LineError(
                f"label must be {self._wanted()}, got {reprlib.repr(label)} "
                "(set eval_task: regression for floats)"
            )
        if self._values.typecode == "q":
            self._values = array("d", self._values)
        try:
            floats: array[Any] = array("d", values)
        except OverflowError:
            raise LineError(
                f"label {reprlib.repr(label)} does not fit in a float (scale the targets)"
            ) from None
        if not all(map(math.isfinite, floats)):
            raise LineError(
                f"label must be finite, got {reprlib.repr(label)} (drop the item or give it a number)"
            )
        self._values.extend(floats)

    def _wanted(self) -> str:
        if self._task is Task.CLASSIFICATION:
            return "an int"
        if self._task is Task.LABELS:
            return "a list of 0 and 1"
        return "a list of numbers" if self._listed else "a number"

    def _infer(self, rows: NDArray[Any]) -> Task:
        if rows.dtype == np.float64:
            return Task.REGRESSION
        if not self._listed:
            return Task.CLASSIFICATION
        other = np.flatnonzero(((rows != 0) & (rows != 1)).any(axis=1))
        if other.size:
            raise LineError(
                f"label {rows[other[0]].tolist()} is neither 0/1 nor floats, so the task is open "
                "(set eval_task in datasets_info.yaml)",
                item=int(other[0]),
            )
        return Task.LABELS


def _kind(label: object) -> str:
    return "a list" if isinstance(label, list) else f"not a list ({reprlib.repr(label)})"
