"""Names of tables, views and columns: of this version's schema, and near ones for a name that is wrong."""

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from seqbench.catalog.migrate import migrate

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Schema = dict[str, tuple[str, ...]]
"""Columns by table or view."""

MOST_NEAR = 5
"""How many near names are told."""

_NO_COLUMN = re.compile(
    r'column (?:named )?"([^"]+)" (?:not found|does not exist)|not have a column named "([^"]+)"', re.I
)
_COLUMNS = (
    "SELECT table_name, list(column_name ORDER BY column_index) FROM duckdb_columns() WHERE NOT internal "
    "GROUP BY table_name ORDER BY table_name"
)


def current_schema() -> Schema:
    """What a catalog of this version holds; no file is opened, so this neither waits nor fails."""
    import duckdb

    with duckdb.connect(":memory:") as connection:
        migrate(connection)
        return schema_of(connection)


def schema_of(connection: "DuckDBPyConnection") -> Schema:
    """What the catalog that a connection has open holds."""
    return {table: tuple(columns) for table, columns in connection.execute(_COLUMNS).fetchall()}


def missing_column(message: str) -> str | None:
    """The name that DuckDB says is no column; None where it says something else."""
    found = _NO_COLUMN.search(message)
    return None if found is None else found[1] or found[2]


def advice_on_column(name: str, sql: str, schema: Mapping[str, Iterable[str]]) -> str:
    """One sentence on what may have been meant by a column that the query's tables lack.

    Args:
        name: The column.
        sql: The query, in which tables and views are found by their names.
        schema: What there is.
    """
    asked = tables_in(sql, schema) or list(schema)
    near = near_names(name, (column for table in asked for column in schema[table]))
    elsewhere = [table for table, columns in schema.items() if name in columns and table not in asked]
    if near:
        return f"near it: {', '.join(near)}"
    if elsewhere:
        return f"it is in {', '.join(elsewhere)}"
    return f"`DESCRIBE {asked[0] if len(asked) == 1 else '<table>'}` tells what there is"


def tables_in(sql: str, schema: Mapping[str, Iterable[str]]) -> list[str]:
    """Tables and views whose names stand in a query."""
    words = {word.lower() for word in re.findall(r"\w+", sql)}
    return [table for table in schema if table in words]


def near_names(name: str, known: Iterable[str]) -> list[str]:
    """Names that are spelled much like one, and those that hold it, the likeliest first."""
    names = list(dict.fromkeys(known))
    lower = name.lower()
    holding = [
        other for other in names if len(lower) > 2 and (lower in other.lower() or other.lower() in lower)
    ]
    alike = difflib.get_close_matches(lower, names, MOST_NEAR)
    holding.sort(key=lambda other: (not other.lower().startswith(lower), len(other)))
    return list(dict.fromkeys([*holding, *alike]))[:MOST_NEAR]
