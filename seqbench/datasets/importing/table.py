"""CSV and TSV as streams of rows: the delimiter is found out, columns go by name, quotes are understood."""

import csv
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from seqbench.datasets.importing.inputs import MAX_LINE_BYTES, Inputs
from seqbench.datasets.importing.record import Place, shorten
from seqbench.errors import DataError

DELIMITERS: Final = ("\t", ",", ";", "|")

SHOWN_COLUMNS: Final = 12


class TableColumns:
    """The named columns of a table, by position."""

    def __init__(self, names: Sequence[str], where: object) -> None:
        self.names = tuple(names)
        self._where = where

    def position(self, name: str, option: str) -> int:
        """Find a column.

        Raises:
            DataError: There is none of that name, or there are several.
        """
        found = [index for index, each in enumerate(self.names) if each == name]
        if len(found) == 1:
            return found[0]
        if found:
            raise DataError(f"{self._where}: has {len(found)} columns {name!r} (rename all but one)")
        shown = ", ".join(shorten(each) for each in self.names[:SHOWN_COLUMNS])
        more = ", …" if len(self.names) > SHOWN_COLUMNS else ""
        raise DataError(f"{self._where}: has no column {shorten(name)} ({option}), only {shown}{more}")

    def first_of(self, *names: str) -> str | None:
        """The first of usual names that is there, in any case."""
        lowered = {each.lower(): each for each in reversed(self.names)}
        return next((lowered[name] for name in names if name in lowered), None)


class TableRows:
    """The rows of one CSV or TSV file, in one pass."""

    def __init__(self, path: Path, inputs: Inputs, delimiter: str | None, wanted: Sequence[str]) -> None:
        # The limit is the process's own, and 128 kB by default: shorter than many sequences.
        csv.field_size_limit(min(MAX_LINE_BYTES, sys.maxsize))
        self._path = path
        self._lines = (text + "\n" for _, text in inputs.lines(path))
        first = next(self._lines, "")
        if not first.strip():
            raise DataError(f"{path}:1: the first line is empty; it must name the columns")
        self._delimiter = delimiter or _delimiter(first, wanted)
        self._reader = csv.reader(self._replayed(first), delimiter=self._delimiter, strict=True)
        self.columns = TableColumns([name.strip() for name in self._next() or []], f"{path}:1")

    def __iter__(self) -> Iterator[tuple[Place, list[str]]]:
        width = len(self.columns.names)
        while (row := self._next()) is not None:
            if not row:
                continue
            if len(row) != width:
                raise DataError(
                    f"{self._path}:{self._start}: has {len(row)} fields, the first line {width} "
                    f"(the delimiter is {self._delimiter!r}; quote fields that hold it)"
                )
            yield Place(self._path, self._start), row

    def _replayed(self, first: str) -> Iterator[str]:
        yield first
        yield from self._lines

    def _next(self) -> list[str] | None:
        """The next row, with the number of its first line in `_start`; None at the end."""
        self._start = self._reader.line_num + 1
        try:
            return next(self._reader, None)
        except csv.Error as error:
            raise DataError(
                f"{self._path}:{self._start}: {error} (is a quote left open from this line on? Is the "
                f"delimiter {self._delimiter!r}?)"
            ) from error


def read_labels(path: Path, inputs: Inputs) -> dict[str, str]:
    """Read a table of ids and labels; it is held in memory, about 150 bytes a row.

    Columns `id` and `label` are taken where the first line names them; else the first two, from the first
    line on.

    Raises:
        DataError: There are no two columns, or an id has two labels.
    """
    rows = TableRows(path, inputs, None, ("id", "label"))
    names = rows.columns.names
    labels: dict[str, str] = {}
    pairs = (0, 1)
    if {"id", "label"} <= set(names):
        pairs = (rows.columns.position("id", "id"), rows.columns.position("label", "label"))
    elif len(names) < 2:
        raise DataError(f"{path}:1: must have two columns, id and label, got {shorten(names[0])}")
    else:
        labels[names[0]] = names[1]
    for place, row in rows:
        name, label = row[pairs[0]].strip(), row[pairs[1]].strip()
        if labels.setdefault(name, label) != label:
            raise DataError(
                f"{place}: id {shorten(name)} has label {shorten(label)}, before {shorten(labels[name])}"
            )
    return labels


def check_delimiter(text: str | None) -> str | None:
    r"""A delimiter as users type it: one character, `\t` or `tab`.

    Raises:
        DataError: It is none.
    """
    known = {"\\t": "\t", "tab": "\t", "comma": ",", "semicolon": ";"}
    text = None if text is None else known.get(text, text)
    if text is not None and (len(text) != 1 or text in '"\r\n\0'):
        raise DataError(f"--delimiter {shorten(text)} must be one character, or tab")
    return text


def _delimiter(first: str, wanted: Sequence[str]) -> str:
    """The delimiter under which the first line names the wanted columns, else that of most columns."""

    def fit(delimiter: str) -> tuple[int, int]:
        try:
            names = next(csv.reader([first], delimiter=delimiter), [])
        except csv.Error:
            return 0, 0
        stripped = {name.strip() for name in names}
        return len(stripped & set(wanted)), len(names)

    return max(DELIMITERS, key=fit)
