"""AnnData: one `.h5ad` file a layer, its splits below each other.

`X` holds the embeddings, those of an item's sequences side by side; `obs` the split, the item's number in it,
labels and item facts; `var` the sequence and the unit of each column; `uns["seqbench"]` the provenance.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from numpy.typing import NDArray

from seqbench.core.types import SPLITS, SplitName
from seqbench.errors import SeqbenchError, StoreError
from seqbench.store.exchange.base import ExportJob, Found, LayerFile
from seqbench.store.exchange.columns import ExportRows, column_names, rows_of
from seqbench.store.exchange.names import layer_file, layer_files, unreadable, whole_file
from seqbench.store.exchange.provenance import Provenance
from seqbench.store.exchange.trial import try_files

if TYPE_CHECKING:
    import anndata

KEY = "seqbench"
"""Of `uns`, where the provenance is."""


def files(job: ExportJob) -> list[Path]:
    """Every file that `write` makes."""
    return [layer_file(job.folder, job.dataset, layer, None, ".h5ad") for layer in _layers(job)]


def _layers(job: ExportJob) -> list[int]:
    return sorted({layer for layers in job.layers.values() for layer in layers})


def write(job: ExportJob) -> None:
    """Write the files of a job, some rows at a time; see `WritableFormat.write`."""
    import anndata

    for layer in _layers(job):
        splits = [split for split, layers in job.layers.items() if layer in layers]
        with whole_file(layer_file(job.folder, job.dataset, layer, None, ".h5ad")) as partial:
            _frame(job, splits).write_h5ad(partial)
            with h5py.File(partial, "r+") as file:
                _write_embeddings(job, splits, layer, file)
                anndata.io.write_elem(file["uns"], KEY, job.provenance().to_json())


def _frame(job: ExportJob, splits: list[SplitName]) -> "anndata.AnnData":
    """All but the embeddings."""
    import anndata
    import pandas as pd

    tables = []
    for split in splits:
        count = job.facts.splits[split].n_items
        table = pd.DataFrame({"item": np.arange(count), **job.rows[split].columns()})
        table.index = pd.Index([f"{split}_{number}" for number in range(count)])
        table.insert(0, "split", split)
        tables.append(table)
    obs = pd.concat(tables).astype({"split": "category"})
    seq, unit = (each.ravel() for each in np.indices((job.facts.n_seqs, job.facts.hidden)))
    names = [f"seq{s + 1}_{u}" if job.facts.n_seqs > 1 else str(u) for s, u in zip(seq, unit, strict=True)]
    return anndata.AnnData(obs=obs, var=pd.DataFrame({"seq": seq, "unit": unit}, index=pd.Index(names)))


def _write_embeddings(job: ExportJob, splits: list[SplitName], layer: int, file: h5py.File) -> None:
    """Write `X` as AnnData's format wants a dense array; AnnData itself would need all of it in memory."""
    n_items = sum(job.facts.splits[split].n_items for split in splits)
    values = file.create_dataset("X", shape=(n_items, job.facts.n_seqs * job.facts.hidden), dtype="<f4")
    values.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
    start = 0
    for split in splits:
        for rows_NSH in job.pieces(split, layer):
            values[start : start + len(rows_NSH)] = rows_NSH.reshape(len(rows_NSH), -1)
            start += len(rows_NSH)


def find(folder: Path) -> dict[str, Found]:
    """The data sets of a folder.

    Raises:
        StoreError: It holds no such files, or one can't be read.
    """
    try_files([path for paths in layer_files(folder, ".h5ad").values() for path in paths.values()])
    found: dict[str, Found] = {}
    for dataset, paths in layer_files(folder, ".h5ad").items():
        found[dataset] = _H5adDataset(
            {layer: H5adFile(path) for (layer, split), path in paths.items() if split is None}
        )
    return found


def try_file(path: Path) -> None:
    """Read all of a file but the inner rows of `X`.

    Raises:
        StoreError: It can't be read; names it.
    """
    file = H5adFile(path)
    rows, _ = file.shape
    _ = file.provenance, file.columns
    with file.open() as opened:
        for row in {0, rows - 1} if rows else ():
            opened["X"][row]


class H5adFile:
    """A file as AnnData writes them."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def open(self) -> Iterator[h5py.File]:
        """Open the file for one reading; what h5py raises becomes one line."""
        try:
            with h5py.File(self.path, "r") as file:
                yield file
        except SeqbenchError:
            raise
        except (OSError, KeyError, IndexError, ValueError, TypeError, AttributeError, RuntimeError) as error:
            raise unreadable(self.path, "AnnData", error) from error

    @cached_property
    def provenance(self) -> Provenance | None:
        """What seqbench wrote down; None in a file of another tool."""
        with self.open() as file:
            text = file["uns"][KEY][()] if KEY in file.get("uns", {}) else None
        return None if text is None else Provenance.from_json(text, self.path)

    @cached_property
    def columns(self) -> dict[str, NDArray[Any]]:
        """Those columns of `obs` that are ours."""
        with self.open() as file:
            table = file["obs"]
            named = [name for names in column_names(table).values() for name in names]
            found = {
                name: _column(table[name]) for name in [*named, *(("split",) if "split" in table else ())]
            }
        if "split" not in found or not set(found["split"].tolist()) <= set(SPLITS):
            raise StoreError(f"{self.path}: obs needs a column `split` that says train, eval or test")
        return found

    @cached_property
    def shape(self) -> tuple[int, int]:
        """Of `X`."""
        with self.open() as file:
            values = file["X"]
            if not isinstance(values, h5py.Dataset) or values.ndim != 2 or values.dtype.kind != "f":
                raise StoreError(f"{self.path}: X must be a dense matrix of floats")
            rows, columns = values.shape
        return rows, columns


def _column(stored: Any) -> NDArray[Any]:
    """A column of `obs` as AnnData stores it: plain, of categories, or of numbers that may be missing."""
    if isinstance(stored, h5py.Dataset):
        return np.asarray(stored.asstr()[()] if h5py.check_string_dtype(stored.dtype) else stored[()])
    codes, mask = stored.get("codes"), stored.get("mask")
    if (codes is not None and (codes[()] < 0).any()) or (mask is not None and mask[()].any()):
        raise ValueError(f"obs has missing values in {stored.name}")
    return _column(stored["categories"])[codes[()]] if codes is not None else _column(stored["values"])


class _H5adLayer:
    """One split of a file."""

    def __init__(self, file: H5adFile, split: SplitName) -> None:
        self.path = file.path
        self._file = file
        self._numbers = np.flatnonzero(file.columns["split"] == split)

    @property
    def shape(self) -> tuple[int, int, int]:
        told = self._file.provenance
        n_seqs = told.facts.n_seqs if told is not None else 1
        rows, columns = self._file.shape
        if columns % n_seqs or rows != len(self._file.columns["split"]):
            raise StoreError(
                f"{self.path}: X is {rows} × {columns}, which does not fit obs or the provenance"
            )
        return len(self._numbers), n_seqs, columns // n_seqs

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        wanted = self._numbers[start:stop]
        run = int(wanted[-1]) - int(wanted[0]) + 1 == len(wanted)
        with self._file.open() as file:
            rows = file["X"][slice(int(wanted[0]), int(wanted[-1]) + 1) if run else wanted]
        return np.ascontiguousarray(rows, dtype=np.float32).reshape(len(wanted), *self.shape[1:])


class _H5adDataset:
    def __init__(self, files: dict[int, H5adFile]) -> None:
        self._files = files
        self.layers: dict[SplitName, dict[int, LayerFile]] = {}
        self.provenance: Provenance | None = None
        for split in SPLITS:
            found: dict[int, LayerFile] = {
                layer: _H5adLayer(file, split)
                for layer, file in files.items()
                if (file.columns["split"] == split).any()
            }
            if found:
                self.layers[split] = found
        for file in files.values():
            told = file.provenance
            if told is not None:
                self.provenance = told if self.provenance is None else self.provenance.joined(told, file.path)

    def rows(self, split: SplitName) -> ExportRows:
        first = self._files[min(self.layers[split])]
        chosen = first.columns["split"] == split
        columns = {name: values[chosen] for name, values in first.columns.items() if name != "split"}
        return rows_of(columns, first.path)
