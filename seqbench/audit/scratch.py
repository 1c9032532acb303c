"""Scratch files for what grows with a data set, so that memory does not.

They have no name, so the system frees them however the process ends.

Shape letters: R records.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from seqbench.errors import DataError

PIECE: Final = 1 << 17
"""Records that are read together."""


class Scratch:
    """Records of one type in a file, in the order in which they are added."""

    def __init__(self, dtype: DTypeLike, width: int = 1) -> None:
        """Make the file where temporary files are kept.

        Args:
            dtype: Of a number, or of a structure.
            width: Numbers a record.

        Raises:
            DataError: There is no place for it.
        """
        self.dtype = np.dtype(dtype)
        self._width = width
        self._size = self.dtype.itemsize * width
        self._n_records = 0
        try:
            # Buffered, as records come in small lots.
            self._file = tempfile.TemporaryFile(prefix="seqbench-", buffering=1 << 20)  # noqa: SIM115
        except OSError as error:
            raise _fault(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return self._n_records

    def close(self) -> None:
        """Give the space back."""
        # On a full disk the last lot can't be written, and is not wanted any more.
        with contextlib.suppress(OSError):
            self._file.close()

    def add(self, records: NDArray[Any]) -> None:
        """Append (R,) or (R, width) records.

        Raises:
            DataError: The disk is full.
        """
        try:
            self._file.write(np.ascontiguousarray(records, dtype=self.dtype).data.cast("B"))
        except OSError as error:
            raise _fault(error) from error
        self._n_records += len(records)

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Records `start` to `stop`, (R,) or (R, width).

        Raises:
            DataError: The disk is full.
        """
        shape = (stop - start, self._width) if self._width > 1 else (stop - start,)
        found = np.empty(shape, dtype=self.dtype)
        self._read_into(found, start)
        return found

    def pieces(self) -> Iterator[tuple[int, NDArray[Any]]]:
        """All records, some megabytes at a time, each piece with the number of its first record."""
        step = max(1, PIECE * 16 // self._size)
        for start in range(0, self._n_records, step):
            yield start, self.read(start, min(start + step, self._n_records))

    def rows(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Some records, ascending; neighbours are read together."""
        found = np.empty((len(rows), self._width), dtype=self.dtype)
        starts = np.flatnonzero(np.diff(rows, prepend=-2) != 1)
        stops = np.append(starts, len(rows))[1:]
        for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
            self._read_into(found[start:stop], int(rows[start]))
        return found

    def _read_into(self, found: NDArray[Any], start: int) -> None:
        try:
            self._file.flush()
            view, offset = found.data.cast("B") if found.size else memoryview(b""), start * self._size
            while len(view):
                got = os.preadv(self._file.fileno(), [view], offset)
                view, offset = view[got:], offset + got
        except OSError as error:
            raise _fault(error) from error


class Buckets:
    """Records in a file by the number of the bucket that each belongs to."""

    def __init__(self, dtype: DTypeLike, n_buckets: int) -> None:
        """See `Scratch`.

        Args:
            dtype: Of a record.
            n_buckets: At most 256.
        """
        self._records = Scratch(dtype)
        self._ends: list[NDArray[np.int64]] = []
        """Of each lot: where in the file its part of each bucket ends, with the lot's start first."""
        self._n_buckets = n_buckets

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._records.close()

    def add(self, records: NDArray[Any], bucket_R: NDArray[np.uint8]) -> None:
        """Append records; within a bucket they keep their order.

        Raises:
            DataError: The disk is full.
        """
        sizes = np.bincount(bucket_R, minlength=self._n_buckets)
        self._ends.append(len(self._records) + np.concatenate([[0], np.cumsum(sizes)]))
        self._records.add(records[np.argsort(bucket_R, kind="stable")])

    def pieces(self, bucket: int) -> Iterator[NDArray[Any]]:
        """The records of a bucket, about `PIECE` at a time."""
        waiting: list[NDArray[Any]] = []
        for ends in self._ends:
            if ends[bucket + 1] > ends[bucket]:
                waiting.append(self._records.read(int(ends[bucket]), int(ends[bucket + 1])))
            if sum(map(len, waiting)) >= PIECE:
                yield np.concatenate(waiting)
                waiting = []
        if waiting:
            yield np.concatenate(waiting)

    def whole(self, bucket: int) -> NDArray[Any]:
        """All records of a bucket."""
        return np.concatenate([np.zeros(0, dtype=self._records.dtype), *self.pieces(bucket)])


def _fault(error: OSError) -> DataError:
    return DataError(
        f"{tempfile.gettempdir()}: no scratch file can be kept there: {error.strerror or error} "
        "(free some space, or set TMPDIR to a folder that has it)"
    )
