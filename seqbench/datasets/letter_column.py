"""The labels of letters of a split, collected line by line: kind, width and values, checked as they come."""

import math
import reprlib
from array import array
from collections.abc import Sequence
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from seqbench.core.missing import MISSING, MISSING_CLASS, missing
from seqbench.core.types import Task
from seqbench.datasets.labels import Labels, LineError
from seqbench.datasets.letters import LetterLabels

UNKNOWN_MARKS: Final = (".", "-")
"""Texts that stand for a letter without a label, unless the entry's classes name them."""

_ABSENT: Final = -1
"""Stands for a letter without a label among the positions of texts."""

_MOST_NAMES: Final = 32_767
"""Different texts that positions of 16 bits can tell apart."""

_Kind = Literal["text", "number", "list"]
_CALLED: Final[dict[_Kind, str]] = {
    "text": "texts or a string",
    "number": "bare numbers",
    "list": "lists of numbers",
}


class LetterColumn:
    """Collects labels of letters in growing arrays of numbers: 2 bytes a letter of texts, else 8 a value.

    With no task given, the values decide as they do for labels of items: ints and texts are classes, lists of
    0 and 1 are labels, and any float makes it a regression.

    Args:
        task: What they must be; None infers it.
        key: Of the labels in a line, for messages.
        classes: The entry's classes: what texts must be. None: whatever occurs.
    """

    def __init__(self, task: Task | None, key: str, classes: Sequence[str] | None = None) -> None:
        self._task, self._key, self._classes = task, key, classes
        self._kind: _Kind | None = None
        self._width = 1
        self._values: array[Any] = array("h")
        self._ends: array[int] = array("q", [0])
        self._waiting = 0
        """Letters without a label that came before the first with one, whose kind is not known yet."""
        self._codes: dict[str, int] = dict.fromkeys(UNKNOWN_MARKS, _ABSENT) | {"": _ABSENT}
        self._names: list[str] = []
        for name in classes or ():
            self._code(name)
        self._by_byte = np.full(256, _ABSENT - 1, dtype=np.int16)

    def add(self, label: object, n_letters: int) -> None:
        """Append the labels of one item.

        Args:
            label: As in the line; null where no letter has one.
            n_letters: Of the item's sequence.

        Raises:
            LineError: It is of another length than the sequence, or of a wrong kind, width or value.
        """
        if label is None or label != label:
            self._none(n_letters)
        elif not isinstance(label, str | list):
            raise LineError(
                f"{self._key!r} must be a list or a string of one entry a letter (level: token), got "
                f"{reprlib.repr(label)}"
            )
        elif len(label) != n_letters:
            raise LineError(
                f"{self._key!r} has {len(label):,} entries, the sequence {n_letters:,} letters (level: token "
                "needs one a letter; null or '.' where it is not known)"
            )
        elif isinstance(label, str):
            self._string(label)
        else:
            self._list(label)
        self._ends.append(self._ends[-1] + n_letters)

    def finish(self) -> LetterLabels:
        """All labels, once every line is in.

        Raises:
            LineError: No task was given and the values leave it open, or nothing is known at all, or of one
                label or target.
        """
        if self._kind is None:
            raise LineError(f"no letter has a label under {self._key!r}: every one is null or unknown")
        offsets = np.frombuffer(self._ends, dtype=np.int64)
        if self._kind == "text":
            return self._finish_texts(offsets)
        rows: NDArray[Any] = np.frombuffer(self._values, dtype=self._values.typecode)
        rows = rows.reshape(-1, self._width)
        task = self._task or self._infer(rows)
        values = _as_task(task, rows)
        if values.ndim == 2 and (nowhere := np.flatnonzero(missing(values).all(axis=0))).size:
            raise LineError(
                f"value {nowhere[0]} of the labels (counted from 0) is null for every letter (leave it out "
                "of the lists, or give some letters one)"
            )
        return LetterLabels(task=task, values=values, offsets=offsets)

    def _finish_texts(self, offsets: NDArray[np.int64]) -> LetterLabels:
        codes = np.frombuffer(self._values, dtype=np.int16)
        place = np.full(len(self._names) + 1, MISSING_CLASS, dtype=np.int64)
        there = np.flatnonzero(np.bincount(codes[codes != _ABSENT], minlength=len(self._names)))
        names = sorted(self._names[code] for code in there)
        place[[self._codes[name] for name in names]] = np.arange(len(names))
        # The last place is that of `_ABSENT`.
        return LetterLabels(
            task=Task.CLASSIFICATION, values=place[codes], offsets=offsets, names=tuple(names)
        )

    def _none(self, n_letters: int) -> None:
        if self._kind is None:
            self._waiting += n_letters
        elif self._kind == "text":
            self._values.frombytes(np.full(n_letters, _ABSENT, dtype=np.int16).tobytes())
        else:
            self._values.extend(self._fill(n_letters))

    def _fill(self, n_letters: int) -> "array[Any]":
        code = self._values.typecode
        return array(code, [MISSING_CLASS if code == "q" else math.nan]) * (n_letters * self._width)

    def _begin(self, kind: _Kind, width: int, label: object) -> None:
        """The first known label says what all must be."""
        if self._kind is not None:
            if kind != self._kind:
                raise LineError(
                    f"{self._key!r} holds {_CALLED[kind]}, on earlier lines {_CALLED[self._kind]}, got "
                    f"{reprlib.repr(label)}"
                )
            return
        if kind == "text" and self._task not in (None, Task.CLASSIFICATION):
            raise LineError(
                f"{self._key!r} holds texts, which are classes and no {self._task} (see eval_task)"
            )
        if kind != "list" and self._task is Task.LABELS:
            raise LineError(f"{self._key!r} must hold a list of 0 and 1 for each letter, or null")
        if kind == "list" and self._task is Task.CLASSIFICATION:
            raise LineError(
                f"{self._key!r} holds a list for each letter, which is no class (set eval_task to labels or "
                "regression)"
            )
        self._kind, self._width = kind, width
        self._values = array("h" if kind == "text" else "q")
        waiting, self._waiting = self._waiting, 0
        self._none(waiting)

    def _string(self, label: str) -> None:
        if not label.isascii():
            at = next(place for place, letter in enumerate(label) if not letter.isascii())
            raise LineError(f"{self._key!r} holds {label[at]!r} at {at + 1}; labels in a string are ASCII")
        bytes_L = np.frombuffer(label.encode("ascii"), dtype=np.uint8)
        codes_L = self._by_byte[bytes_L]
        if (new := codes_L == _ABSENT - 1).any():
            for byte in np.unique(bytes_L[new]).tolist():
                self._by_byte[byte] = self._known_code(chr(byte), label.index(chr(byte)))
            codes_L = self._by_byte[bytes_L]
        if not (codes_L != _ABSENT).any():
            self._none(len(label))
            return
        self._begin("text", 1, label)
        self._values.frombytes(codes_L.astype(np.int16).tobytes())

    def _list(self, label: list[Any]) -> None:
        kinds = set(map(type, label)) - {type(None)}
        if str in kinds:
            self._texts(label, kinds)
        elif list in kinds:
            self._lists(label, kinds)
        elif all(map(_is_unknown, label)):
            self._none(len(label))
        else:
            self._begin("number", 1, label)
            self._numbers(label, label)

    def _texts(self, label: list[Any], kinds: set[type]) -> None:
        if kinds != {str}:
            raise LineError(f"{self._key!r} must hold texts alone, or numbers, got {reprlib.repr(label)}")
        codes = [
            _ABSENT if text is None else self._known_code(text, place) for place, text in enumerate(label)
        ]
        if all(code == _ABSENT for code in codes):
            self._none(len(label))
            return
        self._begin("text", 1, label)
        self._values.extend(codes)

    def _known_code(self, text: str, place: int) -> int:
        """The position of a text, given to it where it is new.

        Raises:
            LineError: The entry lists classes, and it is none of them.
        """
        if text not in self._codes and self._classes is not None:
            raise LineError(
                f"letter {place + 1} has the label {text!r}, which is not among the entry's `classes` "
                f"({reprlib.repr(', '.join(self._classes))})"
            )
        return self._codes[text] if text in self._codes else self._code(text)

    def _code(self, text: str) -> int:
        if len(self._names) >= _MOST_NAMES:
            raise LineError(f"{self._key!r} holds over {_MOST_NAMES:,} different texts: they are no classes")
        self._codes[text] = len(self._names)
        self._names.append(text)
        return self._codes[text]

    def _lists(self, label: list[Any], kinds: set[type]) -> None:
        if kinds - {list, float} or not all(_is_unknown(each) for each in label if type(each) is float):
            raise LineError(
                f"{self._key!r} must hold a list for each letter, or null, got {reprlib.repr(label)}"
            )
        lengths = [len(each) if type(each) is list else None for each in label]
        width = self._width if self._kind == "list" else next(each for each in lengths if each is not None)
        if set(lengths) - {width, None} or not width:
            place = next(
                at for at, each in enumerate(lengths) if each is not None and (each != width or not each)
            )
            raise LineError(f"letter {place + 1} has {lengths[place]} labels, others have {width or 'some'}")
        values = [each for row in label for each in (row if type(row) is list else [None] * width)]
        if all(map(_is_unknown, values)) and self._kind is None:
            self._none(len(label))
            return
        self._begin("list", width, label)
        self._numbers(values, label)

    def _numbers(self, values: list[Any], label: object) -> None:
        """Append numbers, and marks for null and NaN."""
        kinds = set(map(type, values))
        # Exact types: bool is a subclass of int, and true/false is no label.
        if not kinds <= {int, float, type(None)}:
            raise LineError(f"{self._key!r} must hold numbers or null, got {reprlib.repr(label)}")
        if float in kinds and self._task in (Task.CLASSIFICATION, Task.LABELS):
            values, kinds = self._whole(values), {int}
        if self._task is Task.LABELS and not set(values) <= {0, 1, None}:
            raise LineError(
                f"{self._key!r} must hold only 0 and 1 (set eval_task: regression for other numbers), got "
                f"{reprlib.repr(label)}"
            )
        if float in kinds or self._values.typecode == "d":
            self._floats(values, label)
            return
        try:
            if MISSING_CLASS in values:
                raise OverflowError
            marked = values
            if None in values:
                marked = [MISSING_CLASS if value is None else value for value in values]
            self._values.extend(array("q", marked))
        except OverflowError:
            raise LineError(
                f"{self._key!r} holds a number that does not fit in 64 bits (number classes from 0)"
            ) from None

    def _whole(self, values: list[Any]) -> list[Any]:
        known = [None if _is_unknown(value) else value for value in values]
        for value in known:
            if value is not None and not float(value).is_integer():
                raise LineError(f"{self._key!r} must hold whole numbers, got {value!r} (see eval_task)")
        return [None if value is None else int(value) for value in known]

    def _floats(self, values: list[Any], label: object) -> None:
        if self._values.typecode == "q":
            ints = np.frombuffer(self._values, dtype=np.int64)
            floats = np.where(ints == MISSING_CLASS, math.nan, ints.astype(np.float64))
            self._values = array("d", floats.tobytes())
        try:
            found: array[Any] = array("d", [math.nan if value is None else value for value in values])
        except OverflowError:
            found = array("d", [math.inf])
        if np.isinf(np.frombuffer(found)).any():
            raise LineError(f"{self._key!r} must hold finite numbers, got {reprlib.repr(label)}")
        self._values.extend(found)

    def _infer(self, rows: NDArray[Any]) -> Task:
        if rows.dtype == np.float64:
            return Task.REGRESSION
        if self._kind != "list":
            return Task.CLASSIFICATION
        if not np.isin(rows, (0, 1, MISSING_CLASS)).all():
            raise LineError(
                f"{self._key!r} holds lists of whole numbers, neither 0/1 nor floats, so the task is open "
                "(set eval_task in datasets_info.yaml)"
            )
        return Task.LABELS


def _as_task(task: Task, rows: NDArray[Any]) -> Labels:
    if task is Task.CLASSIFICATION:
        return rows[:, 0].astype(np.int64, copy=False)
    if task is Task.LABELS:
        return np.where(rows == MISSING_CLASS, MISSING, rows).astype(np.int8)
    if rows.dtype == np.float64:
        return rows
    return np.where(rows == MISSING_CLASS, math.nan, rows.astype(np.float64))


def _is_unknown(value: object) -> bool:
    """Whether it is null or NaN, which alone differs from itself."""
    return value is None or value != value
