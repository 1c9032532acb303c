"""A table of the report, and its forms for programs and for people."""

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from seqbench.core.spreadsheet import escape_formula, markdown_text

Cell = str | int | float | bool | None
MISSING = "–"
"""What people read where there is no number."""
AS_GOOD = "†"
"""Beside a score that can't be told apart from the best."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TablePart:
    """Rows that have the same columns."""

    title: str
    """Empty where the table has one part."""
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    printed: tuple[str, ...] = ()
    """Columns of the forms for people; empty for all."""
    best: frozenset[tuple[int, int]] = frozenset()
    """Row and column of scores that are the best of their data set, counted from 0."""
    as_good: frozenset[tuple[int, int]] = frozenset()
    """Of scores that can't be told apart from the best."""

    def shown(self) -> tuple[int, ...]:
        """Numbers of the columns that people see."""
        return tuple(self.columns.index(name) for name in self.printed or self.columns)

    def is_numeric(self, column: int) -> bool:
        """Whether a column holds no text."""
        return not any(isinstance(row[column], str | bool) for row in self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table of the report; its name is that of its files."""

    name: str
    title: str
    note: str
    """One or two sentences on how to read it."""
    parts: tuple[TablePart, ...]
    for_people: bool = True
    """Whether it is short enough to be read; if not it has no Markdown and no LaTeX."""


def to_tsv(table: Table) -> str:
    """All parts as one table with the columns of all; numbers in full, empty where missing.

    Text can't break out of its cell: tabs and line ends become spaces, and where a spreadsheet would take it
    for a formula an apostrophe stands before it.
    """
    columns = _columns(table)
    rows = ("\t".join(map(_plain, row)) for row in _rows(table, columns))
    return "\n".join(["\t".join(columns), *rows]) + "\n"


def to_csv(table: Table) -> str:
    """The same with commas; cells that hold commas or quotes are quoted (RFC 4180, with line feeds)."""
    columns = _columns(table)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_plain(cell) for cell in row] for row in _rows(table, columns))
    return buffer.getvalue()


def to_json(table: Table) -> str:
    """A list of records, one a line, with numbers in full, and null where missing or not finite."""
    columns = _columns(table)
    records = (
        json.dumps(dict(zip(columns, map(_finite, row), strict=True)), ensure_ascii=False, allow_nan=False)
        for row in _rows(table, columns)
    )
    return "[\n" + ",\n".join(records) + "\n]\n"


def to_markdown(table: Table) -> str:
    """A heading, the note, and a Markdown table for each part; numbers of four digits, – where missing.

    The best scores are bold; † marks those that can't be told apart from them.
    """
    blocks = [f"# {table.title}", " ".join([table.note, *marks_note(table)])]
    for part in table.parts:
        if part.title:
            blocks.append(f"## {part.title}")
        shown = part.shown()
        rule = "|".join(" ---: " if part.is_numeric(column) else " --- " for column in shown)
        lines = [_markdown_row([part.columns[column] for column in shown]), f"|{rule}|"]
        for number, row in enumerate(part.rows):
            lines.append(_markdown_row([_marked(part, number, c, readable(row[c])) for c in shown]))
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def marks_note(table: Table) -> tuple[str, ...]:
    """What marks mean, as far as the table has them."""
    best = any(part.best for part in table.parts)
    as_good = any(part.as_good for part in table.parts)
    said = ("Bold: best of the data set.",) if best else ()
    return (*said, f"{AS_GOOD}: can't be told apart from the best.") if as_good else said


def readable(cell: Cell, digits: int = 4) -> str:
    """A cell as people read it: floats with so many decimals, – where missing."""
    if cell is None:
        return MISSING
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return f"{cell:.{digits}f}" if isinstance(cell, float) else str(cell)


def _columns(table: Table) -> tuple[str, ...]:
    return tuple(dict.fromkeys(column for part in table.parts for column in part.columns))


def _rows(table: Table, columns: Sequence[str]) -> list[list[Cell]]:
    """The rows of all parts with the same columns."""
    found = []
    for part in table.parts:
        places = [part.columns.index(column) if column in part.columns else None for column in columns]
        found += [[None if place is None else row[place] for place in places] for row in part.rows]
    return found


def _plain(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if not isinstance(cell, str):
        return repr(cell)
    return escape_formula(" ".join(cell.split()))


def _finite(cell: Cell) -> Cell:
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell


def _marked(part: TablePart, row: int, column: int, words: str) -> str:
    if (row, column) in part.best:
        return f"**{words}**"
    return f"{words} {AS_GOOD}" if (row, column) in part.as_good else words


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(markdown_text, cells)) + " |"
