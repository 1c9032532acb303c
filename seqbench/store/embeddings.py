"""One model on one data set: writing its blocks.

Shape letters: N items, S sequences of an item, H hidden width, T targets, B blocks, L layers of the model.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.core.missing import same_labels
from seqbench.core.types import SplitName, StoreDtype, Task, check_name
from seqbench.errors import StoreError
from seqbench.store import arrays
from seqbench.store.entry import StoredEmbeddings
from seqbench.store.layout import Block, n_blocks
from seqbench.store.location import exclusive
from seqbench.store.records import ITEM_FIELDS, EmbeddingFacts, ItemFacts, LayerRows, TargetFacts

__all__ = ["Embeddings", "ItemFacts", "LayerRows"]

_PIECE = 65536
"""Numbers that are converted at a time: what is measured of them is read from the cache, in half the time."""


class Embeddings(StoredEmbeddings):
    """The embeddings of one model on one data set in a store that may be written.

    Any number of processes may write at once, the same blocks or others: a file appears whole or not at all,
    data before the mark that makes it count, and marks are changed by one process at a time (`exclusive`).
    On an object store, which has no lock, a mark may be lost where two processes write different layers of
    one block at once; then that block is computed again.
    """

    def prepare(
        self, split: SplitName, labels: NDArray[Any], layers: Sequence[int], *, keep_labels: bool = False
    ) -> None:
        """Make the arrays of a split and write its labels; what is there and sound stays.

        Args:
            split: train, eval or test.
            labels: Of its items.
            layers: That are going to be written.
            keep_labels: Whether labels that are there may differ: where a data set has several targets.

        Raises:
            StoreError: The store can't be written, or arrays of another shape or type lie there.
        """
        facts = self._split(split)
        n, s, rows = facts.n_items, self.facts.n_seqs, facts.block_rows
        # Of a name there is one length in a group, for xarray; and the splits of a layer lie in one group.
        item = f"item_{split}"
        with exclusive(self._store):
            for layer in layers:
                self._create_layer(split, layer)
            for key, dtype in ITEM_FIELDS.items():
                shape, chunks = ((n,), (rows,)) if key == "hash" else ((n, s), (rows, s))
                self._create(f"items/{split}/{key}", shape, chunks, dtype, (item, "seq")[: len(shape)])
            self._create_by_block(f"blocks/{split}", split, "uint8")
            if self.facts.dtype != "float32":
                self._create_by_block(f"stats/{split}/rounding", split, "float32")
            if not keep_labels or not self._has(f"labels/{split}"):
                self._put_labels(split, labels, f"labels/{split}", self.facts.task)

    def _create_layer(self, split: SplitName, layer: int) -> None:
        facts, s, h = self._split(split), self.facts.n_seqs, self.facts.hidden
        n, rows, chunk = facts.n_items, facts.block_rows, facts.chunk_rows
        shards = None if rows == chunk else (rows, s, h)
        dimensions = (f"item_{split}", "seq", "hidden")
        self._create(f"{layer}/{split}", (n, s, h), (chunk, s, h), self.facts.dtype, dimensions, shards)

    def put_target(self, name: str, facts: TargetFacts, labels: Mapping[SplitName, NDArray[Any]]) -> None:
        """Keep the labels of a target beside the embeddings, in place of what was kept of its name.

        Args:
            name: Of the target.
            facts: What it is.
            labels: Of each split.

        Raises:
            StoreError: The store can't be written.
        """
        check_name(name, "target")
        place = f"targets/{name}"
        attrs = {**asdict(facts), "task": facts.task.value}
        attrs |= {key: list(attrs[key]) for key in ("classes", "class_names")}
        with exclusive(self._store):
            group = arrays.get_group(self._group, place)
            if group is not None and group.attrs != attrs:
                (self.location / place).remove()
                self._opened = {path: array for path, array in self._opened.items() if place not in path}
            for split in self.splits:
                self._put_labels(split, labels[split], f"{place}/{split}", facts.task)
            made = arrays.get_group(self._group, place)
            if made is not None and made.attrs != attrs:
                arrays.put_attrs(made, attrs)

    def put_groups(self, key: str, groups: Mapping[SplitName, NDArray[np.int64]]) -> None:
        """Keep the groups of items beside the embeddings, in place of what was kept.

        Args:
            key: Of the groups in the data set's lines.
            groups: Of each split, (N,).

        Raises:
            StoreError: The store can't be written.
        """
        with exclusive(self._store):
            for split in self.splits:
                self._put_labels(split, groups[split], f"groups/{split}", Task.CLASSIFICATION)
            made = arrays.get_group(self._group, "groups")
            if made is not None and made.attrs != {"key": key}:
                arrays.put_attrs(made, {"key": key})

    def _put_labels(self, split: SplitName, labels: NDArray[Any], path: str, task: Task) -> None:
        dtype = "float64" if task is Task.REGRESSION else "int64"
        self._create(path, labels.shape, labels.shape, dtype, (f"item_{split}", "target")[: labels.ndim])
        array = self._array(path)
        try:
            there = arrays.is_whole(array) and same_labels(arrays.read(array), labels)
        except StoreError:
            there = False
        if not there:
            arrays.write(array, slice(0, len(labels)), labels)

    def write_block(
        self, split: SplitName, block: Block, layers: Iterable[LayerRows], items: ItemFacts
    ) -> None:
        """Write some layers of a block, and mark them complete when all are on disk.

        Args:
            split: train, eval or test.
            block: Which rows.
            layers: Each (rows, S, H); taken one by one as they are written, so one is in memory at a time.
                They are stored in the type of `facts.dtype`, and how much a row lost by that is recorded.
            items: What happened to the block's items.

        Raises:
            StoreError: The disk is full, the store can't be written, or a value is beyond the range of
                float16.
        """
        rows = slice(block.start, block.stop)
        shape_NSH = (block.stop - block.start, self.facts.n_seqs, self.facts.hidden)
        figures: dict[int, tuple[float, float]] = {}
        for each in layers:
            if each.rows_NSH.shape != shape_NSH:
                raise ValueError(f"layer {each.layer}: rows of shape {each.rows_NSH.shape}, not {shape_NSH}")
            stored, error = as_stored(each.rows_NSH, self.facts.dtype)
            if np.isinf(error):
                raise StoreError(
                    f"{self._store}: {self.name} layer {each.layer} {split} rows {block.start}+ hold values "
                    "beyond 65504, the range of float16 (set store.dtype: float32 and another store.path)"
                )
            arrays.write(self._array(f"{each.layer}/{split}"), rows, stored)
            figures[each.layer] = (error, each.strand_cosine)
        self._finish_block(split, block, figures, items)

    def _finish_block(
        self, split: SplitName, block: Block, figures: dict[int, tuple[float, float]], items: ItemFacts
    ) -> None:
        """Write the facts of a block whose layers are on disk, and mark those complete."""
        for key, column in items.columns().items():
            arrays.write(self._array(f"items/{split}/{key}"), slice(block.start, block.stop), column)
        with exclusive(self._store):
            self._record(split, block, figures)
            self._mark(split, block, list(figures), 1)

    def _record(self, split: SplitName, block: Block, figures: dict[int, tuple[float, float]]) -> None:
        """Keep what was measured of a block: rounding of each layer, and agreement of the strands."""
        measured = {
            "rounding": {layer: error for layer, (error, _) in figures.items()},
            "strand_cosine": {layer: cosine for layer, (_, cosine) in figures.items() if np.isfinite(cosine)},
        }
        if self.facts.dtype == "float32":
            del measured["rounding"]
        for name, by_layer in measured.items():
            if by_layer:
                path = f"stats/{split}/{name}"
                self._create_by_block(path, split, "float32")
                self._change(path, block, list(by_layer), list(by_layer.values()))

    def clear_block(self, split: SplitName, block: Block, layers: Sequence[int] | None = None) -> None:
        """Mark a block missing, so that extraction computes it again.

        Args:
            split: train, eval or test.
            block: Which.
            layers: Which of its layers; all by default.
        """
        wanted = list(range(self.model.n_layers) if layers is None else layers)
        with exclusive(self._store):
            self._mark(split, block, wanted, 0)
        self._known_flags.clear()

    def add_notes(self, *, keep: Collection[str] = (), **notes: Any) -> None:
        """Record more of what may be worth knowing later; a note of the same name is replaced.

        Args:
            keep: Names of notes that are not replaced: of processes that find them at once, the first counts.
            notes: Ready for JSON.
        """
        with exclusive(self._store):
            group = arrays.reopen(self._group)
            stored = EmbeddingFacts.from_attrs(dict(group.attrs))
            kept = {name: note for name, note in stored.notes.items() if name in keep}
            facts = replace(stored, notes={**stored.notes, **notes, **kept})
            arrays.put_attrs(group, facts.attrs())
        self.facts = facts

    def _mark(self, split: SplitName, block: Block, layers: list[int], mark: int) -> None:
        self._change(f"blocks/{split}", block, layers, mark)

    def _change(self, path: str, block: Block, layers: list[int], values: Any) -> None:
        """Set some layers' entries in a block's row of an array that has a row a block."""
        array = self._array(path)
        place = slice(block.index, block.index + 1)
        try:
            row = arrays.read(array, place)
        except StoreError:  # damaged: what it said of other layers is lost, so they count as missing
            row = np.full((1, self.model.n_layers), array.fill_value, dtype=array.dtype)
        row[0, layers] = values
        arrays.write(array, place, row)

    def _create_by_block(self, path: str, split: SplitName, dtype: str) -> None:
        """Make an array (B, L) with a file a block: changing one block's never touches another's."""
        facts = self._split(split)
        shape = (n_blocks(facts.n_items, facts.block_rows), self.model.n_layers)
        self._create(path, shape, (1, shape[1]), dtype, (f"block_{split}", "layer"))

    def _create(
        self,
        path: str,
        shape: tuple[int, ...],
        chunks: tuple[int, ...],
        dtype: str,
        dimensions: tuple[str, ...],
        shards: tuple[int, ...] | None = None,
    ) -> None:
        if path not in self._opened:
            self._opened[path] = arrays.create(
                self._group,
                path,
                shape=shape,
                chunks=chunks,
                dtype=dtype,
                dimensions=dimensions,
                shards=shards,
            )


def as_stored(rows_NSH: NDArray[np.float32], dtype: StoreDtype) -> tuple[NDArray[Any], float]:
    """Rows in the type of the store, and the largest relative rounding error of a row.

    Of a row (one sequence's vector) the error is the largest |stored - given| over the largest |given|, which
    is 0 for a row of zeros; rows of NaN do not count. In float16's normal range it is at most 2**-11, by its
    11 bits of precision. Infinity says that a number was beyond its range.
    """
    if dtype == "float32":
        return np.asarray(rows_NSH, dtype=np.float32), 0.0
    stored = np.empty(rows_NSH.shape, dtype=dtype)
    worst = 0.0
    step = max(1, _PIECE // max(1, rows_NSH[:1].size))
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(rows_NSH), step):
            given = rows_NSH[start : start + step]
            stored[start : start + step] = given
            lost = stored[start : start + step].astype(np.float32)
            np.subtract(lost, given, out=lost)
            lost_NS = np.maximum(lost.max(axis=-1), -lost.min(axis=-1))
            size_NS = np.maximum(given.max(axis=-1), -given.min(axis=-1))
            counts = np.isfinite(size_NS) & (size_NS > 0)
            worst = max(worst, float((lost_NS[counts] / size_NS[counts]).max(initial=0.0)))
    return stored, worst
