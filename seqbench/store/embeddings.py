"""One model on one data set: reading its arrays and writing its blocks.

Shape letters: N items, S sequences of an item, H hidden width, T targets, L layers of the model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from seqbench.errors import StoreError, StoreNotFoundError
from seqbench.identity import ModelIdentity
from seqbench.store import arrays
from seqbench.store.layout import Block, blocks, n_blocks
from seqbench.store.records import EmbeddingFacts, SplitFacts
from seqbench.vocabulary import SPLITS, SplitName, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemFacts:
    """What happened to the items of a block; sequences in the item's order."""

    tokens_NS: NDArray[np.int64]
    """Tokens that went through the model, special tokens included."""
    windows_NS: NDArray[np.int32]
    """Windows that a sequence was cut into."""
    coverage_NS: NDArray[np.float32]
    """Share of a sequence's tokens that was seen: below 1 where it was truncated."""
    hash_N: NDArray[np.uint64]
    """First 64 bits of the BLAKE2b of the item's sequences: equal items have equal hashes."""


ITEM_FIELDS = {"tokens": "int64", "windows": "int32", "coverage": "float32", "hash": "uint64"}


class Embeddings:
    """The embeddings of one model on one data set in an open store; arrays are read when asked for."""

    def __init__(self, group: zarr.Group, model: ModelIdentity, store_path: Path) -> None:
        self._group = group
        self._store_path = store_path
        self.model = model
        self.dataset = group.basename
        try:
            self.facts = EmbeddingFacts.from_attrs(dict(group.attrs))
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{store_path / group.path}: zarr.json is damaged: {error}") from error

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
        names = arrays.folders(self._store_path / self._group.path)
        return tuple(sorted(int(name) for name in names if name.isdigit()))

    def complete_layers(self, split: SplitName) -> tuple[int, ...]:
        """The layers all of whose blocks are complete in a split."""
        done = self._flags(split).all(axis=0)
        return tuple(int(layer) for layer in np.flatnonzero(done))

    def load(self, layer: int, split: SplitName) -> NDArray[np.float32]:
        """Read one layer of one split.

        Args:
            layer: 0 is the embedding output; negative numbers count from the last layer.
            split: train, eval or test.

        Returns:
            Shape (N, S, H), float32, rows in the order of the data set's file.

        Raises:
            StoreNotFoundError: There is no such layer or split.
            StoreError: Blocks are missing, or a chunk is damaged.
        """
        layer = layer + self.model.n_layers if layer < 0 else layer
        flags = self._flags(split)
        if not (0 <= layer < flags.shape[1]) or layer not in self.split_layers(split):
            raise StoreNotFoundError(
                f"{self._store_path}: {self.name} {split} has no layer {layer} (it has layers {self.layers})"
            )
        missing = int((~flags[:, layer]).sum())
        if missing:
            raise StoreError(
                f"{self._store_path}: {self.name} layer {layer} {split} misses {missing} of {len(flags)} "
                "blocks (run `seqbench extract` again)"
            )
        return self._whole(f"{layer}/{split}").astype(np.float32, copy=False)

    def labels(self, split: SplitName) -> NDArray[Any]:
        """Labels as in the data set's file: int64 (N,) or (N, T), float64 (N, T) for regression."""
        self._split(split)
        return self._whole(f"labels/{split}")

    def _whole(self, path: str) -> NDArray[Any]:
        """Read an array that must have all its chunks."""
        array = self._array(path)
        if not arrays.is_whole(array):
            raise StoreError(
                f"{self._store_path}: {self.name}/{path} lacks chunks that were written once "
                f"(delete {self._store_path / self.name} and run `seqbench extract` again)"
            )
        return arrays.read(array)

    def items(self, split: SplitName) -> ItemFacts:
        """What happened to each item of a split, shapes (N, S); zeros and NaN where blocks are missing."""
        self._split(split)
        columns = {key: arrays.read(self._array(f"items/{split}/{key}")) for key in ITEM_FIELDS}
        return ItemFacts(
            tokens_NS=columns["tokens"],
            windows_NS=columns["windows"],
            coverage_NS=columns["coverage"],
            hash_N=columns["hash"],
        )

    def stored_bytes(self, split: SplitName) -> int:
        """Bytes that a split's layers take in the store, compressed."""
        layers = self.split_layers(split)
        return sum(int(self._array(f"{layer}/{split}").nbytes_stored()) for layer in layers)

    def split_layers(self, split: SplitName) -> tuple[int, ...]:
        """The layers that have an array for a split, complete or not."""
        return tuple(layer for layer in self.layers if arrays.has(self._group, f"{layer}/{split}"))

    def missing_layers(self, split: SplitName, block: Block, layers: Sequence[int]) -> tuple[int, ...]:
        """Those of `layers` that are not complete in a block."""
        done = self._flags(split)[block.index]
        return tuple(layer for layer in layers if not done[layer])

    def missing_blocks(self, split: SplitName, layers: Sequence[int]) -> list[Block]:
        """The blocks that lack any of `layers`, in row order."""
        facts = self._split(split)
        flags = self._flags(split)
        cut = blocks(facts.n_items, facts.block_rows)
        return [block for block in cut if not flags[block.index, list(layers)].all()]

    def prepare(self, split: SplitName, labels: NDArray[Any], layers: Sequence[int]) -> None:
        """Make the arrays of a split and write its labels; what is there already stays."""
        facts = self._split(split)
        n, s, h, rows = facts.n_items, self.facts.n_seqs, self.facts.hidden, facts.block_rows
        for layer in layers:
            self._create(f"{layer}/{split}", (n, s, h), (rows, s, h), "float32", ("item", "seq", "hidden"))
        for key, dtype in ITEM_FIELDS.items():
            wide = key != "hash"
            self._create(
                f"items/{split}/{key}",
                (n, s) if wide else (n,),
                (rows, s) if wide else (rows,),
                dtype,
                ("item", "seq") if wide else ("item",),
            )
        # One chunk a block: marking one never rewrites another's mark, whoever else is writing.
        width = self.model.n_layers
        count = n_blocks(n, rows)
        self._create(f"blocks/{split}", (count, width), (1, width), "uint8", ("block", "layer"))
        dtype = "float64" if self.facts.task is Task.REGRESSION else "int64"
        dimensions = ("item", "target")[: labels.ndim]
        array = self._create(f"labels/{split}", labels.shape, labels.shape, dtype, dimensions)
        if not np.array_equal(arrays.read(array), labels):
            array[:] = labels

    def write_block(
        self,
        split: SplitName,
        block: Block,
        layers: Mapping[int, NDArray[np.float32]],
        items: ItemFacts,
    ) -> None:
        """Write some layers of a block, each (rows, S, H), and mark them complete when all are on disk.

        Raises:
            StoreError: The disk is full or the store can't be written.
        """
        rows = slice(block.start, block.stop)
        try:
            for layer, values in layers.items():
                self._array(f"{layer}/{split}")[rows] = values
            columns = (items.tokens_NS, items.windows_NS, items.coverage_NS, items.hash_N)
            for key, column in zip(ITEM_FIELDS, columns, strict=True):
                self._array(f"items/{split}/{key}")[rows] = np.asarray(column)
            flags = self._array(f"blocks/{split}")
            mark = np.asarray(flags[block.index])
            mark[list(layers)] = 1
            flags[block.index] = mark
        except OSError as error:
            raise StoreError(
                f"{self._store_path}: can't be written: {error.strerror or error} "
                "(make room or mend permissions; the same command goes on from there)"
            ) from error

    def _create(
        self,
        path: str,
        shape: tuple[int, ...],
        chunks: tuple[int, ...],
        dtype: str,
        dimensions: tuple[str, ...],
    ) -> zarr.Array[Any]:
        return arrays.create(
            self._group, path, shape=shape, chunks=chunks, dtype=dtype, dimensions=dimensions
        )

    def _array(self, path: str) -> zarr.Array[Any]:
        found = arrays.get(self._group, path)
        if not isinstance(found, zarr.Array):
            raise StoreError(
                f"{self._store_path}: {self.name} lacks its array {path} (damaged; extract it anew)"
            )
        return found

    def _flags(self, split: SplitName) -> NDArray[np.bool_]:
        self._split(split)
        if not arrays.has(self._group, f"blocks/{split}"):  # killed between the record and its arrays
            facts = self.facts.splits[split]
            return np.zeros((n_blocks(facts.n_items, facts.block_rows), self.model.n_layers), dtype=np.bool_)
        return arrays.read(self._array(f"blocks/{split}")).astype(np.bool_)

    def _split(self, split: SplitName) -> SplitFacts:
        if split not in self.facts.splits:
            raise StoreNotFoundError(
                f"{self._store_path}: {self.name} has no split {split!r} (it has {', '.join(self.splits)})"
            )
        return self.facts.splits[split]
