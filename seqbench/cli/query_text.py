"""Rows of a query as CSV, JSON and Markdown."""

import csv
import io
import json
import math
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from seqbench.core.redaction import printable
from seqbench.core.spreadsheet import escape_formula, markdown_text


def to_csv(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Comma-separated, empty where missing; before text that a spreadsheet would run stands an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([escape_formula(column) for column in columns])
    writer.writerows([_csv_cell(cell) for cell in row] for row in rows)
    return out.getvalue()


def to_json(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A list of objects, one a row; null where missing or no finite number."""
    found = [dict(zip(columns, map(_json_cell, row), strict=True)) for row in rows]
    return json.dumps(found, indent=1, default=str, ensure_ascii=False, allow_nan=False) + "\n"


def to_markdown(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table with four digits a number, numbers to the right."""
    right = numeric(columns, rows)
    rule = ["---:" if numbers else "---" for numbers in right]
    cells = [[_markdown_cell(readable(cell)) for cell in row] for row in rows]
    lines = [[_markdown_cell(column) for column in columns], rule, *cells]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def readable(cell: Any) -> str:
    """A cell as people read it: floats with four digits, times to the second, empty where missing."""
    if cell is None:
        return ""
    if isinstance(cell, float):
        return f"{cell:.0f}" if 1e4 <= abs(cell) < 1e15 else f"{cell:.4g}"
    return str(cell)[:19] if isinstance(cell, datetime) else printable(_text(cell))


def numeric(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[bool]:
    """Which columns hold numbers only; none of those that are empty."""
    return [
        all(cell is None or _is_number(cell) for cell in column) and any(cell is not None for cell in column)
        for column in (zip(*rows, strict=True) if rows else [()] * len(columns))
    ]


def _is_number(cell: Any) -> bool:
    return isinstance(cell, int | float | Decimal) and not isinstance(cell, bool)


def _csv_cell(cell: Any) -> Any:
    if cell is None or _is_number(cell):
        return "" if cell is None else cell
    return escape_formula(_text(cell))


def _text(cell: Any) -> str:
    if isinstance(cell, bool):
        return str(cell).lower()
    return json.dumps(cell, default=str) if isinstance(cell, list | dict) else str(cell)


def _json_cell(cell: Any) -> Any:
    """JSON has neither NaN nor infinity; both are null. Exact decimals are numbers."""
    if isinstance(cell, Decimal):
        return float(cell)
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell


def _markdown_cell(text: str) -> str:
    return markdown_text(text.replace("\\", "\\\\"))
