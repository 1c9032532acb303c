"""Users' SQL: one statement that reads, and nothing else."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqbench.catalog.connection import is_of_the_file, one_line
from seqbench.catalog.frames import data_frame
from seqbench.catalog.names import advice_on_column, missing_column, schema_of
from seqbench.catalog.parquet import write_parquet
from seqbench.errors import CatalogError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, Error
    from pandas import DataFrame

READING = ("SELECT", "EXPLAIN", "MULTI")
"""DuckDB's kinds of the statements that may run: WITH, FROM, DESCRIBE, SHOW, SUMMARIZE and VALUES are SELECT
to it, PIVOT is MULTI."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryResult:
    """A table: names and DuckDB types of its columns, and its rows; JSON comes as text, NULL as None."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: list[tuple[Any, ...]]

    def to_pandas(self) -> "DataFrame":
        """The rows as a data frame: whole numbers stay whole where some are missing, times are UTC.

        Raises:
            CatalogError: pandas is not installed.
        """
        return data_frame(self.columns, self.types, self.rows)

    def write_parquet(self, path: str | os.PathLike[str]) -> None:
        """Write the rows to a Parquet file, each column with the type that it has in the query.

        Raises:
            CatalogError: It can't be written there.
        """
        write_parquet(self.columns, self.types, self.rows, Path(path))


def run_query(
    connection: "DuckDBPyConnection", sql: str, parameters: Sequence[object] | Mapping[str, object]
) -> QueryResult:
    """Run one reading statement on a connection with the settings of `connection.READER`.

    Raises:
        CatalogError: It is not one statement, not one that reads, or wrong.
        duckdb.Error: The file is damaged; `connection.connect` says so in words.
    """
    import duckdb

    try:
        statements = connection.extract_statements(sql)
        _check(statements)
        cursor = connection.execute(statements[0], parameters or None)
        described = cursor.description or []
        return QueryResult(
            columns=tuple(str(column[0]) for column in described),
            types=tuple(str(column[1]) for column in described),
            rows=cursor.fetchall(),
        )
    except duckdb.Error as error:
        if is_of_the_file(error):
            raise
        raise CatalogError(f"query: {_fault(connection, sql, error)}") from error


def _fault(connection: "DuckDBPyConnection", sql: str, error: "Error") -> str:
    """What is wrong with a query, and what may have been meant."""
    column = missing_column(str(error))
    if column is not None:
        return f"no column {column!r} ({advice_on_column(column, sql, schema_of(connection))})"
    said = one_line(error).split(" Candidate functions:")[0]
    if "pytz" in said:
        return "times with a zone need pytz (pip install pytz, or write now()::TIMESTAMP)"
    return f"{said} (`SHOW TABLES` and `DESCRIBE <table>` tell what there is)"


def _check(statements: Sequence[Any]) -> None:
    if len(statements) != 1:
        raise CatalogError(
            f"query: {len(statements)} statements, expected one (SELECT … without a second `;`)"
        )
    kind = statements[0].type.name
    if kind not in READING:
        raise CatalogError(
            f"query: {kind} is refused, since queries only read: "
            "use SELECT, WITH, FROM, PIVOT, DESCRIBE, SHOW, SUMMARIZE or EXPLAIN"
        )
