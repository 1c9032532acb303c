"""Columns of NumPy arrays, the fastest way into DuckDB without pandas or Arrow.

Measured: 300,000 rows of predictions in 0.07 s; lists through `unnest` take six times as long, and
`executemany` a thousand times.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

Columns = dict[str, NDArray[Any]]
"""A table by column; all of one length."""


def texts(values: Iterable[str | None]) -> NDArray[Any]:
    """A column of strings; None is NULL."""
    return np.array(list(values), dtype=object)


def numbers(values: Iterable[float | None]) -> NDArray[Any]:
    """A column of doubles; None and NaN are NULL."""
    column = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    return np.ma.masked_array(column, mask=np.isnan(column))


def integers(values: Iterable[int | None]) -> NDArray[Any]:
    """A column of 64-bit integers; None is NULL."""
    given = list(values)
    mask = np.array([value is None for value in given], dtype=bool)
    return np.ma.masked_array(np.array([value or 0 for value in given], dtype=np.int64), mask=mask)


def times(values: Iterable[datetime | None]) -> NDArray[Any]:
    """A column of times in UTC, to the microsecond; None is NULL."""
    naive = [None if value is None else value.astimezone(UTC).replace(tzinfo=None) for value in values]
    return np.array(naive, dtype="datetime64[us]")


def objects(values: Iterable[Mapping[str, object] | None]) -> NDArray[Any]:
    """A column of JSON objects; None is NULL.

    Raises:
        TypeError: JSON can't hold a value.
    """
    return texts(None if value is None else json.dumps(value, allow_nan=False) for value in values)


def lists(values: Iterable[Sequence[float] | None]) -> NDArray[Any]:
    """A column of lists of numbers, as the text that DuckDB reads them from; None is NULL."""
    return texts(None if value is None else f"[{', '.join(map(str, value))}]" for value in values)


def text_lists(values: Iterable[Sequence[str] | None]) -> NDArray[Any]:
    """A column of lists of text, as JSON that `from_json` reads; None is NULL."""
    return texts(None if value is None else json.dumps(list(value)) for value in values)


def now(n_rows: int) -> NDArray[Any]:
    """A column that says in every row what time it is."""
    return np.repeat(times([datetime.now(UTC)]), n_rows)
