"""The labels of a split, collected line by line: their kind, width and values, checked as they come."""

import math
import reprlib
from array import array
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from seqbench.core.missing import MISSING, MISSING_CLASS, missing
from seqbench.core.types import Task
from seqbench.datasets.label_text import NUMBER, WHOLE, decimal_comma, list_in_text

Labels = NDArray[np.int64] | NDArray[np.int8] | NDArray[np.float64]
"""Shape (n,) int64 classes, (n, n_labels) int8 of 0 and 1, or (n, n_targets) float64; for what is not
known see `seqbench.core.missing`."""

SHOWN_VALUES: Final = 3
"""Labels that a remark gives as examples."""

_Kind = Literal["number", "list", "text"]
_CALLED: Final[dict[_Kind, str]] = {"number": "a bare number", "list": "a list", "text": "text"}


class LineError(ValueError):
    """What is wrong with a line, without its place, which the scanner adds.

    `item` is the item at fault where that is not the one just read.
    """

    def __init__(self, message: str, item: int | None = None) -> None:
        super().__init__(message)
        self.item = item


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLabels:
    """What the labels of a split turned out to be."""

    task: Task
    labels: Labels
    names: tuple[str, ...] = ()
    """Of classes that are written as text, sorted; the labels are then positions among them. Else empty."""
    remarks: tuple[str, ...] = ()
    """What was decided by the labels' form alone and could have been meant otherwise, with the key to set."""


class LabelColumn:
    """Collects labels in a growing array of machine numbers, 8 bytes a value.

    With no task given, the shape of the first label and the values of all decide: ints and texts are classes,
    lists of 0 and 1 are labels, and any float makes it a regression, of one target where labels are bare
    numbers. Numbers and lists in quotes are what they spell. `null`, NaN and empty text mean that an item's
    label is not known; in a list, that this one value of it is not.
    """

    def __init__(self, task: Task | None, key: str = "label") -> None:
        self._task, self._key = task, key
        self._kind: _Kind | None = None
        self._width = 1
        self._values: array[Any] = array("q")
        self._codes: dict[str, int] = {}
        """By text, in the order of their first occurrence."""
        self._unknown: array[int] = array("q")
        """Items without a label, of which nothing is among the values."""
        self._holes: array[int] = array("q")
        """Places among the values, where 0 stands for what is not known."""
        self._n_items = 0

    def add(self, label: object) -> None:
        """Append one item's label.

        Raises:
            LineError: It is of the wrong kind or width, or not finite.
        """
        if isinstance(label, str):
            label = self._read_text(label)
        item, self._n_items = self._n_items, self._n_items + 1
        if _is_unknown(label):
            self._unknown.append(item)
            return
        kind: _Kind = "list" if isinstance(label, list) else "text" if isinstance(label, str) else "number"
        values = label if isinstance(label, list) else [label]
        if self._kind is None:
            self._check_first(kind, label)
            self._kind, self._width = kind, len(values)
        elif kind != self._kind:
            raise LineError(f"label is {_said(kind, label)}, on the first line it is {_CALLED[self._kind]}")
        elif len(values) != self._width:
            raise LineError(f"label has {len(values)} values, on the first line it has {self._width}")
        if isinstance(label, str):
            self._values.append(self._codes.setdefault(label, len(self._codes)))
        else:
            self._extend(self._without_holes(values), label)

    def _without_holes(self, values: list[Any]) -> list[Any]:
        """The values of a list, 0 for those that are not known, whose places are kept."""
        if self._kind != "list" or not any(map(_is_unknown, values)) or self._task is Task.CLASSIFICATION:
            return values
        first = len(self._values)
        self._holes.extend(first + place for place, value in enumerate(values) if _is_unknown(value))
        return [0 if _is_unknown(value) else value for value in values]

    def finish(self) -> FoundLabels:
        """The task and all labels, once every line is in.

        Raises:
            LineError: No task was given and the labels leave it open, they are none of the task, or there is
                none at all.
        """
        if self._kind is None:
            raise LineError(f"no item has a label under {self._key!r}: every one is null or empty")
        try:
            found = self._finish_known()
        except LineError as error:
            at = self._items_known()[error.item or 0]
            raise LineError(str(error), item=int(at)) from error
        return replace(found, labels=self._with_unknown(found)) if self._unknown else found

    def _items_known(self) -> NDArray[np.int64]:
        return np.delete(np.arange(self._n_items), np.frombuffer(self._unknown, dtype=np.int64))

    def _with_unknown(self, found: FoundLabels) -> Labels:
        """The labels of all items, though there are some without."""
        fill = {Task.CLASSIFICATION: MISSING_CLASS, Task.LABELS: MISSING}.get(found.task, math.nan)
        labels = np.full((self._n_items, *found.labels.shape[1:]), fill, dtype=found.labels.dtype)
        labels[self._items_known()] = found.labels
        return labels

    def _finish_known(self) -> FoundLabels:
        if self._kind == "text":
            return self._finish_texts()
        flat: NDArray[Any] = np.frombuffer(self._values, dtype=self._values.typecode)
        rows = flat.reshape(-1, self._width)
        task = self._task or self._infer(rows)
        remarks = self._remarks(task, rows) if self._task is None else ()
        return FoundLabels(task=task, labels=self._with_holes(_as_task(task, rows)), remarks=remarks)

    def _with_holes(self, labels: Labels) -> Labels:
        """The labels, what is not known marked as such.

        Raises:
            LineError: A label or target is known of no item.
        """
        if not self._holes:
            return labels
        labels = labels.copy()
        labels.flat[np.frombuffer(self._holes, dtype=np.int64)] = (
            math.nan if labels.dtype == np.float64 else MISSING
        )
        nowhere = np.flatnonzero(missing(labels).all(axis=0))
        if nowhere.size:
            raise LineError(
                f"value {nowhere[0]} of the labels (counted from 0) is null for every item (leave it out of "
                "the lists, or give some items one)"
            )
        return labels

    def _read_text(self, text: str) -> object:
        """A list or a number that stands in quotes where the task wants one, else the text; None if empty."""
        if not text.strip():
            return None
        if (found := list_in_text(text)) is not None:
            return found
        if self._task is Task.REGRESSION:
            if decimal_comma([text]):
                raise LineError(f"label {text!r} has a decimal comma (write {text.replace(',', '.')})")
            if not NUMBER.fullmatch(text):
                raise LineError(f"label must be a number, got {reprlib.repr(text)}")
            return float(text)
        return text

    def _finish_texts(self) -> FoundLabels:
        codes = np.frombuffer(self._values, dtype=np.int64)
        whole = all(map(WHOLE.fullmatch, self._codes))
        if self._task is None and not whole and all(map(NUMBER.fullmatch, self._codes)):
            values = np.array(list(map(float, self._codes)))
            remark = (
                "labels are numbers in quotes, read as values (for classes set eval_task: classification)"
            )
            return FoundLabels(task=Task.REGRESSION, labels=values[codes][:, None], remarks=(remark,))
        if self._task is None and (comma := decimal_comma(self._codes)):
            raise LineError(
                f"label {comma!r} has a decimal comma (write {comma.replace(',', '.')}; if these are names "
                "of classes, set eval_task: classification)",
                item=int(np.flatnonzero(codes == self._codes[comma])[0]),
            )
        names = sorted(self._codes)
        place = np.empty(len(names), dtype=np.int64)
        place[[self._codes[name] for name in names]] = np.arange(len(names))
        return FoundLabels(task=Task.CLASSIFICATION, labels=place[codes], names=tuple(names))

    def _check_first(self, kind: _Kind, label: object) -> None:
        if kind == "list" and not label:
            raise LineError("label is an empty list")
        if self._task is Task.LABELS and kind != "list":
            raise LineError(
                f"label must be a list of 0 and 1, got {reprlib.repr(label)} "
                "(set eval_task: classification for ints and names)"
            )

    def _extend(self, values: list[Any], label: object) -> None:
        kinds = set(map(type, values))
        # Exact types: bool is a subclass of int, and true/false is no label.
        if not kinds <= {int, float}:
            raise LineError(f"label must be {self._wanted()}, got {reprlib.repr(label)}")
        if float in kinds and self._task in (Task.CLASSIFICATION, Task.LABELS):
            if not all(float(value).is_integer() for value in values):
                raise LineError(
                    f"label must be {self._wanted()}, got {reprlib.repr(label)} "
                    "(set eval_task: regression for floats)"
                )
            values, kinds = [int(value) for value in values], {int}
        self._check_choice(values, label)
        if kinds == {int}:
            self._extend_ints(values, label)
        else:
            self._extend_floats(values, label)

    def _check_choice(self, values: list[Any], label: object) -> None:
        """Refuse what is none of the values that the task knows."""
        if self._task is Task.LABELS and not {0, 1}.issuperset(values):
            raise LineError(
                f"label must hold only 0 and 1, got {reprlib.repr(label)} "
                "(set eval_task: regression for other numbers)"
            )
        one_hot = {0, 1}.issuperset(values) and values.count(1) == 1
        if self._task is Task.CLASSIFICATION and self._kind == "list" and not one_hot:
            raise LineError(
                f"label must be an int, a name or a list with a single 1, got {reprlib.repr(label)} "
                "(set eval_task: labels or regression for other lists)"
            )

    def _extend_ints(self, values: list[Any], label: object) -> None:
        try:
            if MISSING_CLASS in values:
                raise OverflowError
            self._values.extend(values)
        except OverflowError:
            raise LineError(
                f"label {reprlib.repr(label)} does not fit in 64 bits (number classes from 0)"
            ) from None

    def _extend_floats(self, values: list[Any], label: object) -> None:
        if self._values.typecode == "q":
            self._values = array("d", self._values)
        try:
            floats: array[Any] = array("d", values)
        except OverflowError:
            raise LineError(
                f"label {reprlib.repr(label)} does not fit in a float (scale the targets)"
            ) from None
        if not all(map(math.isfinite, floats)):
            raise LineError(f"label must be finite, got {reprlib.repr(label)} (give the item a number)")
        self._values.extend(floats)

    def _wanted(self) -> str:
        if self._task is Task.CLASSIFICATION:
            return "an int or a name"
        if self._task is Task.LABELS:
            return "a list of 0 and 1"
        if self._kind == "list":
            return "a list of numbers"
        return "a number" if self._task is Task.REGRESSION else "a number or a name"

    def _infer(self, rows: NDArray[Any]) -> Task:
        if rows.dtype == np.float64:
            return Task.REGRESSION
        if self._kind != "list":
            return Task.CLASSIFICATION
        other = np.flatnonzero(((rows != 0) & (rows != 1)).any(axis=1))
        if other.size:
            raise LineError(
                f"label {rows[other[0]].tolist()} is neither 0/1 nor floats, so the task is open "
                "(set eval_task in datasets_info.yaml)",
                item=int(other[0]),
            )
        return Task.LABELS

    def _remarks(self, task: Task, rows: NDArray[Any]) -> tuple[str, ...]:
        """What the form alone decided, if it is a form that is often meant otherwise."""
        if task is Task.LABELS and rows.shape[1] > 1 and not self._holes and (rows.sum(axis=1) == 1).all():
            return (
                "each label is a list with a single 1, read as several labels an item; if it is one class of "
                f"{rows.shape[1]}, set eval_task: classification",
            )
        if task is not Task.REGRESSION or not (rows == np.floor(rows)).all():
            return ()
        found = np.unique(rows)
        if 2 * len(found) > rows.size:
            return ()
        few = ", ".join(map(str, found[:SHOWN_VALUES].tolist())) + (
            ", …" if len(found) > SHOWN_VALUES else ""
        )
        meant = "labels" if self._kind == "list" and set(found) <= {0.0, 1.0} else "classification"
        if self._kind == "list" and meant == "classification":
            return ()
        what = f"{len(found)} whole numbers written as floats ({few})"
        return (f"labels are {what}, read as regression; if they mean classes, set eval_task: {meant}",)


def _as_task(task: Task, rows: NDArray[Any]) -> Labels:
    if task is Task.CLASSIFICATION:
        return (rows[:, 0] if rows.shape[1] == 1 else rows.argmax(axis=1)).astype(np.int64)
    return rows.astype(np.int8) if task is Task.LABELS else rows.astype(np.float64)


def _is_unknown(label: object) -> bool:
    """Whether it is null or NaN, which alone differs from itself, or a list of such."""
    if isinstance(label, list):
        return bool(label) and all(map(_is_unknown, label))
    return label is None or label != label


def _said(kind: _Kind, label: object) -> str:
    return "a list" if kind == "list" else f"{_CALLED[kind]} ({reprlib.repr(label)})"
