"""NumPy's own files: one a layer and split, one a column of labels and item facts; the provenance as JSON.

Shape letters: N items, S sequences of an item, H hidden width.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from seqbench.core.types import SPLITS, SplitName
from seqbench.errors import StoreError
from seqbench.store.exchange.base import ExportJob, Found, LayerFile
from seqbench.store.exchange.columns import ExportRows, column_names, rows_of
from seqbench.store.exchange.names import layer_file, layer_files, unreadable, whole_file
from seqbench.store.exchange.provenance import Provenance


def files(job: ExportJob) -> list[Path]:
    """Every file that `write` makes."""
    found = [job.folder / f"{job.dataset}.json"]
    for split, layers in job.layers.items():
        found += [layer_file(job.folder, job.dataset, layer, split, ".npy") for layer in layers]
        found += [_column_file(job.folder, job.dataset, name, split) for name in job.rows[split].columns()]
    return found


def write(job: ExportJob) -> None:
    """Write the files of a job; see `WritableFormat.write`.

    Layers are (N, H) for items of one sequence, else (N, S, H); float32.
    """
    for split, layers in job.layers.items():
        for name, column in job.rows[split].columns().items():
            with _whole(_column_file(job.folder, job.dataset, name, split)) as file:
                np.save(file, column, allow_pickle=False)
        for layer, array in layers.items():
            shape = (array.shape[0], array.shape[2]) if array.shape[1] == 1 else array.shape
            header = {"descr": "<f4", "fortran_order": False, "shape": shape}
            with _whole(layer_file(job.folder, job.dataset, layer, split, ".npy")) as file:
                np.lib.format.write_array_header_1_0(file, header)
                for rows_NSH in job.pieces(split, layer):
                    file.write(rows_NSH.astype("<f4", copy=False).data)
    _write_provenance(job)


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    with whole_file(path) as partial, partial.open("wb") as file:
        yield file


def _write_provenance(job: ExportJob) -> None:
    """Write the JSON last; what it said of other layers of the same origin is kept."""
    path = job.folder / f"{job.dataset}.json"
    made = job.provenance()
    with suppress(StoreError, FileNotFoundError):
        old = Provenance.from_json(path.read_bytes(), path)
        made = old.joined(made, path)
    with whole_file(path) as partial:
        partial.write_text(made.to_json(), encoding="utf-8")


def _column_file(folder: Path, dataset: str, name: str, split: SplitName) -> Path:
    return folder / f"{dataset}-{name}_{split}.npy"


def find(folder: Path) -> dict[str, Found]:
    """The data sets of a folder.

    Raises:
        StoreError: It holds no such files, or a provenance is damaged.
    """
    return {
        dataset: _NpyDataset(folder, dataset, paths) for dataset, paths in layer_files(folder, ".npy").items()
    }


class _NpyLayer:
    def __init__(self, path: Path) -> None:
        self.path = path

    def _map(self) -> NDArray[Any]:
        """Map the file anew: pages of a mapping that is kept would count as this process's memory."""
        array = load_npy(self.path)
        if array.ndim == 2:
            array = array[:, None]
        if array.ndim != 3 or array.dtype.kind != "f" or 0 in array.shape:
            raise StoreError(
                f"{self.path}: holds {array.dtype} {array.shape}; "
                "wanted are floats, (n, hidden) or (n, seqs, hidden)"
            )
        return array

    @cached_property
    def shape(self) -> tuple[int, int, int]:
        n_items, n_seqs, hidden = self._map().shape
        return n_items, n_seqs, hidden

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        return np.ascontiguousarray(self._map()[start:stop], dtype=np.float32)


class _NpyDataset:
    def __init__(self, folder: Path, dataset: str, paths: dict[tuple[int, SplitName | None], Path]) -> None:
        self._folder, self._dataset = folder, dataset
        self.layers: dict[SplitName, dict[int, LayerFile]] = {}
        for split in SPLITS:
            found: dict[int, LayerFile] = {
                layer: _NpyLayer(path) for (layer, named), path in paths.items() if named == split
            }
            if found:
                self.layers[split] = found
        record = folder / f"{dataset}.json"
        self.provenance = Provenance.from_json(record.read_bytes(), record) if record.is_file() else None

    def rows(self, split: SplitName) -> ExportRows:
        prefix, suffix = f"{self._dataset}-", f"_{split}.npy"
        there = {
            path.name[len(prefix) : -len(suffix)]: path
            for path in self._folder.glob(f"*{suffix}")
            if path.name.startswith(prefix)
        }
        named = [name for names in column_names(there).values() for name in names]
        where = _column_file(self._folder, self._dataset, "label", split)
        return rows_of({name: load_npy(there[name]) for name in named}, where)


def load_npy(path: Path) -> NDArray[Any]:
    """Map a file; nothing in it is unpickled.

    Raises:
        StoreError: It is no NumPy file, is cut short, or holds objects.
    """
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError, SyntaxError, TypeError, TokenError) as error:
        raise unreadable(path, "a NumPy file", error) from error
    if not isinstance(found, np.ndarray):
        raise StoreError(f"{path}: holds several arrays; one is wanted")
    return found
