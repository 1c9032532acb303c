"""What two runs computed, compared to the last bit."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import zarr

KEYS = {
    "results": ("probe_id", "split"),
    "best_layers": ("model", "dataset", "head", "variant", "metric"),
    "leaderboard": ("dataset", "metric", "model", "head", "variant"),
    "metrics": ("probe_id", "split", "metric"),
    "class_metrics": ("probe_id", "split", "label", "metric"),
    "history": ("probe_id", "epoch"),
    "predictions": ("probe_id", "split", "item", "output"),
}
"""Tables and views of the catalog that are compared, and what tells their rows apart. A probe's id follows
from the hash of all that its result depends on, so equal ids say that those hashes are equal too."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that two runs do not have in common."""

    place: str
    """`table.column`, a table, or `store/array`."""
    rows: int
    said: str


def differences(old: Path, new: Path) -> list[Difference]:
    """Compare the stores and catalogs of two folders.

    Args:
        old: Holds `embeddings.zarr` and `catalog.duckdb`.
        new: The same, by other code.
    """
    return [
        *differing_arrays(old / "embeddings.zarr", new / "embeddings.zarr"),
        *differing_rows(old / "catalog.duckdb", new / "catalog.duckdb"),
    ]


def differing_arrays(old: Path, new: Path) -> Iterator[Difference]:
    """Arrays that only one store has, or whose type, shape or bytes differ."""
    ours, theirs = _arrays(old), _arrays(new)
    for name in sorted(ours.keys() ^ theirs.keys()):
        yield Difference(f"store/{name}", 1, f"array only in the {'old' if name in ours else 'new'} store")
    for name in sorted(ours.keys() & theirs.keys()):
        a, b = ours[name], theirs[name]
        if (a.dtype, a.shape) != (b.dtype, b.shape):
            yield Difference(f"store/{name}", 1, f"array of {a.dtype} {a.shape}, now {b.dtype} {b.shape}")
        elif rows := sum(_unequal(a[start : start + 4096], b[start : start + 4096]) for start in _starts(a)):
            yield Difference(f"store/{name}", rows, "with other bytes")


def _arrays(store: Path) -> dict[str, Any]:
    members = zarr.open_group(store, mode="r").members(max_depth=None)
    return {name: member for name, member in members if isinstance(member, zarr.Array)}


def _starts(array: Any) -> range:
    return range(0, array.shape[0] if array.ndim else 0, 4096)


def _unequal(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> int:
    """Rows with other bytes."""
    wide = (len(a), -1)
    ours = np.frombuffer(a.tobytes(), np.uint8).reshape(wide)
    theirs = np.frombuffer(b.tobytes(), np.uint8).reshape(wide)
    return int((ours != theirs).any(axis=1).sum())


def differing_rows(old: Path, new: Path) -> Iterator[Difference]:
    """Rows that only one catalog has, and columns whose values differ in rows that both have."""
    with duckdb.connect(str(old), read_only=True) as ours, duckdb.connect(str(new), read_only=True) as theirs:
        for table, key in KEYS.items():
            a, b = (_columns(catalog, table, key) for catalog in (ours, theirs))
            places = [list(zip(*(side[name].tolist() for name in key), strict=True)) for side in (a, b)]
            if places[0] != places[1]:
                only = set(places[0]) ^ set(places[1])
                yield Difference(table, len(only), "that only one has")
                continue
            for name in a.keys() | b.keys():
                yield from _differing_column(f"{table}.{name}", a.get(name), b.get(name))


def _columns(catalog: duckdb.DuckDBPyConnection, table: str, key: tuple[str, ...]) -> dict[str, Any]:
    return catalog.execute(f"FROM {table} ORDER BY {', '.join(key)}").fetchnumpy()


def _differing_column(place: str, old: Any, new: Any) -> Iterator[Difference]:
    """A column that one has not counts as NULL everywhere there: metrics of new tasks are new columns."""
    some = old if new is None else new
    nothing = np.ma.masked_all(len(some), some.dtype)
    a, b = (np.ma.asanyarray(nothing if side is None else side) for side in (old, new))
    gone_a, gone_b = np.ma.getmaskarray(a), np.ma.getmaskarray(b)
    counts = {
        "NULL now": int((gone_b & ~gone_a).sum()),
        "NULL before": int((gone_a & ~gone_b).sum()),
        "another value": int(((_bits(a) != _bits(b)) & ~gone_a & ~gone_b).sum()),
    }
    if rows := sum(counts.values()):
        said = ", ".join(f"{count} with {what}" for what, count in counts.items() if count)
        yield Difference(place, rows, said)


def _bits(column: np.ma.MaskedArray) -> npt.NDArray[Any]:
    """Floats as the integers of their bits, so that -0.0 is not 0.0 and NaN is NaN."""
    values = np.ascontiguousarray(column.data)
    return values.view(f"u{values.itemsize}") if values.dtype.kind == "f" else values
