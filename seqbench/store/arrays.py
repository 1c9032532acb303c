"""The store's arrays: codecs, chunks and shards; reading and writing them, with faults told in one line."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqbench.errors import StoreError, said
from seqbench.store.groups import StoreGroup
from seqbench.store.location import Location, faults, location_of

if TYPE_CHECKING:
    import zarr
    from zarr.core.array_spec import ArrayConfigParams

_KEEP_EMPTY: "ArrayConfigParams" = {"write_empty_chunks": True}
"""Without this a chunk of zeros is no file, and cannot be told from one that was lost."""


def create(
    group: StoreGroup,
    path: str,
    *,
    shape: tuple[int, ...],
    chunks: tuple[int, ...],
    dtype: str,
    dimensions: tuple[str, ...],
    shards: tuple[int, ...] | None = None,
) -> "zarr.Array[Any]":
    """Open the array at `path`, or make it: Blosc-LZ4 with shuffle, and a CRC32C on each chunk.

    Files are named c.0.0.0 and so on: as c/0/0/0 each would cost two folders more, which disks count too.

    Args:
        group: Where to make it.
        path: Its name in the group; may hold slashes.
        shape: Of the whole array.
        chunks: Of one chunk, which is compressed and checked as a whole.
        dtype: By NumPy's name. Floats are NaN where nothing was written, ints 0.
        dimensions: A name for each dimension.
        shards: Of one file, a multiple of `chunks`, by Zarr's sharding codec (its index has a CRC32C too);
            None for one file a chunk.

    Raises:
        StoreError: An array of another shape or dtype lies there, or it can't be written.
    """
    from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec
    from zarr.errors import ContainsArrayError, ContainsGroupError

    found = get(group, path)
    if found is not None:
        if isinstance(found, StoreGroup) or found.shape != shape or found.dtype != np.dtype(dtype):
            raise StoreError(
                f"{group.path}/{path} in the store has another shape or type than is written now"
            )
        return found
    try:
        with faults(group.store, "written"):
            _make_parents(group, path)
            return group.as_zarr.create_array(
                path,
                shape=shape,
                chunks=tuple(max(1, size) for size in chunks),
                shards=shards,
                dtype=dtype,
                serializer=BytesCodec(endian="little"),
                compressors=(BloscCodec(cname="lz4", shuffle="shuffle"), Crc32cCodec()),
                fill_value=float("nan") if dtype.startswith("float") else 0,
                dimension_names=dimensions,
                chunk_key_encoding={"name": "default", "separator": "."},
                config=_KEEP_EMPTY,
            )
    except (ContainsArrayError, ContainsGroupError) as error:
        # It was not found, and yet is there: its zarr.json lacks what every one has.
        raise _unreadable(group, path, error) from error


def _make_parents(group: StoreGroup, path: str) -> None:
    """Make the groups above an array, from the top: Zarr writes all at once, and a kill may leave one out."""
    parts = path.split("/")[:-1]
    for depth in range(1, len(parts) + 1):
        group.as_zarr.require_group("/".join(parts[:depth]))


def get(group: StoreGroup, path: str) -> "zarr.Array[Any] | StoreGroup | None":
    """What lies at a path of a group; None where there is nothing.

    Raises:
        StoreError: Its zarr.json is damaged, or the store can't be reached.
    """
    whole = f"{group.path}/{path}".strip("/")
    if (plain := group.opened.plain(whole)) is not None:
        return plain
    if group.opened.lacks(whole):
        return None
    import zarr

    try:
        with faults(group.store, "read"):
            found = group.as_zarr.get(path)
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(group, path, error) from error
    if isinstance(found, zarr.Group):
        return StoreGroup(group.opened, whole, dict(found.attrs))
    return None if found is None else found.with_config(_KEEP_EMPTY)


def get_array(group: StoreGroup, path: str) -> "zarr.Array[Any] | None":
    """The array at a path of a group; None where there is nothing, or a group. See `get`."""
    found = get(group, path)
    return None if isinstance(found, StoreGroup) else found


def get_group(group: StoreGroup, path: str) -> StoreGroup | None:
    """The group at a path of a group; None where there is nothing, or an array. See `get`."""
    found = get(group, path)
    return found if isinstance(found, StoreGroup) else None


def _unreadable(group: StoreGroup, path: str, error: Exception) -> StoreError:
    return StoreError(
        f"{group.path}/{path}/zarr.json in the store can't be read: {said(error)} "
        "(delete that folder; `seqbench extract` makes it again)"
    )


def has(group: StoreGroup, path: str) -> bool:
    """Whether there is something at a path of a group; see `get`."""
    return get(group, path) is not None


def file_rows(array: "zarr.Array[Any]") -> int:
    """Rows of an array that share one file: a shard's, or a chunk's."""
    return int((array.shards or array.chunks)[0])


def lost_files(array: "zarr.Array[Any]") -> list[int]:
    """Which files of an array are not there, as numbers along its first axis; found by one listing."""
    there = _location(array).sizes()
    return [number for number, key in _keys(array) if not there.get(key)]


def is_whole(array: "zarr.Array[Any]") -> bool:
    """Whether every file of an array is there."""
    return not lost_files(array)


def stored_bytes(array: "zarr.Array[Any]") -> int:
    """Bytes of an array's files."""
    there = _location(array).sizes()
    return sum(there.get(key, 0) for _, key in _keys(array))


def _keys(array: "zarr.Array[Any]") -> Iterator[tuple[int, str]]:
    """The files of an array that is cut along its first axis only: number and path below the array."""
    rest = (0,) * (array.ndim - 1)
    for number in range(-(-array.shape[0] // file_rows(array))):
        yield number, array.metadata.encode_chunk_key((number, *rest))


def drop_file(array: "zarr.Array[Any]", number: int) -> None:
    """Delete one file of an array, by its number along the first axis."""
    key = array.metadata.encode_chunk_key((number, *(0,) * (array.ndim - 1)))
    (_location(array) / key).remove()


def _location(array: "zarr.Array[Any]") -> Location:
    return location_of(array.store) / array.path


def read(array: "zarr.Array[Any]", selection: slice | NDArray[np.int64] = slice(None)) -> NDArray[Any]:
    """Read rows of an array.

    Args:
        array: Any of the store's.
        selection: A slice of rows, or row numbers; of those only the chunks that hold them are read.

    Raises:
        StoreError: A chunk is damaged, or the store can't be reached; names the array.
    """
    try:
        with faults(location_of(array.store), "read"):
            found = array[selection] if isinstance(selection, slice) else array.oindex[selection]
            return np.asarray(found)
    except (ValueError, RuntimeError) as error:
        raise StoreError(
            f"{array.path} in the store can't be read: {said(error)} "
            "(`seqbench store verify` lists all damage)"
        ) from error


def read_layer(array: "zarr.Array[Any]", selection: slice | NDArray[np.int64] = slice(None)) -> NDArray[Any]:
    """Read rows of a layer's array; a file that is lost is no rows of NaN, which stand for items left out.

    Raises:
        StoreError: See `read`; or a file that holds one of the rows is not there.
    """
    found = read(array, selection)
    if np.isnan(found[:, 0, 0]).any():
        rows = np.arange(array.shape[0])[selection][np.isnan(found[:, 0, 0])]
        if set(lost_files(array)) & set((rows // file_rows(array)).tolist()):
            raise StoreError(
                f"{location_of(array.store)}: {array.path} lacks files that were written once "
                "(`seqbench store verify --repair` marks them missing; `seqbench extract` makes them again)"
            )
    return found


def write(array: "zarr.Array[Any]", rows: slice, values: NDArray[Any]) -> None:
    """Write rows that fill whole files of an array; each file appears in one step, or not at all.

    Raises:
        StoreError: The disk is full or the store can't be reached.
    """
    with faults(location_of(array.store), "written"):
        try:
            array[rows] = values
        except ValueError:
            if array.shards is None:
                raise
            # zarr reads a shard before it writes it, even where nothing of it stays: a damaged one must go
            # first.
            first, last = rows.start // file_rows(array), (rows.stop - 1) // file_rows(array)
            for number in range(first, last + 1):
                drop_file(array, number)
            array[rows] = values


def write_part(array: "zarr.Array[Any]", rows: slice, values: NDArray[Any]) -> bool:
    """Write rows that need not fill files; what files hold of other rows stays. One process at a time.

    Returns:
        Whether that could be: False where a file is damaged, and went with all that it held.

    Raises:
        StoreError: The disk is full or the store can't be reached.
    """
    with faults(location_of(array.store), "written"):
        try:
            array[rows] = values
        except (ValueError, RuntimeError):  # zarr reads what it changes
            for number in range(rows.start // file_rows(array), (rows.stop - 1) // file_rows(array) + 1):
                drop_file(array, number)
            array[rows] = values
            return False
    return True


def reopen(group: StoreGroup) -> StoreGroup:
    """A group with its attributes as they are now.

    Raises:
        StoreError: It is gone or damaged, or the store can't be reached.
    """
    if (plain := group.opened.plain(group.path)) is not None:
        return plain
    import zarr

    store = group.opened.zarr_store
    try:
        with faults(group.store, "read"):
            found = zarr.open_group(store, path=group.path, mode="r+", zarr_format=3)
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{group.path}/zarr.json in the store can't be read: {said(error)}") from error
    return StoreGroup(group.opened, group.path, dict(found.attrs))


def put_attrs(group: StoreGroup, attrs: dict[str, Any]) -> None:
    """Replace all attributes of a group, in one step.

    Raises:
        StoreError: The disk is full or the store can't be reached.
    """
    with faults(group.store, "written"):
        group.as_zarr.attrs.put(attrs)
    group.attrs = attrs
