"""Query results as a Parquet file, written from the rows: users' SQL itself can write nothing."""

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from seqbench.catalog.columns import Columns, integers, numbers, texts
from seqbench.errors import CatalogError

_WHOLE = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT"})
_REAL = frozenset({"FLOAT", "DOUBLE"})


def write_parquet(
    columns: Sequence[str], types: Sequence[str], rows: Sequence[tuple[Any, ...]], path: Path
) -> None:
    """Write rows to a file, each column with the type that it had in the query.

    Args:
        columns: Their names; of equal ones the later get a number.
        types: As DuckDB writes them.
        rows: What the query gave.
        path: Replaced if it is there.

    Raises:
        CatalogError: It can't be written there.
    """
    import duckdb

    kinds = [kind.replace('"NULL"', "VARCHAR") for kind in types]
    names = [f"c{index}" for index in range(len(kinds))]
    given: Columns = {
        name: _column([row[index] for row in rows], kind)
        for index, (name, kind) in enumerate(zip(names, kinds, strict=True))
    }
    made = ", ".join(f"{name} {_raw(kind)}" for name, kind in zip(names, kinds, strict=True))
    cast = ", ".join(
        f'{_cast(name, kind)} AS "{shown.replace(chr(34), chr(34) * 2)}"'
        for name, kind, shown in zip(names, kinds, _distinct(columns), strict=True)
    )
    target = str(path).replace("'", "''")
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"CREATE TABLE incoming ({made})")
        if rows:
            connection.register("given", given)
            connection.execute("INSERT INTO incoming BY NAME FROM given")
        try:
            connection.execute(f"COPY (SELECT {cast} FROM incoming) TO '{target}' (FORMAT parquet)")  # noqa: S608
        except duckdb.IOException as error:
            raise CatalogError(f"{path}: can't be written: {str(error).splitlines()[0]}") from error


def _distinct(names: Sequence[str]) -> list[str]:
    """Names of columns, with a number after those that were there before."""
    found: list[str] = []
    for name in names:
        count, new = 1, name
        while new in found:
            count, new = count + 1, f"{name}_{count}"
        found.append(new)
    return found


def _column(cells: Sequence[Any], kind: str) -> Any:
    """The column as numbers, or as text that DuckDB reads back."""
    if kind in _WHOLE:
        return integers(cells)
    if kind in _REAL:
        return numbers(cells)
    write = _json if _is_nested(kind) else _text
    return texts(None if cell is None else write(cell) for cell in cells)


def _is_nested(kind: str) -> bool:
    """Whether a cell is a list, a struct or a map."""
    return kind.endswith("]") or kind.startswith(("STRUCT(", "MAP("))


def _raw(kind: str) -> str:
    """The type of a column as it comes in."""
    return kind if kind in _WHOLE | _REAL else "VARCHAR"


def _cast(name: str, kind: str) -> str:
    """Turns a column into its type."""
    if _is_nested(kind):
        return f"CAST(CAST({name} AS JSON) AS {kind})"
    return f"unhex({name})" if kind == "BLOB" else f"CAST({name} AS {kind})"


def _text(cell: object) -> str:
    if isinstance(cell, bytes):
        return cell.hex()
    if isinstance(cell, timedelta):
        return f"{cell // timedelta(microseconds=1)} microseconds"
    return str(cell)


def _json(cell: object) -> str:
    return json.dumps(cell, default=str)
