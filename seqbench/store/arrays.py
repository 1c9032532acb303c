"""Creation of the store's arrays: codecs, chunks and dimension names in one place."""

from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec

from seqbench.errors import StoreError


def create(
    group: zarr.Group,
    path: str,
    *,
    shape: tuple[int, ...],
    chunks: tuple[int, ...],
    dtype: str,
    dimensions: tuple[str, ...],
) -> zarr.Array[Any]:
    """Open the array at `path`, or make it: Blosc-LZ4 with shuffle, and a CRC32C on each chunk.

    Raises:
        StoreError: An array of another shape or dtype lies there.
    """
    found = get(group, path)
    if found is not None:
        if not isinstance(found, zarr.Array) or found.shape != shape or found.dtype != np.dtype(dtype):
            raise StoreError(
                f"{group.path}/{path} in the store has another shape or type than is written now"
            )
        return found
    return group.create_array(
        path,
        shape=shape,
        chunks=tuple(max(1, size) for size in chunks),
        dtype=dtype,
        serializer=BytesCodec(endian="little"),
        compressors=(BloscCodec(cname="lz4", shuffle="shuffle"), Crc32cCodec()),
        fill_value=float("nan") if dtype.startswith("float") else 0,
        dimension_names=dimensions,
        # Without this a chunk of zeros is no file, and cannot be told from one that was lost.
        config={"write_empty_chunks": True},
    )


def get(group: zarr.Group, path: str) -> zarr.Array[Any] | zarr.Group | None:
    """What lies at a path of a group; None where there is nothing.

    Raises:
        StoreError: Its zarr.json is damaged.
    """
    try:
        return group.get(path)
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{group.path}/{path}/zarr.json in the store can't be read: {error} "
            "(delete that folder; `seqbench extract` makes it again)"
        ) from error


def has(group: zarr.Group, path: str) -> bool:
    """Whether there is something at a path of a group; see `get`."""
    return get(group, path) is not None


def folders(path: Path) -> list[str]:
    """Names of the folders in a folder, sorted; damaged metadata in one does not hide the others."""
    return sorted(child.name for child in path.iterdir() if child.is_dir())


def is_whole(array: zarr.Array[Any]) -> bool:
    """Whether every chunk of an array is there."""
    return array.nchunks_initialized == array.nchunks


def read(array: zarr.Array[Any], selection: slice = slice(None)) -> NDArray[Any]:
    """Read rows of an array.

    Raises:
        StoreError: A chunk is damaged; names the array.
    """
    try:
        return np.asarray(array[selection])
    except (ValueError, RuntimeError, OSError) as error:
        raise StoreError(
            f"{array.path} in the store can't be read: {error} (`seqbench store verify` lists all damage)"
        ) from error
