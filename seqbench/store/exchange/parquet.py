"""Parquet: one file a layer and split, a row an item, the provenance in the file's metadata.

Columns: `item`, the labels and item facts, and `embedding`, a list of fixed size, or `embedding_1`,
`embedding_2`, … for items of several sequences.

Shape letters: N items, S sequences of an item, H hidden width.
"""

import re
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from seqbench.core.types import SPLITS, SplitName
from seqbench.errors import StoreError
from seqbench.store.exchange.base import ExportJob, Found, LayerFile
from seqbench.store.exchange.columns import ExportRows, column_names, rows_of
from seqbench.store.exchange.names import layer_file, layer_files, unreadable, whole_file
from seqbench.store.exchange.provenance import Provenance

KEY = "seqbench"
"""Of the metadata that holds the provenance."""

FAULTS = (pa.ArrowException, OSError, ValueError, TypeError, KeyError, IndexError)
"""What pyarrow raises on damaged files."""


def files(job: ExportJob) -> list[Path]:
    """Every file that `write` makes."""
    return [
        layer_file(job.folder, job.dataset, layer, split, ".parquet")
        for split, layers in job.layers.items()
        for layer in layers
    ]


def write(job: ExportJob) -> None:
    """Write the files of a job, a row group at a time; see `WritableFormat.write`."""
    for split, layers in job.layers.items():
        columns = {"item": np.arange(job.facts.splits[split].n_items), **job.rows[split].columns()}
        for layer in layers:
            with whole_file(layer_file(job.folder, job.dataset, layer, split, ".parquet")) as partial:
                _write_layer(job, split, layer, columns, partial)


def _write_layer(
    job: ExportJob, split: SplitName, layer: int, columns: dict[str, NDArray[Any]], path: Path
) -> None:
    start = 0
    array = job.layers[split][layer]
    fields = [(name, pa.from_numpy_dtype(values.dtype)) for name, values in columns.items()]
    lists = pa.list_(pa.float32(), array.shape[2])
    names = embedding_names(array.shape[1])
    schema = pa.schema([*fields, *((name, lists) for name in names)])
    # Floats of embeddings hardly repeat, so a dictionary of them only costs time.
    with pq.ParquetWriter(
        path, schema, compression="zstd", compression_level=1, use_dictionary=False
    ) as writer:
        for rows_NSH in job.pieces(split, layer):
            span = slice(start, start + len(rows_NSH))
            parts = [pa.array(values[span]) for values in columns.values()]
            parts += [
                pa.FixedSizeListArray.from_arrays(pa.array(rows_NSH[:, seq].ravel()), type=lists)
                for seq in range(len(names))
            ]
            writer.write_table(pa.Table.from_arrays(parts, schema=schema), row_group_size=len(rows_NSH))
            start = span.stop
        writer.add_key_value_metadata({KEY: job.provenance().to_json()})


def embedding_names(n_seqs: int) -> list[str]:
    """Names of the columns that hold embeddings."""
    return ["embedding"] if n_seqs == 1 else [f"embedding_{seq + 1}" for seq in range(n_seqs)]


def find(folder: Path) -> dict[str, Found]:
    """The data sets of a folder.

    Raises:
        StoreError: It holds no such files, or one can't be read.
    """
    return {dataset: _ParquetDataset(paths) for dataset, paths in layer_files(folder, ".parquet").items()}


class _ParquetLayer:
    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = pq.ParquetFile(path)
        except FAULTS as error:
            raise unreadable(path, "Parquet", error) from error
        found = [name for name in self._file.schema_arrow.names if re.fullmatch(r"embedding(_\d+)?", name)]
        self._names = embedding_names(len(found))
        if not found or set(found) != set(self._names):
            raise StoreError(f"{path}: has no column `embedding` (or `embedding_1`, `embedding_2`, …)")
        counts = [self._file.metadata.row_group(each).num_rows for each in range(self._file.num_row_groups)]
        self._starts = np.concatenate([[0], np.cumsum(counts)]).astype(int)
        self._kept: tuple[int, NDArray[np.float32]] | None = None

    @property
    def provenance(self) -> Provenance | None:
        record = (self._file.metadata.metadata or {}).get(KEY.encode())
        return None if record is None else Provenance.from_json(record, self.path)

    @cached_property
    def shape(self) -> tuple[int, int, int]:
        if not self._file.metadata.num_rows:
            raise StoreError(f"{self.path}: holds no rows")
        return int(self._file.metadata.num_rows), len(self._names), self._group(0).shape[2]

    def columns(self) -> dict[str, NDArray[Any]]:
        """Labels and item facts."""
        names = [name for names in column_names(self._file.schema_arrow.names).values() for name in names]
        try:
            table = self._file.read(columns=names)
        except FAULTS as error:
            raise unreadable(self.path, "Parquet", error) from error
        return {name: table[name].to_numpy() for name in names}

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        first = int(np.searchsorted(self._starts, start, side="right")) - 1
        parts = []
        while start < stop:
            begin, end = int(self._starts[first]), int(self._starts[first + 1])
            parts.append(self._group(first)[start - begin : min(stop, end) - begin])
            start, first = min(stop, end), first + 1
        return np.ascontiguousarray(np.concatenate(parts))

    def _group(self, number: int) -> NDArray[np.float32]:
        """One row group, (rows, S, H); the last one read is kept, as blocks and groups need not match."""
        if self._kept is None or self._kept[0] != number:
            try:
                table = self._file.read_row_group(number, columns=self._names)
                parts = [_floats(table[name]) for name in self._names]
            except FAULTS as error:
                raise unreadable(self.path, "Parquet", error) from error
            self._kept = (number, np.stack(parts, axis=1))
        return self._kept[1]


def _floats(column: "pa.ChunkedArray") -> NDArray[np.float32]:
    """A column of lists that have one length, (rows, H)."""
    whole = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = whole.chunk(0)
    if whole.null_count:
        raise ValueError("a row is null")
    kind = whole.type
    width = kind.list_size if pa.types.is_fixed_size_list(kind) else len(whole[0])
    lists = whole.cast(pa.list_(pa.float32(), width))
    values: NDArray[np.float32] = lists.flatten().to_numpy(zero_copy_only=False)
    return values.reshape(len(whole), width)


class _ParquetDataset:
    def __init__(self, paths: dict[tuple[int, SplitName | None], Path]) -> None:
        opened = {key: _ParquetLayer(path) for key, path in paths.items() if key[1] is not None}
        self._first = {split: layer for (_, split), layer in reversed(opened.items())}
        self.layers: dict[SplitName, dict[int, LayerFile]] = {}
        for split in SPLITS:
            found: dict[int, LayerFile] = {
                number: each for (number, of), each in opened.items() if of == split
            }
            if found:
                self.layers[split] = found
        self.provenance: Provenance | None = None
        for each in opened.values():
            told = each.provenance
            if told is not None:
                self.provenance = told if self.provenance is None else self.provenance.joined(told, each.path)

    def rows(self, split: SplitName) -> ExportRows:
        first = self._first[split]
        return rows_of(first.columns(), first.path)
