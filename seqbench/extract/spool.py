"""Pooled windows of one block on their way to the store, kept in a scratch file.

All layers of a block would fill memory the faster the deeper a model is. Batches are appended to a file that
has no name, and a layer is read back when its turn to be written comes.

Shape letters: N sequences, W windows, B windows of a batch, P poolings, L layers, H hidden width.
"""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.core.types import Pooling
from seqbench.errors import StoreError
from seqbench.models.base import Pooled
from seqbench.models.joining import Joint


class Spool:
    """The pooled windows of one block; batches in, layers out."""

    def __init__(self, folder: Path | None) -> None:
        """Open an unnamed file.

        Args:
            folder: On the disk of the store, if that is local; None for the system's place.

        Raises:
            StoreError: No file can be made there.
        """
        self._file = scratch_file(folder)
        self._parts: list[Pooled] = []
        self._offsets: list[int] = []
        self._shapes: list[tuple[int, ...]] = []
        self._end = 0

    def __enter__(self) -> "Spool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, pooled: Pooled) -> None:
        """Wait for a batch and append it.

        Raises:
            StoreError: The disk is full.
        """
        rows_PLBH = np.ascontiguousarray(pooled.fetch(), dtype=np.float32)
        write_all(self._file.fileno(), rows_PLBH, self._end)
        self._parts.append(replace(pooled, fetch=_fetched))  # the rows themselves are let go
        self._offsets.append(self._end)
        self._shapes.append(rows_PLBH.shape)
        self._end += rows_PLBH.nbytes

    def joint(self, n_sequences: int) -> Joint:
        """Which windows make up which sequence."""
        return Joint(self._parts, n_sequences)

    def layer(self, joint: Joint, pooling: Pooling, pooling_at: int, layer_at: int) -> NDArray[np.float32]:
        """Read one layer back and join its windows.

        Args:
            joint: Of this spool.
            pooling: How windows are joined.
            pooling_at: Its number among the poolings of the batches.
            layer_at: Number of the layer among those of the batches.

        Returns:
            Shape (N, H), float32.
        """
        width = self._shapes[0][3] if self._shapes else 0
        if joint.is_one_each:  # straight into place, which spares a copy of the layer
            joined_NH = np.full((joint.n_sequences, width), np.nan, dtype=np.float32)
            for part, rows_BH in zip(self._parts, self._read(pooling_at, layer_at), strict=True):
                joined_NH[part.owner_B] = rows_BH
            return joined_NH
        count = sum(shape[2] for shape in self._shapes)
        rows_WH = np.empty((count, width), dtype=np.float32)
        filled = 0
        for rows_BH in self._read(pooling_at, layer_at):
            rows_WH[filled : filled + len(rows_BH)] = rows_BH
            filled += len(rows_BH)
        return joint.join(rows_WH, pooling)

    def _read(self, pooling_at: int, layer_at: int) -> Iterator[NDArray[np.float32]]:
        """One layer of each batch, (B, H)."""
        for offset, (_, layers, batch, hidden) in zip(self._offsets, self._shapes, strict=True):
            rows_BH = np.empty((batch, hidden), dtype=np.float32)
            at = offset + 4 * (pooling_at * layers + layer_at) * batch * hidden
            read_all(self._file.fileno(), rows_BH, at)
            yield rows_BH


def _fetched() -> NDArray[np.float32]:
    raise RuntimeError("these rows are in the scratch file")


def scratch_file(folder: Path | None) -> FileIO:
    """An unnamed file, gone when it is closed.

    Args:
        folder: On the disk of the store, if that is local; None for the system's place.

    Raises:
        StoreError: No file can be made there.
    """
    try:
        return tempfile.TemporaryFile(dir=folder, buffering=0)
    except OSError as error:
        raise StoreError(
            f"{folder or tempfile.gettempdir()}: no scratch file can be made: {error.strerror} "
            "(make room or mend permissions; the same command goes on from there)"
        ) from error


def write_all(file: int, values: NDArray[Any], offset: int) -> None:
    """Write all of an array at a place of a scratch file.

    Raises:
        StoreError: The disk is full.
    """
    view = values.reshape(-1).view(np.uint8).data
    try:
        while len(view):
            done = os.pwrite(file, view, offset)
            view, offset = view[done:], offset + done
    except OSError as error:
        raise StoreError(
            f"scratch file beside the store can't be written: {error.strerror} "
            "(make room; the same command goes on from there)"
        ) from error


def read_all(file: int, values: NDArray[Any], offset: int) -> None:
    """Fill an array from a place of a scratch file.

    Raises:
        StoreError: The file ends before.
    """
    view = values.reshape(-1).view(np.uint8).data
    while len(view):
        done = os.preadv(file, [view], offset)
        if not done:
            raise StoreError("the scratch file beside the store ended early (was it cut by another process?)")
        view, offset = view[done:], offset + done
