"""Tables as a source: CSV, TSV, Parquet and JSONL, with sequences, labels and splits in named columns."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from seqbench.core.types import SplitName
from seqbench.datasets.importing.files import SplitPath
from seqbench.datasets.importing.inputs import Inputs, check_file
from seqbench.datasets.importing.jsonl import JsonlTable, is_jsonl
from seqbench.datasets.importing.kinds import check_kind
from seqbench.datasets.importing.parquet import ParquetTable, is_parquet, label_shape, open_table
from seqbench.datasets.importing.record import LabelShape, Place, RawLabel, Record, Region, Skip, shorten
from seqbench.datasets.importing.splits import split_named
from seqbench.datasets.importing.table import TableColumns, TableRows
from seqbench.datasets.importing.targets import TargetColumn
from seqbench.datasets.index import ID_KEYS
from seqbench.datasets.label_text import list_in_text
from seqbench.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnNames:
    """Which columns hold what; empty or None: the usual names, where they are there."""

    sequences: tuple[str, ...] = ()
    """`sequence` or `seq`, else `seq1`, `seq2` …"""
    labels: tuple[str, ...] = ()
    """`label`."""
    id: str | None = None
    """`id` or `name`."""
    split: str | None = None
    chrom: str | None = None
    start: str | None = None
    end: str | None = None
    strand: str | None = None

    def all(self) -> tuple[str, ...]:
        """All names that were given."""
        single = (self.id, self.split, self.chrom, self.start, self.end, self.strand)
        return (*self.sequences, *self.labels, *(name for name in single if name is not None))


Cell = str | tuple[str, ...]
"""A cell as text; lists of Parquet are tuples."""


@dataclass(frozen=True, kw_only=True)
class TableSource:
    """Tables of one form, all with a first line (or schema) that names the columns."""

    files: Sequence[SplitPath]
    columns: ColumnNames = field(default_factory=ColumnNames)
    delimiter: str | None = None
    targets: tuple[TargetColumn, ...] = ()
    """Several labels of an item, a column each; instead of `columns.labels`."""
    label_separator: str | None = None
    """Labels of one column are sets of names, written with this between them."""
    known_shape: LabelShape | None = None
    """How labels are given, where there are no files that tell."""
    kind: str = "table"

    @property
    def label_from(self) -> str:
        """The columns, for messages."""
        if self.targets:
            return f"any of columns {', '.join(each.column for each in self.targets)}"
        return f"column {', '.join(self.columns.labels) or 'label'}"

    @cached_property
    def shape(self) -> LabelShape:
        """Of several columns or one; a column of lists in Parquet is either."""
        if self.targets:
            return "targets"
        if self.known_shape is not None:
            return self.known_shape
        if self.label_separator is not None:
            return "set"
        if len(self.columns.labels) > 1:
            return "columns"
        first = self.files[0].path
        if is_parquet(first) or first.suffix == ".arrow":
            return label_shape(first, self.columns.labels)
        if is_jsonl(first):
            table = JsonlTable(first, Inputs(first.parent, lambda _: None))
            return table.label_shape(next(iter(self.columns.labels), None))
        return self._shape_in_text(first)

    def _shape_in_text(self, path: Path) -> LabelShape:
        """By the first row of a CSV or TSV file: a list may be saved as text."""
        rows = self._rows(path, Inputs(path.parent, lambda _: None))
        taken = self._taken(rows.columns)
        for _, row in rows:
            found = list_in_text(row[taken.labels[0]])
            return "one" if found is None else "set" if _are_names(found) else "columns"
        return "one"

    def _rows(self, path: Path, inputs: Inputs) -> TableRows:
        check_kind(path, "a table", "BED")
        return TableRows(path, inputs, self.delimiter, self.columns.all() or ("label",))

    @cached_property
    def _names(self) -> dict[int, str]:
        return {}

    @property
    def class_names(self) -> Mapping[int, str]:
        """Names of several label columns, or those that Hugging Face gives to classes in a Parquet file."""
        if self.targets:
            return {}
        return dict(enumerate(self.columns.labels)) if len(self.columns.labels) > 1 else self._names

    def size(self) -> int:
        """Bytes of all files."""
        return sum(check_file(each.path) for each in self.files)

    def settings(self) -> dict[str, object]:
        """Which columns are taken."""
        names = {key: getattr(self.columns, key) for key in self.columns.__dataclass_fields__}
        targets = {each.name: each.column for each in self.targets}
        told: dict[str, object] = {
            "columns": names,
            "delimiter": self.delimiter,
            "label_separator": self.label_separator,
        }
        return {**told, "targets": targets} if targets else told

    def read(self, inputs: Inputs) -> Iterator[Record | Skip]:
        """Yield an item a row.

        Raises:
            DataError: A column is missing, a file is no table, or a row is at fault.
        """
        for file in self.files:
            if is_parquet(file.path) or file.path.suffix == ".arrow":
                inputs.hash_only(file.path)
                table = open_table(file.path)
                yield from self.records(table, file.path, file.split)
            elif is_jsonl(file.path):
                yield from self.records(JsonlTable(file.path, inputs), file.path, file.split)
            else:
                rows = self._rows(file.path, inputs)
                taken = self._taken(rows.columns)
                for place, row in rows:
                    yield self._record(taken, place, row, file.split)

    def records(self, table: ParquetTable, path: Path | str, split: SplitName | None) -> Iterator[Record]:
        """Yield an item a row of an opened table.

        Raises:
            DataError: A column is missing or a row is at fault.
        """
        every = TableColumns(table.names, path)
        chosen = self._taken(every)
        wanted = [every.names[index] for index in chosen.positions]
        if len(chosen.labels) == 1:
            self._names.update(table.class_names(every.names[chosen.labels[0]]))
        taken = self._taken(TableColumns(wanted, path))
        for number, row in enumerate(table.rows(wanted), start=1):
            yield self._record(taken, Place(path, number, rows=True), row, split)

    def _taken(self, columns: TableColumns) -> "_Taken":
        return _Taken(columns, self.columns, "--target" if self.targets else "--label")

    def _record(self, taken: "_Taken", place: Place, row: Sequence[Cell], split: SplitName | None) -> Record:
        sequences = tuple(_text(row[index], place).strip() for index in taken.sequences)
        if taken.split is not None:
            validation = "" if taken.validation is None else _text(row[taken.validation], place)
            split = split_named(_text(row[taken.split], place), place, validation)
        return Record(
            place=place,
            sequences=sequences,
            label=self._label([row[index] for index in taken.labels], place),
            id=None if taken.id is None else _text(row[taken.id], place) or None,
            split=split,
            region=taken.region(row, place),
        )

    def _label(self, cells: Sequence[Cell], place: Place) -> RawLabel | None:
        if self.shape == "targets":
            return tuple(_cell_text(cell) for cell in cells)
        first = cells[0]
        if len(cells) == 1 and isinstance(first, str) and self.shape != "one" and not self.label_separator:
            first = tuple("" if each is None else str(each) for each in list_in_text(first) or [first])
        if self.shape == "one":
            return _text(first, place).strip()
        if self.shape == "columns":
            values = first if len(cells) == 1 and isinstance(first, tuple) else cells
            return tuple(_text(value, place).strip() for value in values)
        if isinstance(first, tuple):
            return tuple(dict.fromkeys(first))
        parts = first.split(self.label_separator) if self.label_separator else [first]
        return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


class _Taken:
    """Positions of the columns that are used."""

    def __init__(self, columns: TableColumns, names: ColumnNames, label_option: str) -> None:
        find = columns.position
        sequences = names.sequences or _usual_sequences(columns)
        self.sequences = [find(name, "--sequence") for name in sequences]
        labels = names.labels or (columns.first_of("label", "labels") or "label",)
        self.labels = [find(name, label_option) for name in labels]
        used = {columns.names[at] for at in (*self.sequences, *self.labels)}
        usual = (columns.first_of(name) for name in ID_KEYS)
        identifier = names.id or next((name for name in usual if name is not None and name not in used), None)
        self.id = None if identifier is None else find(identifier, "--id-column")

        def optional(name: str | None, option: str) -> int | None:
            return None if name is None else find(name, option)

        self.split = optional(names.split, "--split-column")
        beside = columns.first_of("validation") if names.split is not None else None
        self.validation = (
            columns.names.index(beside) if beside not in (None, names.split, *names.labels) else None
        )
        self.chrom = optional(names.chrom, "--chromosome-column")
        self.start = optional(names.start, "--start-column")
        self.end = optional(names.end, "--end-column")
        self.strand = optional(names.strand, "--strand-column")

    @property
    def positions(self) -> list[int]:
        """All of them, ascending, each once."""
        single = (self.id, self.split, self.validation, self.chrom, self.start, self.end, self.strand)
        return sorted({*self.sequences, *self.labels, *(at for at in single if at is not None)})

    def region(self, row: Sequence[Cell], place: Place) -> Region | None:
        """Where the row's sequence lies, as far as its columns say."""
        if self.chrom is None:
            return None
        chrom = _text(row[self.chrom], place).strip()
        if self.start is None or self.end is None:
            return Region(chrom)
        start, end = (_whole(row[at], place) for at in (self.start, self.end))
        strand = "+" if self.strand is None else _text(row[self.strand], place).strip()
        return Region(chrom, start, end, strand if strand in ("+", "-") else "+")


def _are_names(values: Sequence[object]) -> bool:
    return bool(values) and all(isinstance(value, str) for value in values)


def _usual_sequences(columns: TableColumns) -> tuple[str, ...]:
    if single := columns.first_of("sequence", "seq"):
        return (single,)
    numbered: list[str] = []
    while name := columns.first_of(f"seq{len(numbered) + 1}"):
        numbered.append(name)
    return tuple(numbered) or ("sequence",)


def _cell_text(cell: Cell) -> str:
    """A target's cell; a list of Parquet as it stands in text."""
    return cell.strip() if isinstance(cell, str) else json.dumps([_number(value) for value in cell])


def _number(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _text(cell: Any, place: Place) -> str:
    if isinstance(cell, str):
        return cell
    raise DataError(f"{place}: a cell holds a list where one value belongs: {shorten(str(cell))}")


def _whole(cell: Cell, place: Place) -> int:
    text = _text(cell, place).strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise DataError(f"{place}: coordinate {shorten(text)} is no whole number from 0")
    return int(text)
