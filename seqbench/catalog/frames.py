"""Query results as pandas data frames; pandas is loaded where one is made."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from seqbench.catalog.names import near_names
from seqbench.errors import CatalogError

if TYPE_CHECKING:
    from pandas import DataFrame

_KINDS = {
    "BOOLEAN": "boolean",
    "TINYINT": "Int64",
    "SMALLINT": "Int64",
    "INTEGER": "Int64",
    "BIGINT": "Int64",
    "FLOAT": "float64",
    "DOUBLE": "float64",
    "TIMESTAMP": "datetime64[us]",
}
"""How pandas keeps a column of a DuckDB type; `Int64` and `boolean` hold missing values, and others stay as
they are."""


def data_frame(columns: Sequence[str], types: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> "DataFrame":
    """Rows as a data frame: whole numbers stay whole where some are missing, times are UTC without a zone.

    Raises:
        CatalogError: pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise CatalogError("data frames need pandas (pip install 'seqbench[frames]')") from error
    cells: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    made = [
        pandas.Series(list(column), dtype=_KINDS.get(kind, "object"))
        for kind, column in zip(types, cells, strict=True)
    ]
    frame = pandas.concat(made, axis=1) if made else pandas.DataFrame()
    frame.columns = list(columns)
    return frame


def filtered(view: str, columns: Collection[str], filters: Mapping[str, object]) -> tuple[str, list[object]]:
    """A query for the rows of a view that have the wanted values, and its parameters.

    Args:
        view: Name of the view.
        columns: Its columns.
        filters: By column a value, a list of values of which any will do, or None for a missing one.

    Raises:
        CatalogError: The view has no such column.
    """
    conditions, values = [], []
    for name, wanted in filters.items():
        if name not in columns:
            near = near_names(name, columns) or list(columns)
            raise CatalogError(f"{view} has no column {name!r} (near it: {', '.join(near)})")
        if wanted is None:
            conditions.append(f'"{name}" IS NULL')
        elif isinstance(wanted, str) or not isinstance(wanted, Collection):
            conditions.append(f'"{name}" = ?')
            values.append(wanted)
        else:
            conditions.append(f'"{name}" IN (SELECT unnest(?))')
            values.append(list(wanted))
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f'FROM "{view}"{where}', values
