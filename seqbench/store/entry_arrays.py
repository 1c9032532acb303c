"""The arrays of one model on one data set: opened once, held against the record, which blocks are complete.

Shape letters: N items, B blocks, L layers of the model.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqbench.core.identity import ModelIdentity
from seqbench.core.types import SPLITS, SplitName
from seqbench.errors import StoreError, StoreNotFoundError, said
from seqbench.store import arrays
from seqbench.store.groups import StoreGroup
from seqbench.store.layout import Block, blocks, n_blocks
from seqbench.store.location import Location
from seqbench.store.marks import plain_marks
from seqbench.store.records import REMAKE, EmbeddingFacts, SplitFacts

if TYPE_CHECKING:
    import zarr


class EntryArrays:
    """What is in an entry of the store, and what is missing; `StoredEmbeddings` reads it."""

    def __init__(self, group: StoreGroup, model: ModelIdentity, store: Location) -> None:
        """Read the record.

        Args:
            group: Of the data set.
            model: Whose embeddings they are.
            store: The store as a whole.

        Raises:
            StoreError: The record is damaged.
        """
        self._group = group
        self._store = store
        self._opened: dict[str, zarr.Array[Any]] = {}
        self._known_flags: dict[SplitName, NDArray[np.bool_]] = {}
        self.model = model
        self.dataset = group.basename
        self.location = store / group.path
        try:
            self.facts = EmbeddingFacts.from_attrs(dict(group.attrs))
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{self.location}: zarr.json is damaged: {said(error)} {REMAKE}") from error

    @property
    def name(self) -> str:
        """`model/dataset`, the key in the store."""
        return f"{self.model.name}/{self.dataset}"

    @property
    def splits(self) -> tuple[SplitName, ...]:
        """The splits that were embedded, in the order train, eval, test."""
        return tuple(split for split in SPLITS if split in self.facts.splits)

    @property
    def layers(self) -> tuple[int, ...]:
        """The layers that have arrays, complete or not."""
        return tuple(sorted(int(name) for name in self.location.folders() if name.isdigit()))

    @property
    def left_out(self) -> dict[int, str]:
        """Layers of the model that can't be pooled, and why, as its extraction found."""
        return {int(layer): str(reason) for layer, reason in self.facts.notes.get("left_out", {}).items()}

    def poolable(self, layers: Sequence[int]) -> tuple[int, ...]:
        """Those of some layers that can be pooled."""
        return tuple(layer for layer in layers if layer not in self.left_out)

    def complete_layers(self, split: SplitName) -> tuple[int, ...]:
        """The layers all of whose blocks are complete in a split."""
        done = self._flags(split).all(axis=0)
        return tuple(int(layer) for layer in np.flatnonzero(done))

    def split_layers(self, split: SplitName) -> tuple[int, ...]:
        """The layers that have an array for a split, complete or not."""
        return tuple(layer for layer in self.layers if self._has(f"{layer}/{split}"))

    def missing_layers(self, split: SplitName, block: Block, layers: Sequence[int]) -> tuple[int, ...]:
        """Those of `layers` that are not complete in a block."""
        self._split(split)
        if not self._has(f"blocks/{split}"):
            return tuple(layers)
        done = arrays.read(self._array(f"blocks/{split}"), slice(block.index, block.index + 1))[0]
        return tuple(layer for layer in layers if not done[layer])

    def missing_blocks(self, split: SplitName, layers: Sequence[int]) -> list[Block]:
        """The blocks that lack any of `layers`, in row order."""
        facts = self._split(split)
        flags = self._flags(split)
        cut = blocks(facts.n_items, facts.block_rows)
        return [block for block in cut if not flags[block.index, list(layers)].all()]

    def _layer(self, layer: int, split: SplitName) -> int:
        """A layer's number from 0.

        Raises:
            StoreNotFoundError: It has no array for the split.
        """
        self._split(split)
        number = layer + self.model.n_layers if layer < 0 else layer
        if not (0 <= number < self.model.n_layers) or not self._has(f"{number}/{split}"):
            raise StoreNotFoundError(
                f"{self._store}: {self.name} {split} has no layer {number} (it has layers {self.layers})"
            )
        return number

    def _need(self, layer: int, split: SplitName, wanted: NDArray[np.int64] | slice = slice(None)) -> None:
        """See that a layer is complete in some blocks; what was complete once is not asked for again."""
        flags = self._known_flags.get(split)
        if flags is None or not flags[wanted, layer].all():
            flags = self._known_flags[split] = self._flags(split)
        known = flags[:, layer]
        missing = int((~known[wanted]).sum())
        if missing:
            raise StoreError(
                f"{self._store}: {self.name} layer {layer} {split} misses {missing} of {len(known)} "
                "blocks (run `seqbench extract` again)"
            )

    def _whole(self, path: str) -> NDArray[Any]:
        """Read an array that must have all its chunks."""
        array = self._array(path)
        if not arrays.is_whole(array):
            raise self._lost(path)
        return arrays.read(array)

    def _lost(self, path: str) -> StoreError:
        return StoreError(
            f"{self._store}: {self.name}/{path} lacks chunks that were written once "
            "(`seqbench store verify --repair` marks them missing; `seqbench extract` makes them again)"
        )

    def _has(self, path: str) -> bool:
        """Whether there is such an array; it is kept opened, as who asks goes on to read it."""
        if path not in self._opened and (found := arrays.get_array(self._group, path)) is not None:
            self.check_array(path, found)
            self._opened[path] = found
        return path in self._opened

    def check_array(self, path: str, array: "zarr.Array[Any]") -> None:
        """Hold an array's description against the record of its split.

        Raises:
            StoreError: It has other rows, files, vectors or numbers than were written.
        """
        kind, name = path.split("/")[:2]
        if kind == "targets":
            name = path.rpartition("/")[2]
        facts = self.facts.splits[name]  # type: ignore[index]
        is_whole = kind in ("labels", "targets", "groups")
        rows, file = facts.n_items, facts.n_items if is_whole else facts.block_rows
        if kind in ("blocks", "stats"):
            rows, file = n_blocks(facts.n_items, facts.block_rows), 1
        sound = array.ndim > 0 and array.shape[0] == rows and arrays.file_rows(array) == file
        if kind.isdigit():
            layer = (facts.n_items, self.facts.n_seqs, self.facts.hidden)
            sound = sound and array.shape == layer and array.dtype == np.dtype(self.facts.dtype)
        self._see(sound, path)

    def _see(self, sound: bool, path: str) -> None:
        """Refuse an array that is not what was written."""
        if not sound:
            raise StoreError(
                f"{self._store}: {self.name}/{path}/zarr.json tells of another array than was written "
                "(`seqbench store verify --repair` clears it; `seqbench extract` makes it again)"
            )

    def _array(self, path: str) -> "zarr.Array[Any]":
        """An array by its path, opened once: on an object store that is a request each."""
        if path not in self._opened:
            found = arrays.get_array(self._group, path)
            if found is None:
                raise StoreError(
                    f"{self._store}: {self.name} lacks its array {path} (damaged; extract it anew)"
                )
            self.check_array(path, found)
            self._opened[path] = found
        return self._opened[path]

    def _flags(self, split: SplitName) -> NDArray[np.bool_]:
        """Which layers of which blocks are complete, (B, L)."""
        facts = self._split(split)
        of_blocks = n_blocks(facts.n_items, facts.block_rows)
        marks = plain_marks(self.location / f"blocks/{split}", of_blocks, self.model.n_layers)
        if marks is not None:
            return marks
        if not self._has(f"blocks/{split}"):  # killed between the record and its arrays
            return np.zeros((of_blocks, self.model.n_layers), dtype=np.bool_)
        return arrays.read(self._array(f"blocks/{split}")).astype(np.bool_)

    def _split(self, split: SplitName) -> SplitFacts:
        if split not in self.facts.splits:
            raise StoreNotFoundError(
                f"{self._store}: {self.name} has no split {split!r} (it has {', '.join(self.splits)})"
            )
        return self.facts.splits[split]
