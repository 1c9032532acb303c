"""Lazy arrays: one layer of one split, read chunk by chunk when it is sliced.

Shape letters: N items, S sequences of an item, H hidden width, L layers.
"""

import copy
import os
from collections.abc import Mapping
from importlib.util import find_spec
from types import EllipsisType
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np
from numpy.typing import DTypeLike, NDArray

from seqbench.errors import StoreError
from seqbench.store import arrays

if TYPE_CHECKING:
    import dask.array
    import torch
    import xarray
    import zarr

Rows = SupportsIndex | slice | list[int] | list[bool] | NDArray[Any] | EllipsisType
"""What selects rows: as in NumPy, of one dimension."""


class LayerArray:
    """One layer of one split, (N, S, H) float32, on disk until it is sliced.

    Slices as a NumPy array of that shape: the first index selects items and reads only the chunks that hold
    them, each once; further indices cut what was read. Other processes may use it, also after a fork.

    Args:
        array: The stored layer, float32 or float16.
        where: What it is called in errors and by dask.
    """

    ndim = 3

    def __init__(self, array: "zarr.Array[Any]", where: str) -> None:
        self._array = array
        self._process = os.getpid()
        self.where = where
        n_items, n_seqs, hidden = array.shape
        self.shape = (int(n_items), int(n_seqs), int(hidden))
        self.chunks = (int(array.chunks[0]), *self.shape[1:])
        """Of the stored chunks; a shard holds several of them."""
        self.dtype = np.dtype(np.float32)

    @property
    def nbytes(self) -> int:
        """Bytes of the whole layer in memory."""
        return int(np.prod(self.shape)) * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"<LayerArray {self.where} {self.shape} {self.dtype}, chunks of {self.chunks[0]} rows>"

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError(f"{self.where} lies on disk: an array without a copy can't be made of it")
        return self.numpy().astype(dtype or self.dtype, copy=False)

    def __getitem__(self, key: Rows | tuple[Any, ...]) -> NDArray[np.float32]:
        """Read rows, as NumPy would slice them.

        Raises:
            IndexError: An index is out of range or of no known kind.
            StoreError: A chunk is damaged.
        """
        rows, *rest = _split_key(key)
        if isinstance(rows, slice):
            return np.asarray(self._slice(rows)[(slice(None), *rest)])
        if isinstance(rows, list | np.ndarray):
            wanted = row_numbers(rows, len(self))
            present, places = np.unique(wanted, return_inverse=True)
            # NumPy's own rules then hold for lists in several places.
            return np.asarray(self._rows(present)[(places.reshape(wanted.shape), *rest)])
        row = int(row_numbers(np.asarray(rows), len(self)))
        return np.asarray(self._read(slice(row, row + 1))[(0, *rest)])

    def numpy(self) -> NDArray[np.float32]:
        """The whole layer in memory."""
        return self._slice(slice(None))

    def torch(self) -> "torch.Tensor":
        """The whole layer in memory, as a tensor on the CPU."""
        import torch

        return torch.from_numpy(self.numpy())

    def dask(self) -> "dask.array.Array":
        """The layer as a dask array whose chunks are the stored ones; nothing is read yet.

        Raises:
            StoreError: dask is not installed.
        """
        need("readers", "dask")
        import dask.array
        from dask.base import tokenize

        empty = np.empty((0, 0, 0), dtype=np.float32)
        return dask.array.from_array(
            self, chunks=self.chunks, name=f"layer-{tokenize(self)}", meta=empty, lock=False
        )

    def __dask_tokenize__(self) -> tuple[str, ...]:
        return (str(self._array.store_path), self.where)

    def _slice(self, rows: slice) -> NDArray[np.float32]:
        start, stop, step = rows.indices(len(self))
        if step == 1:
            return self._read(slice(start, max(start, stop)))
        numbers = np.arange(start, stop, step)
        return self._rows(numbers) if step > 0 else self._rows(numbers[::-1])[::-1]

    def _rows(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Rows by ascending numbers without repeats; runs of one piece are read as such."""
        if not len(rows):
            return self._read(slice(0, 0))
        if rows[-1] - rows[0] + 1 == len(rows):
            return self._read(slice(int(rows[0]), int(rows[-1]) + 1))
        return self._read(rows)

    def _read(self, rows: slice | NDArray[np.int64]) -> NDArray[np.float32]:
        if self._process != os.getpid():
            # Connections and locks of the parent can't be used after a fork; a copy opens its own.
            self._array, self._process = copy.deepcopy(self._array), os.getpid()
        return arrays.read_layer(self._array, rows).astype(np.float32, copy=False)


def _split_key(key: Rows | tuple[Any, ...]) -> tuple[Any, ...]:
    """The index of items first, then what cuts the rows that were read."""
    parts = key if isinstance(key, tuple) else (key,)
    given = [part for part in parts if part is not Ellipsis]
    if len(given) > LayerArray.ndim or any(part is None for part in parts):
        raise IndexError(f"a layer has {LayerArray.ndim} dimensions and takes no new axes")
    if not parts:
        return (slice(None),)
    if parts[0] is not Ellipsis:
        return parts
    return tuple(given) if len(given) == LayerArray.ndim else (slice(None), *parts)


def row_numbers(rows: list[Any] | NDArray[Any], length: int) -> NDArray[np.int64]:
    """Row numbers from 0, of an index that may be a mask or count from the end."""
    given = np.asarray(rows)
    if given.size == 0 and given.dtype.kind == "f":  # np.asarray([]) has no better idea
        given = given.astype(np.int64)
    if given.dtype.kind == "b":
        if given.shape != (length,):
            raise IndexError(f"a mask of shape {given.shape} does not fit {length} items")
        return np.flatnonzero(given)
    if given.dtype.kind not in "iu":
        raise IndexError(f"items are selected by ints, slices, lists of ints or masks, not {given.dtype}")
    numbers = given.astype(np.int64)
    if given.size and (numbers.min() < -length or numbers.max() >= length):
        raise IndexError(f"item {numbers.min() if numbers.min() < -length else numbers.max()} of {length}")
    return np.where(numbers < 0, numbers + length, numbers)


def to_xarray(
    layers: Mapping[int, LayerArray], coords: Mapping[str, NDArray[Any]], attrs: Mapping[str, Any]
) -> "xarray.DataArray":
    """Combine layers into one labelled array on dask.

    Args:
        layers: By number; of equal shape (N, S, H) and chunks.
        coords: What is known of the items, (N,), of their sequences, (N, S), or `label`, (N,) or (N, T).
        attrs: What the array is.

    Returns:
        Dimensions layer, item, seq, hidden; float32; nothing is read yet.

    Raises:
        StoreError: xarray or dask is not installed.
    """
    need("readers", "xarray", "dask")
    import dask.array
    import xarray

    stacked = dask.array.stack([array.dask() for array in layers.values()])
    named: dict[str, Any] = {"layer": list(layers), "item": np.arange(stacked.shape[1])}
    for name, values in coords.items():
        second = "target" if name == "label" else "seq"
        named[name] = (("item", second)[: values.ndim], values)
    dimensions = ("layer", "item", "seq", "hidden")
    return xarray.DataArray(stacked, dims=dimensions, coords=named, name="embedding", attrs=dict(attrs))


def need(extra: str, *packages: str) -> None:
    """See that optional packages are installed.

    Args:
        extra: The extra of seqbench that brings them.
        packages: Their names, as they are imported.

    Raises:
        StoreError: Names what is missing and how to get it.
    """
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        are = "are" if len(missing) > 1 else "is"
        raise StoreError(f"{' and '.join(missing)} {are} not installed (pip install seqbench[{extra}])")
