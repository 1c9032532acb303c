"""A table and its two forms: TSV for programs, Markdown for people."""

from collections.abc import Sequence
from dataclasses import dataclass

Cell = str | int | float | None
MISSING = "–"
"""What people read where there is no number."""

_FORMULA = ("=", "+", "-", "@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Rows that have the same columns."""

    title: str
    """Empty where the table has one part."""
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table of the report; its name is that of its files."""

    name: str
    title: str
    note: str
    """One sentence on how to read it."""
    parts: tuple[Part, ...]


def to_tsv(table: Table) -> str:
    """All parts as one table with the columns of all; numbers in full, empty where missing.

    Text can't break out of its cell: tabs and line ends become spaces, and where a spreadsheet would take it
    for a formula an apostrophe stands before it.
    """
    columns = tuple(dict.fromkeys(column for part in table.parts for column in part.columns))
    lines = ["\t".join(columns)]
    for part in table.parts:
        for row in part.rows:
            cells = dict(zip(part.columns, row, strict=True))
            lines.append("\t".join(_tsv_cell(cells.get(column)) for column in columns))
    return "\n".join(lines) + "\n"


def to_markdown(table: Table) -> str:
    """A heading, the note, and a Markdown table for each part; numbers of four digits, – where missing."""
    blocks = [f"# {table.title}", table.note]
    for part in table.parts:
        if part.title:
            blocks.append(f"## {part.title}")
        numeric = [_is_numeric(part, index) for index in range(len(part.columns))]
        rule = "|".join(" ---: " if right else " --- " for right in numeric)
        lines = [_markdown_row(part.columns), f"|{rule}|"]
        lines += [_markdown_row([readable(cell) for cell in row]) for row in part.rows]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def readable(cell: Cell, digits: int = 4) -> str:
    """A cell as people read it: floats with so many decimals, – where missing."""
    if cell is None:
        return MISSING
    return f"{cell:.{digits}f}" if isinstance(cell, float) else str(cell)


def _is_numeric(part: Part, index: int) -> bool:
    return not any(isinstance(row[index], str) for row in part.rows)


def _tsv_cell(cell: Cell) -> str:
    if cell is None:
        return ""
    if not isinstance(cell, str):
        return repr(cell)
    text = " ".join(cell.split())
    return f"'{text}" if text.startswith(_FORMULA) else text


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"
