"""One model on one data set: reading its arrays.

Shape letters: N items, S sequences of an item, H hidden width, T targets, B blocks, L layers of the model.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqbench.core.identity import ModelIdentity
from seqbench.core.json_records import read_record
from seqbench.core.types import SplitName
from seqbench.datasets.spec import base_of
from seqbench.errors import StoreError, StoreNotFoundError
from seqbench.store import arrays
from seqbench.store.entry_arrays import EntryArrays
from seqbench.store.groups import StoreGroup
from seqbench.store.layout import TOKENS, Block, blocks
from seqbench.store.location import LocalFolder, Location
from seqbench.store.readers import LayerArray, to_xarray
from seqbench.store.records import ITEM_FIELDS, ItemFacts, TargetFacts

if TYPE_CHECKING:
    from typing import Self

    import xarray
    import zarr

    from seqbench.datasets.letters import LetterLabels
    from seqbench.store.tokens import TokenArray
    from seqbench.store.torch_data import ChunkDataset

CHUNKS_AT_ONCE = 2
"""Chunks that scattered rows are read from together: decompressed ones are some 8 MiB."""


class StoredEmbeddings(EntryArrays):
    """The embeddings of one model on one data set in an open store; arrays are read when asked for."""

    def __init__(
        self,
        group: StoreGroup,
        model: ModelIdentity,
        store: Location,
        other: "Callable[[str], StoredEmbeddings]",
    ) -> None:
        """Read the record.

        Args:
            group: Of the data set.
            model: Whose embeddings they are.
            store: The store as a whole.
            other: Opens what the store has under another key.

        Raises:
            StoreError: The record is damaged.
        """
        super().__init__(group, model, store)
        self._other = other
        self._labels: Mapping[SplitName, NDArray[Any]] | None = None
        """Of a target; None where they are the data set's own."""
        self._groups: tuple[str, Mapping[SplitName, NDArray[np.int64]]] | None = None
        """The key of the groups, and the number of each item's."""

    @property
    def scratch_folder(self) -> Path | None:
        """Where scratch files may lie: in the store, which must be writable; None where that is remote."""
        return self._store.path if isinstance(self._store, LocalFolder) else None

    def load(self, layer: int, split: SplitName) -> NDArray[np.float32]:
        """Read one layer of one split.

        Args:
            layer: 0 is the embedding output; negative numbers count from the last layer.
            split: train, eval or test.

        Returns:
            Shape (N, S, H), float32 whatever the store keeps, rows in the order of the data set's file.

        Raises:
            StoreNotFoundError: There is no such layer or split.
            StoreError: Blocks are missing, or a chunk is damaged.
        """
        layer = self._layer(layer, split)
        self._need(layer, split)
        return arrays.read_layer(self._array(f"{layer}/{split}")).astype(np.float32, copy=False)

    def array(self, layer: int, split: SplitName) -> LayerArray:
        """One layer of one split as a lazy array, read chunk by chunk when it is sliced.

        Args:
            layer: As for `load`.
            split: train, eval or test.

        Returns:
            Shape (N, S, H), float32; also for dask, see `LayerArray`.

        Raises:
            StoreNotFoundError: There is no such layer or split.
            StoreError: Blocks are missing, or files of the layer are.
        """
        layer = self._layer(layer, split)
        self._need(layer, split)
        array = self._array(f"{layer}/{split}")
        if not arrays.is_whole(array):
            raise self._lost(f"{layer}/{split}")
        return LayerArray(array, f"{self.location}/{layer}/{split}")

    def xarray(self, split: SplitName, layers: Sequence[int] | None = None) -> "xarray.DataArray":
        """Layers of a split as one labelled array that is read when it is computed.

        Args:
            split: train, eval or test.
            layers: As for `load`; all that are stored by default.

        Returns:
            Dimensions layer, item, seq and hidden on dask, with coordinates `layer`, `item`, `label` and what
            `items` gives.

        Raises:
            StoreNotFoundError: There is no such layer or split.
            StoreError: Blocks are missing, or xarray or dask is not installed.
        """
        wanted = self.split_layers(split) if layers is None else [self._layer(each, split) for each in layers]
        coords = {"label": self.labels(split), **self.items(split).columns()}
        attrs = {"model": self.model.name, "dataset": self.dataset, "split": split, **self.facts.settings}
        return to_xarray({layer: self.array(layer, split) for layer in wanted}, coords, attrs)

    def torch_dataset(
        self,
        layer: int,
        split: SplitName,
        *,
        batch_size: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        buffer_chunks: int = 8,
    ) -> "ChunkDataset":
        """Embeddings and labels of a layer for a PyTorch DataLoader, shuffled by chunk; see `ChunkDataset`.

        Raises:
            StoreNotFoundError: There is no such layer or split.
            StoreError: Blocks are missing, or an argument is out of range.
        """
        from seqbench.store.torch_data import ChunkDataset

        return ChunkDataset(
            self.array(layer, split),
            self.labels(split),
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            buffer_chunks=buffer_chunks,
        )

    def read_block(self, path: str, array: "zarr.Array[Any]", block: Block) -> None:
        """Read what a block has in an array, which checks it.

        Raises:
            StoreError: It is damaged.
        """
        arrays.read(array, self.rows_of(path, block))

    def rows_of(self, path: str, block: Block) -> slice:
        """The rows that a block has in the array of a layer or of items' facts."""
        return slice(block.start, block.stop)

    def tokens(self, layer: int, split: SplitName) -> "TokenArray":
        """One layer of one split, a vector a token, where the extraction kept them (`extract.tokens`).

        Args:
            layer: As for `load`.
            split: train, eval or test.

        Raises:
            StoreNotFoundError: Tokens were not kept, or not of such a layer or split.
            StoreError: Blocks are missing, or files of the layer are.
        """
        return self._other(f"{self.model.name}{TOKENS}/{base_of(self.dataset)}").tokens(layer, split)

    def letters(self, split: SplitName) -> "LetterLabels":
        """The labels of all letters of a split, kept with the tokens; else StoreNotFoundError."""
        return self._other(f"{self.model.name}{TOKENS}/{base_of(self.dataset)}").letters(split)

    def read_rows(self, split: SplitName, layer: int, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Read some rows of a layer; only the chunks that hold them are fetched and decompressed.

        Args:
            split: train, eval or test.
            layer: As for `load`.
            rows: Numbers of items, 0 to N-1, in any order, repeats allowed. Sorted ones are read fastest.

        Returns:
            Shape (len(rows), S, H), float32.

        Raises:
            StoreNotFoundError: There is no such layer or split.
            StoreError: A block that holds one of the rows is missing, or a chunk is damaged.
            IndexError: There is no such row.
        """
        layer, facts = self._layer(layer, split), self._split(split)
        wanted, inverse = np.unique(np.asarray(rows, dtype=np.int64), return_inverse=True)
        if not len(wanted):
            return np.empty((0, self.facts.n_seqs, self.facts.hidden), dtype=np.float32)
        if wanted[0] < 0 or wanted[-1] >= facts.n_items:
            asked = f"asked for {wanted[0]} to {wanted[-1]}"
            raise IndexError(f"{self.name} {split} has rows 0 to {facts.n_items - 1}, {asked}")
        self._need(layer, split, np.unique(wanted // facts.block_rows))
        array = self._array(f"{layer}/{split}")
        # A slice is read some times faster than as many row numbers.
        if wanted[-1] - wanted[0] + 1 == len(wanted):
            found = arrays.read_layer(array, slice(int(wanted[0]), int(wanted[-1]) + 1))
            return found.astype(np.float32, copy=False)[inverse]
        found = np.empty((len(wanted), self.facts.n_seqs, self.facts.hidden), dtype=np.float32)
        stretch = wanted // (CHUNKS_AT_ONCE * facts.chunk_rows)
        for rows_N in np.split(np.arange(len(wanted)), np.flatnonzero(np.diff(stretch)) + 1):
            found[rows_N] = arrays.read_layer(array, wanted[rows_N])
        return found[inverse]

    def labels(self, split: SplitName) -> NDArray[Any]:
        """Labels as in the data set's file: int64 (N,) or (N, T), float64 (N, T) for regression."""
        self._split(split)
        return self._whole(f"labels/{split}") if self._labels is None else self._labels[split]

    @property
    def group_key(self) -> str | None:
        """The key of the groups that items are kept together by; None where there are none."""
        return None if self._groups is None else self._groups[0]

    def groups(self, split: SplitName) -> NDArray[np.int64] | None:
        """A number of the group that each item is in, int64 (N,), equal in all splits; None of none."""
        return None if self._groups is None else self._groups[1][split]

    def with_groups(self, key: str, groups: Mapping[SplitName, NDArray[np.int64]]) -> "Self":
        """The same embeddings, items of one group kept together.

        Args:
            key: Of the groups in the data set's lines.
            groups: Of each split, as `groups` gives them.
        """
        view = copy(self)
        view._groups = (key, groups)
        return view

    def grouped(self, key: str) -> "Self":
        """The embeddings with their groups, as they were stored.

        Raises:
            StoreNotFoundError: The store has no groups of this key.
            StoreError: They are damaged.
        """
        group = arrays.get_group(self._group, "groups")
        if group is None or group.attrs.get("key") != key:
            raise StoreNotFoundError(
                f"{self._store}: {self.name} has no groups by {key!r} (group_key; run `seqbench extract` "
                "where the data set's files are)"
            )
        return self.with_groups(key, {split: self._whole(f"groups/{split}") for split in self.splits})

    def as_target(self, name: str, facts: TargetFacts, labels: Mapping[SplitName, NDArray[Any]]) -> "Self":
        """The same embeddings with other labels, as of a data set named `data set/name`.

        Args:
            name: Of the target.
            facts: What it is.
            labels: Of each split, as `labels` gives them.
        """
        view = copy(self)
        view.dataset = f"{self.dataset}/{name}"
        view.facts = facts.of(self.facts)
        view._labels = labels
        return view

    @property
    def targets(self) -> tuple[str, ...]:
        """The targets whose labels are kept beside the embeddings."""
        group = arrays.get_group(self._group, "targets")
        return () if group is None else tuple(sorted(group.as_zarr.group_keys()))

    def target(self, name: str) -> "Self":
        """The embeddings with the labels of one target, as they were stored with it.

        Raises:
            StoreNotFoundError: The store has no labels of it.
            StoreError: They are damaged.
        """
        group = arrays.get_group(self._group, f"targets/{name}")
        if group is None or "task" not in group.attrs:
            raise StoreNotFoundError(
                f"{self._store}: {self.name} has no labels of a target {name!r} (run "
                "`seqbench extract` where the data set's files are)"
            )
        try:
            facts = read_record(TargetFacts, group.attrs)
        except ValueError as error:
            raise StoreError(f"{self.location}/targets/{name}/zarr.json is damaged: {error}") from error
        labels = {split: self._whole(f"targets/{name}/{split}") for split in self.splits}
        return self.as_target(name, facts, labels)

    def items(self, split: SplitName, rows: NDArray[np.int64] | slice = slice(None)) -> ItemFacts:
        """What happened to each item of a split, shapes (N, S); zeros and NaN where blocks are missing.

        Args:
            split: train, eval or test.
            rows: Numbers of items, ascending, or a slice of them; all by default.
        """
        self._split(split)
        columns = {key: arrays.read(self._array(f"items/{split}/{key}"), rows) for key in ITEM_FIELDS}
        return ItemFacts(
            tokens_NS=columns["tokens"],
            windows_NS=columns["windows"],
            coverage_NS=columns["coverage"],
            hash_N=columns["hash"],
        )

    def rounding_error(self, split: SplitName, layer: int) -> float | None:
        """The largest relative rounding error of a layer's rows; None where it was stored as computed.

        Of a row it is the largest |stored - computed| over the largest |computed|.
        """
        figures, _ = self._figures(split, layer, "rounding")
        return float(figures.max()) if len(figures) else None

    def strand_cosine(self, split: SplitName, layer: int) -> float | None:
        """Mean cosine between the two strands' embeddings in a layer; None where none was recorded."""
        figures, rows = self._figures(split, layer, "strand_cosine")
        return float(np.average(figures, weights=rows)) if len(figures) else None

    def _figures(
        self, split: SplitName, layer: int, name: str
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """What was recorded of the complete blocks of a layer, and the rows of each."""
        facts, path = self._split(split), f"stats/{split}/{name}"
        if path not in self._opened and not arrays.has(self._group, path):
            return np.empty(0), np.empty(0, dtype=np.int64)
        column = arrays.read(self._array(path))[:, layer].astype(np.float64)
        rows = np.asarray([block.stop - block.start for block in blocks(facts.n_items, facts.block_rows)])
        there = np.isfinite(column) & self._flags(split)[:, layer]
        return column[there], rows[there]

    def stored_bytes(self, split: SplitName) -> int:
        """Bytes that a split's layers take in the store, compressed."""
        layers = self.split_layers(split)
        return sum(arrays.stored_bytes(self._array(f"{layer}/{split}")) for layer in layers)
