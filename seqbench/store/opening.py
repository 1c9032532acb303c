"""Opening and making stores."""

import json
from pathlib import Path
from typing import Any

from seqbench.core.atomic import PARTIAL, remove_stale
from seqbench.errors import StoreError, StoreNotFoundError, said
from seqbench.store import arrays
from seqbench.store.groups import Opened, StoreGroup
from seqbench.store.layout import FORMAT
from seqbench.store.location import LOCK, LocalFolder, Location, faults, locate
from seqbench.store.store import Store


def open_store(path: str | Path | Location, *, writable: bool = False) -> Store:
    """Open a store that is there.

    Args:
        path: A local path, or a URL such as s3://bucket/embeddings.zarr; credentials are found as s3fs and
            gcsfs find them (environment, the provider's own files).
        writable: Whether it may be changed.

    Raises:
        StoreNotFoundError: There is nothing at `path`.
        StoreError: It is no store, is damaged, is of a newer format, or can't be reached.
        ConfigError: The URL can't hold a store.
    """
    location = locate(path)
    _check_place(location)
    return Store(location, _open_root(location, writable=writable))


def create_store(path: str | Path | Location) -> Store:
    """Open a store for writing, making it where there is none.

    Raises:
        StoreError: Something else lies at `path`, or it can't be written.
        ConfigError: The URL can't hold a store.
    """
    location = locate(path)
    _check_place(location)
    root = {"attributes": {"seqbench_format": FORMAT}, "zarr_format": 3, "node_type": "group"}
    location.create("zarr.json", json.dumps(root, indent=2).encode())
    if isinstance(location, LocalFolder):
        remove_stale(location.path, depth=2)  # records of models and entries are written beside their places
    opened = _open_root(location, writable=True)
    if "seqbench_format" not in opened.attrs and not location.folders():
        arrays.put_attrs(opened, {"seqbench_format": FORMAT})  # killed between two steps of an older version
    return Store(location, opened)


def _check_place(location: Location) -> None:
    if location.is_file():
        raise StoreError(f"{location}: is a file, not a store (set store.path to another place)")
    names = location.names()
    others = [name for name in names if name != LOCK and not name.endswith(PARTIAL)]
    if others and "zarr.json" not in others:
        raise StoreError(f"{location}: is a folder that holds other things (set store.path to a new one)")


def _open_root(location: Location, *, writable: bool) -> StoreGroup:
    opened = Opened(location, writable=writable)
    if (plain := opened.plain("")) is not None:
        return plain
    if opened.lacks(""):
        raise _missing(location)
    import zarr
    from zarr.errors import GroupNotFoundError

    mode: Any = "r+" if writable else "r"
    try:
        with faults(location, "read"):
            try:
                found = zarr.open_group(opened.zarr_store, mode=mode, zarr_format=3)
            except (FileNotFoundError, GroupNotFoundError) as error:
                raise _missing(location) from error
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{location}: zarr.json can't be read: {said(error)}") from error
    return StoreGroup(opened, "", dict(found.attrs))


def _missing(location: Location) -> StoreNotFoundError:
    return StoreNotFoundError(f"{location}: no embedding store there (`seqbench extract` makes one)")
