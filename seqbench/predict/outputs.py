"""Writing scores: a row an item or a letter, as a table, as JSON lines, as Parquet, or the bare array.

Shape letters: N items, or where letters are predicted the letters of some items; K outputs.
"""

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from seqbench.core.atomic import atomic_write
from seqbench.core.spreadsheet import escape_formula
from seqbench.core.types import Task
from seqbench.errors import ProbeError
from seqbench.store.readers import need

DIGITS = 9
"""Decimal digits that tell any two float32 apart."""

FORMATS = (".tsv", ".jsonl", ".parquet", ".npy")


Predicted = int | str | list[int | str] | None
"""The class, or the labels that are there, by name if they have names, else by number; None for an item
without an embedding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """Some items and their scores."""

    first: int
    """Number of the first item, from 0."""
    ids: Sequence[str | None] | None
    """None where items have none."""
    predicted: Sequence[Predicted] | None
    """None for values."""
    scores_NK: NDArray[np.float32]
    """NaN for an item without an embedding, or a letter without a token."""
    texts: Sequence[str] | None = None
    """Where letters are predicted, the sequence of each item: the rows are its letters, item by item."""

    def places(self) -> Iterator[tuple[int, str | None, int, str]]:
        """Of each row its item's number and id, and of a letter its place from 0 and itself."""
        for number, text in enumerate(self.texts if self.texts is not None else " " * len(self.scores_NK)):
            name = None if self.ids is None else self.ids[number]
            for place, letter in enumerate(text):
                yield self.first + number, name, place, letter


class Answers(Protocol):
    """What is predicted: of a trained head, or of a target of a fine-tuned model."""

    @property
    def task(self) -> Task:
        """What it is."""

    @property
    def outputs(self) -> Sequence[str | int]:
        """What each output stands for."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the outputs; empty where they have none."""

    @property
    def thresholds(self) -> tuple[float, ...] | None:
        """From where on a probability is a yes; None for 0.5."""


def score_names(head: Answers) -> list[str]:
    """Names of the scores: `class_`, `label_` or `target_`, and the name or number of the output."""
    what = {Task.CLASSIFICATION: "class", Task.LABELS: "label", Task.REGRESSION: "target"}[head.task]
    return [f"{what}_{output}" for output in head.outputs]


class Writer(Protocol):
    """What writes the rows of a file."""

    def write(self, scored: Scored) -> None:
        """Append rows."""

    def close(self) -> None:
        """Write what is left."""


class Output:
    """A file of scores that gets its name when it is whole."""

    def __init__(self, path: Path, head: Answers) -> None:
        """Open a file for writing.

        Raises:
            ProbeError: Its name ends as none of `FORMATS`, or its folder can't be written.
        """
        self._path = check_format(path)
        self._whole = ExitStack()
        make: Callable[[Path, list[str], Answers], Writer] = _WRITERS[path.suffix]
        try:
            partial = self._whole.enter_context(atomic_write(path))
            self._writer = make(partial, score_names(head), head)
        except OSError as error:
            self._whole.__exit__(type(error), error, None)
            raise self._fault(error) from error

    def write(self, scored: Scored) -> None:
        """Append rows.

        Raises:
            ProbeError: The disk is full.
        """
        try:
            self._writer.write(scored)
        except OSError as error:
            raise self._fault(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with self._whole:  # an error, also one of closing, leaves no file
                self._writer.close()
                if error is not None:
                    raise error
        except OSError as fault:
            if fault is error:
                raise
            raise self._fault(fault) from fault

    def _fault(self, error: OSError) -> ProbeError:
        return ProbeError(f"{self._path}: can't be written: {error.strerror or error}")


def check_format(path: Path) -> Path:
    """Return the path if scores can be written to a file of such a name.

    Raises:
        ProbeError: Its name ends as none of `FORMATS`.
        StoreError: Parquet is wanted, and pyarrow is not installed.
    """
    if path.suffix not in FORMATS:
        raise ProbeError(f"--out {path}: must end in {', '.join(FORMATS)}")
    if path.suffix == ".parquet":
        need("export", "pyarrow")
    return path


class _Tsv:
    """A header and tab-separated rows; several labels with commas between, what is missing left empty."""

    def __init__(self, path: Path, names: list[str], head: Answers) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        self._rows = csv.writer(self._file, delimiter="\t", lineterminator="\n")
        self._names, self._task = names, head.task
        self._is_new = True

    def write(self, scored: Scored) -> None:
        if self._is_new:
            ids = [] if scored.ids is None else ["id"]
            letters = [] if scored.texts is None else ["position", "letter"]
            predicted = [] if self._task is Task.REGRESSION else ["predicted"]
            self._rows.writerow(["item", *ids, *letters, *predicted, *map(escape_formula, self._names)])
            self._is_new = False
        places = scored.places()
        for row, (scores_K, (item, name, place, letter)) in enumerate(
            zip(scored.scores_NK, places, strict=True)
        ):
            cells: list[Any] = [item]
            if scored.ids is not None:
                cells.append(escape_formula(name or ""))
            if scored.texts is not None:
                cells += [place, escape_formula(letter)]
            if scored.predicted is not None:
                found = scored.predicted[row]
                cells.append(_cell(found))
            self._rows.writerow([*cells, *("" if np.isnan(score) else _digits(score) for score in scores_K)])

    def close(self) -> None:
        self._file.close()


class _Jsonl:
    """An object an item: `item`, `id`, `predicted`, `scores` by name; of letters one value each in a list.

    Classes of one character are a string of them instead, `.` where a letter has no token, as data sets have
    labels of letters.
    """

    def __init__(self, path: Path, names: list[str], head: Answers) -> None:
        self._file: IO[str] = path.open("w", encoding="utf-8")
        self._names = names
        named = head.task is Task.CLASSIFICATION and bool(head.class_names)
        self._is_string = named and all(len(name) == 1 and name != "." for name in head.class_names)

    def write(self, scored: Scored) -> None:
        if scored.texts is not None:
            return self._write_letters(scored, scored.texts)
        for row, scores_K in enumerate(scored.scores_NK):
            item: dict[str, Any] = {"item": scored.first + row}
            if scored.ids is not None:
                item["id"] = scored.ids[row]
            if scored.predicted is not None:
                item["predicted"] = scored.predicted[row]
            values = (None if np.isnan(score) else float(_digits(score)) for score in scores_K)
            item["scores"] = dict(zip(self._names, values, strict=True))
            self._file.write(json.dumps(item) + "\n")

    def _write_letters(self, scored: Scored, texts: Sequence[str]) -> None:
        last = 0
        for number, text in enumerate(texts):
            first, last = last, last + len(text)
            item: dict[str, Any] = {"item": scored.first + number}
            if scored.ids is not None:
                item["id"] = scored.ids[number]
            if scored.predicted is not None:
                found = scored.predicted[first:last]
                item["predicted"] = "".join(str(one or ".") for one in found) if self._is_string else found
            item["scores"] = {
                name: [None if np.isnan(score) else float(_digits(score)) for score in scores_L]
                for name, scores_L in zip(self._names, scored.scores_NK[first:last].T, strict=True)
            }
            self._file.write(json.dumps(item) + "\n")

    def close(self) -> None:
        self._file.close()


class _Parquet:
    """Columns `item`, `id`, of letters `position` and `letter`, `predicted`, and scores by name, float32."""

    def __init__(self, path: Path, names: list[str], head: Answers) -> None:
        self._path, self._names, self._head = path, names, head
        self._writer: Any = None

    def write(self, scored: Scored) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        items, ids, places, letters = zip(*scored.places(), strict=True)
        columns: dict[str, Any] = {"item": pa.array(items, pa.int64())}
        if scored.ids is not None:
            columns["id"] = pa.array(ids, pa.string())
        if scored.texts is not None:
            columns |= {"position": pa.array(places, pa.int64()), "letter": pa.array(letters, pa.string())}
        if scored.predicted is not None:
            one = pa.string() if self._head.class_names else pa.int64()
            kind = pa.list_(one) if self._head.task is Task.LABELS else one
            columns["predicted"] = pa.array(scored.predicted, kind)
        for name, scores_N in zip(self._names, scored.scores_NK.T, strict=True):
            columns[name] = pa.array(scores_N, pa.float32(), from_pandas=True)
        table = pa.table(columns)
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, table.schema)
        self._writer.write_table(table)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


class _Npy:
    """The scores alone, (N, K) float32."""

    def __init__(self, path: Path, names: list[str], head: Answers) -> None:
        self._path = path
        self._parts = [np.zeros((0, len(names)), dtype=np.float32)]

    def write(self, scored: Scored) -> None:
        self._parts.append(scored.scores_NK)

    def close(self) -> None:
        with self._path.open("wb") as file:
            np.save(file, np.concatenate(self._parts), allow_pickle=False)


def _cell(found: Predicted) -> int | str | None:
    if isinstance(found, list):
        return escape_formula(",".join(map(str, found)))
    return escape_formula(found) if isinstance(found, str) else found


def _digits(score: np.float32) -> str:
    return f"{float(score):.{DIGITS}g}"


_WRITERS: dict[str, Callable[[Path, list[str], Answers], Writer]] = {
    ".tsv": _Tsv,
    ".jsonl": _Jsonl,
    ".parquet": _Parquet,
    ".npy": _Npy,
}
