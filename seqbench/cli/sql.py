"""`seqbench sql`: a read-only query of the catalog."""

import re
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqbench.cli.options import console
from seqbench.core.atomic import atomic_write
from seqbench.errors import ConfigError

STARTS = ("FROM ", "SELECT ", "SHOW TABLES", "DESCRIBE ")
"""What a query may start with, offered where nothing has been typed."""


def complete_query(incomplete: str) -> list[str]:
    """Ways to go on with a query whose last word has been begun.

    After FROM, JOIN or DESCRIBE these are tables and views, elsewhere also the columns of those that the
    query names (of all where it names none). The names are those of this version's schema, to which every
    catalog is brought when it is read: no file is opened, so a shell never waits.

    Args:
        incomplete: What has been typed of the query.

    Returns:
        Whole queries up to the completed word, as shells replace all that was typed.
    """
    from seqbench.catalog.names import current_schema, tables_in

    found = re.search(r"(?:(from|join|describe|summarize)\s+)?(\w*)$", incomplete, flags=re.IGNORECASE)
    after, word = (found[1], found[2]) if found else (None, "")
    typed = incomplete[: len(incomplete) - len(word)]
    schema = current_schema()
    names = list(schema)
    if not incomplete:
        names = list(STARTS)
    elif not after:
        named = tables_in(typed, schema) or list(schema)
        names = list(dict.fromkeys([*(column for table in named for column in schema[table]), *schema]))
    return [typed + name for name in names if name.startswith(word)]


if TYPE_CHECKING:
    from seqbench.catalog import QueryResult


class Format(StrEnum):
    """How rows are printed or written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"
    MD = "md"


def sql(
    query: Annotated[
        str,
        typer.Argument(
            help="One SELECT (or DESCRIBE, SHOW, SUMMARIZE); `-` reads it from standard input.",
            autocompletion=complete_query,
        ),
    ],
    catalog: Annotated[Path, typer.Option(help="The catalog to query.")] = Path("catalog.duckdb"),
    format: Annotated[
        Format | None,
        typer.Option(help="How to print the rows; by default a table, or what the name of --out ends in."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the rows to this file; Parquet is only written to files.")
    ] = None,
) -> None:
    """Query the catalog with SQL, read-only. Start with: SHOW TABLES, or SELECT * FROM leaderboard."""
    from seqbench.catalog import open_catalog

    chosen = _format(format, out)
    text = sys.stdin.read() if query == "-" else query
    result = open_catalog(catalog).query(text)
    if out is not None:
        _write(result, chosen, out)
    elif chosen is Format.TABLE:
        from seqbench.cli.query_table import print_rows

        print_rows(result.columns, result.rows, console())
    else:
        sys.stdout.write(_text(result, chosen))


def _format(given: Format | None, out: Path | None) -> Format:
    """What is asked for, or what the file's name says.

    Raises:
        ConfigError: Parquet without a file, or a file whose name tells no format.
    """
    if out is None:
        if given is Format.PARQUET:
            raise ConfigError("--format parquet: is no text for a terminal (name a file with --out)")
        return given or Format.TABLE
    ending = out.suffix.removeprefix(".").lower()
    if given is None and ending not in list(Format):
        known = ", ".join(f".{each}" for each in Format if each is not Format.TABLE)
        raise ConfigError(f"--out {out}: its name tells no format (say --format, or end it in {known})")
    return given or Format(ending)


def _text(result: "QueryResult", format: Format) -> str:
    """The rows as CSV, JSON or Markdown."""
    from seqbench.cli.query_text import to_csv, to_json, to_markdown

    make = {Format.CSV: to_csv, Format.JSON: to_json, Format.MD: to_markdown}[format]
    return make(result.columns, result.rows)


def _table(result: "QueryResult") -> str:
    """The rows as a table as wide as it needs to be."""
    import io

    from rich.console import Console

    from seqbench.cli.query_table import print_rows

    page = io.StringIO()
    print_rows(result.columns, result.rows, Console(file=page, width=100_000))
    return page.getvalue()


def _write(result: "QueryResult", format: Format, out: Path) -> None:
    """Write a file beside its place and then rename it, so that a reader never sees half of it.

    Raises:
        ConfigError: It can't be written there.
    """
    try:
        out.parent.stat()  # a folder that is not there is rather misspelt than to be made
        with atomic_write(out) as partial:
            if format is Format.PARQUET:
                result.write_parquet(partial)
            else:
                text = _table(result) if format is Format.TABLE else _text(result, format)
                partial.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--out {out}: can't be written: {error.strerror}") from error
