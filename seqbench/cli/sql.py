"""`seqbench sql`: a read-only query of the catalog."""

import csv
import json
import math
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqbench.cli.options import console

if TYPE_CHECKING:
    from seqbench.catalog import QueryResult


class Format(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def sql(
    query: Annotated[str, typer.Argument(help="One SELECT (or DESCRIBE, SHOW, SUMMARIZE).")],
    catalog: Annotated[Path, typer.Option(help="The catalog to query.")] = Path("catalog.duckdb"),
    format: Annotated[Format, typer.Option(help="How to print the rows.")] = Format.TABLE,
) -> None:
    """Query the catalog with SQL, read-only. Start with: SHOW TABLES, or SELECT * FROM leaderboard."""
    from seqbench.catalog import open_catalog

    result = open_catalog(catalog).query(query)
    if format is Format.TABLE:
        _print_table(result)
    elif format is Format.CSV:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(result.columns)
        writer.writerows(["" if cell is None else cell for cell in row] for row in result.rows)
    else:
        rows = [dict(zip(result.columns, map(_plain, row), strict=True)) for row in result.rows]
        json.dump(rows, sys.stdout, indent=1, default=str, ensure_ascii=False, allow_nan=False)
        sys.stdout.write("\n")


def _plain(value: object) -> object:
    """JSON has neither NaN nor infinity; both are null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _print_table(result: "QueryResult") -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    numeric = [
        any(isinstance(row[index], int | float) for row in result.rows)
        for index in range(len(result.columns))
    ]
    for column, right in zip(result.columns, numeric, strict=True):
        table.add_column(Text(column), justify="right" if right else "left", overflow="fold")
    for row in result.rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    out = console()
    out.print(table)
    out.print(f"{len(result.rows)} rows", style="dim", highlight=False)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
