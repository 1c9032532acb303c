"""Single tokens of one block on their way to the store, kept in a scratch file.

Shape letters: B windows of a batch, R their tokens, L layers, H hidden width, T tokens of a sequence.
"""

from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.core.types import StoreDtype
from seqbench.extract.spool import read_all, scratch_file, write_all
from seqbench.models.base import TokenStates
from seqbench.store.embeddings import as_stored


class TokenSpool:
    """The tokens of one block; batches in, sequences of a layer out."""

    def __init__(self, folder: Path | None, layers: tuple[int, ...], dtype: StoreDtype) -> None:
        """Open an unnamed file.

        Args:
            folder: On the disk of the store, if that is local; None for the system's place.
            layers: That are kept, in the order of the batches.
            dtype: In which type.

        Raises:
            StoreError: No file can be made there.
        """
        self._file = scratch_file(folder)
        self.layers, self._dtype = layers, dtype
        self.rounding = [0.0] * len(layers)
        """Largest relative rounding error of each layer; see `embeddings.as_stored`."""
        self.broken: set[int] = set()
        """Sequences, by their numbers, with NaN or infinity."""
        self._windows: dict[int, list[tuple[int, int, int, int]]] = {}
        self._end = self._hidden = 0

    def __enter__(self) -> "TokenSpool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, states: TokenStates) -> None:
        """Wait for a batch and append it.

        Raises:
            StoreError: The disk is full.
        """
        found_LRH = states.fetch()
        n_layers, n_rows, self._hidden = found_LRH.shape
        begin_B = np.cumsum(states.count_B) - states.count_B
        if not np.isfinite(found_LRH).all():
            broken_R = ~np.isfinite(found_LRH).all(axis=(0, 2))
            self.broken |= set(np.repeat(states.owner_B, states.count_B)[broken_R].tolist())
        for at in range(n_layers):
            rows_RH, error = as_stored(found_LRH[at], self._dtype)
            self.rounding[at] = max(self.rounding[at], error)
            place = self._end + at * rows_RH.nbytes
            write_all(self._file.fileno(), np.ascontiguousarray(rows_RH), place)
        row_bytes = self._hidden * np.dtype(self._dtype).itemsize
        columns = (states.owner_B, states.start_B, states.count_B, begin_B)
        for owner, start, count, begin in zip(*(each.tolist() for each in columns), strict=True):
            where = (start, count, self._end + begin * row_bytes, n_rows * row_bytes)
            self._windows.setdefault(owner, []).append(where)
        self._end += n_layers * n_rows * row_bytes

    def sequence(self, owner: int, layer_at: int) -> NDArray[Any]:
        """Read the tokens of one sequence, its windows in order.

        Args:
            owner: Its number among those that were computed.
            layer_at: Number of the layer among those that are kept.

        Returns:
            Shape (T, H).
        """
        windows = sorted(self._windows.get(owner, ()))
        found_TH = np.empty((sum(window[1] for window in windows), self._hidden), dtype=self._dtype)
        filled = 0
        for _, count, place, layer_bytes in windows:
            read_all(self._file.fileno(), found_TH[filled : filled + count], place + layer_at * layer_bytes)
            filled += count
        return found_TH
