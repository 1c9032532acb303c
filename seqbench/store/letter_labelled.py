"""Labels of letters beside the vectors of tokens: all letters of a split in a row, and where each item's are.

Shape letters: N items, M letters of a split, T labels or targets of a letter.
"""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqbench.core.missing import same_labels
from seqbench.core.types import SplitName, Task
from seqbench.datasets.letters import LetterLabels
from seqbench.errors import StoreError, StoreNotFoundError
from seqbench.store import arrays
from seqbench.store.embeddings import Embeddings
from seqbench.store.layout import cut_letters
from seqbench.store.location import exclusive

if TYPE_CHECKING:
    import zarr


class LetterLabelled(Embeddings):
    """An entry that can keep labels of letters, where the data set has such (`facts.level` token)."""

    def has_letters(self, split: SplitName) -> bool:
        """Whether labels of letters are kept of a split."""
        return split in self.splits and self._has(f"letters/{split}")

    def letters(self, split: SplitName) -> LetterLabels:
        """See `StoredEmbeddings.letters`."""
        self._split(split)
        if self.facts.level != "token":
            raise StoreNotFoundError(
                f"{self._store}: {self.name} has labels of items (`labels`), not of letters"
            )
        if not self._has(f"letters/{split}"):
            raise self._lost(f"letters/{split}")
        return LetterLabels(
            task=self.facts.task,
            values=self._whole(f"letters/{split}"),
            offsets=self._letter_offsets(split),
        )

    def _letter_offsets(self, split: SplitName) -> NDArray[np.int64]:
        found = self._whole(f"letter_offsets/{split}")
        n_letters = self._array(f"letters/{split}").shape[0]
        if found[0] != 0 or (np.diff(found) < 0).any() or found[-1] != n_letters:
            raise self._lost(f"letter_offsets/{split}")
        return found

    def put_letters(self, split: SplitName, letters: LetterLabels) -> None:
        """Keep the labels of letters; what is there and the same stays.

        Raises:
            StoreError: The store can't be written, or labels of other letters lie there.
        """
        values = letters.values
        n_letters, row_bytes = len(values), values.itemsize * math.prod(values.shape[1:])
        made = cut_letters(n_letters, row_bytes)
        with exclusive(self._store):
            self._create(
                f"letters/{split}",
                values.shape,
                (made.chunk_rows, *values.shape[1:]),
                values.dtype.name,
                (f"letter_{split}", "target")[: values.ndim],
                None if made.block_rows == made.chunk_rows else (made.block_rows, *values.shape[1:]),
            )
            path, shape = f"letter_offsets/{split}", letters.offsets.shape
            self._create(path, shape, shape, "int64", (f"item_{split}_end",))
            if self._has_letters_like(split, letters):
                return
            arrays.write(self._array(path), slice(0, len(letters.offsets)), letters.offsets)
            for start in range(0, n_letters, made.block_rows):
                rows = slice(start, min(start + made.block_rows, n_letters))
                arrays.write(self._array(f"letters/{split}"), rows, values[rows])

    def _has_letters_like(self, split: SplitName, letters: LetterLabels) -> bool:
        try:
            return same_labels(self._letter_offsets(split), letters.offsets) and same_labels(
                self._whole(f"letters/{split}"), letters.values
            )
        except StoreError:
            return False

    def check_array(self, path: str, array: "zarr.Array[Any]") -> None:
        """See `StoredEmbeddings.check_array`."""
        kind, _, split = path.partition("/")
        if kind == "letter_offsets":
            n_items = self.facts.splits[split].n_items  # type: ignore[index]
            self._see(array.shape == (n_items + 1,) and array.dtype == np.int64, path)
        elif kind == "letters":
            self._see(self._is_of_letters(array), path)
        else:
            super().check_array(path, array)

    def _is_of_letters(self, array: "zarr.Array[Any]") -> bool:
        """Whether an array can hold labels of letters of this task, and is cut as they are."""
        facts = self.facts
        columns = () if facts.task is Task.CLASSIFICATION else (facts.n_targets,)
        dtype = {Task.CLASSIFICATION: "int64", Task.LABELS: "int8"}.get(facts.task, "float64")
        made = cut_letters(array.shape[0], array.dtype.itemsize * math.prod(columns))
        files = (arrays.file_rows(array), array.chunks[0])
        sound = array.shape[1:] == columns and array.dtype == np.dtype(dtype)
        return sound and files == (made.block_rows, made.chunk_rows)
