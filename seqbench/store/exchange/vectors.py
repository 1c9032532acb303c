"""Files that hold a vector for each of many ids, as protein databases and embedders publish them.

`P69905` in a file → float32 (H,)

HDF5 holds a data set an id (UniProt), or numbered ones with the id as attribute `original_id` (biotrainer);
`.npz` an array an id, or `ids` and `embeddings`; CSV, TSV and Parquet a column of ids and numbered columns,
Parquet also a column of lists.

Shape letters: N ids of a batch, H width.
"""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from seqbench.errors import StoreError, said
from seqbench.store.readers import need

Batch = tuple[Sequence[str], Callable[[int], NDArray[Any]]]
"""Some ids, and what gives the vector at a position among them, so that what nobody wants is not read."""

ORIGINAL_ID = "original_id"
"""Attribute of an HDF5 data set that tells its id where its name does not."""

_BATCH = 1024
"""Rows of a table that are read at a time."""
_NUMBERED = re.compile(r"(.*?)(\d+)")
_SPLIT_UNIPROT = re.compile(r"[a-z]{2}\|([^|\s]+)\|")


def vectors(path: Path, id_column: str | None) -> Iterator[Batch]:
    """Every id of a file with its vector, in the file's order.

    Args:
        path: Ends in .h5, .hdf5, .npz, .csv, .tsv or .parquet.
        id_column: Of a table; by default `id`, or the first one if it has no name.

    Raises:
        StoreError: There is no such file, or a package that reads it; names what is missing.
    """
    if path.suffix not in READERS:
        raise StoreError(f"{path}: must end in {', '.join(READERS)}")
    if not path.is_file():
        raise StoreError(f"{path}: there is no such file")
    return READERS[path.suffix](path, id_column)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Say in one line what a library says of a file while its vectors are read.

    Raises:
        StoreError: Names the file.
    """
    try:
        yield
    except StoreError:
        raise
    except (OSError, ValueError, LookupError, TypeError, EOFError, csv.Error, BadZipFile) as error:
        raise StoreError(f"{path}: can't be read: {said(error)} (cut short? copy it again)") from error


def spellings(name: str) -> tuple[str, ...]:
    """An id, and how else it is written: without UniProt's `sp|…|…`, and as HDF5's names allow it.

    `sp|P69905|HBA_HUMAN` → itself, `P69905`; `NP_1.2/3` → itself, `NP_1_2_3`
    """
    found = [name]
    if match := _SPLIT_UNIPROT.match(name):
        found.append(match[1])
    return tuple(dict.fromkeys([*found, *(re.sub(r"[./]", "_", each) for each in found)]))


def _hdf5(path: Path, id_column: str | None) -> Iterator[Batch]:
    need("export", "h5py")
    import h5py

    with h5py.File(path, "r") as file:
        keys = list(file)
        has_ids = bool(keys) and ORIGINAL_ID in file[keys[0]].attrs
        for start in range(0, len(keys), _BATCH):
            some = keys[start : start + _BATCH]
            ids = [_text(file[key].attrs[ORIGINAL_ID]) for key in some] if has_ids else some
            yield ids, lambda at, some=some: _of_hdf5(path, file, some[at])  # type: ignore[misc]


def _of_hdf5(path: Path, file: Any, key: str) -> NDArray[Any]:
    found = file[key]
    if not hasattr(found, "shape"):
        raise StoreError(
            f"{path}: {key} is a group, where a vector should be (files of vectors have no groups)"
        )
    return np.asarray(found[()])


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _npz(path: Path, id_column: str | None) -> Iterator[Batch]:
    with np.load(path, allow_pickle=False) as file:
        names = list(file.files)
        if {"ids", "embeddings"} <= set(names):
            ids, rows = file["ids"], file["embeddings"]
            if ids.ndim != 1 or ids.dtype.kind not in "USiu" or len(rows) != len(ids):
                raise StoreError(f"{path}: ids {ids.dtype} {ids.shape} do not fit embeddings {rows.shape}")
            yield [_text(each) for each in ids.tolist()], lambda at: rows[at]
            return
        yield names, lambda at: file[names[at]]


def _table(path: Path, id_column: str | None) -> Iterator[Batch]:
    delimiter = "\t" if path.suffix == ".tsv" else ","
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(file, delimiter=delimiter)
        header = next(lines, [])
        at_id = header.index(_id_column(path, header, id_column))
        at_values = [header.index(name) for name in _numbered(path, header)]
        for line in lines:
            if line:
                yield [line[at_id]], lambda at, line=line: _numbers(line, at_values)  # type: ignore[misc]


def _numbers(line: Sequence[str], places: Sequence[int]) -> NDArray[np.float32]:
    return np.array([line[place] for place in places], dtype=np.float32)


def _parquet(path: Path, id_column: str | None) -> Iterator[Batch]:
    need("export", "pyarrow")
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            name = _id_column(path, schema.names, id_column)
            lists = [each.name for each in schema if _is_list(each.type)]
            columns = lists if len(lists) == 1 else _numbered(path, schema.names)
            for batch in file.iter_batches(_BATCH, columns=[name, *columns]):
                ids = [_text(each) for each in batch.column(name).to_pylist()]
                yield ids, _of_batch(batch, columns, is_list=len(lists) == 1)
    except pa.ArrowException as error:
        raise StoreError(f"{path}: can't be read as Parquet: {said(error)}") from error


def _is_list(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _of_batch(batch: Any, columns: Sequence[str], *, is_list: bool) -> Callable[[int], NDArray[Any]]:
    if is_list:
        column = batch.column(columns[0])
        return lambda at: np.asarray(column[at].as_py())
    rows = np.stack([batch.column(name).to_numpy(zero_copy_only=False) for name in columns], axis=1)
    return lambda at: np.asarray(rows[at])


def _id_column(path: Path, names: Sequence[str], wanted: str | None) -> str:
    nameless = [name for name in names if name in ("", "__index_level_0__")]
    if wanted is None and "id" not in names and nameless:
        return nameless[0]  # as pandas writes an index without a name
    name = "id" if wanted is None else wanted
    if name not in names:
        shown = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
        raise StoreError(f"{path}: has no column {name!r} of ids (set id_column; it has {shown})")
    return name


def _numbered(path: Path, names: Sequence[str]) -> list[str]:
    """The columns of the vector, told by their numbers: a label or length is no part of it."""
    groups: dict[str, dict[int, str]] = {}
    for name in names:
        if match := _NUMBERED.fullmatch(name):
            groups.setdefault(match[1], {})[int(match[2])] = name
    groups = {prefix: group for prefix, group in groups.items() if len(group) > 1}
    if len(groups) != 1:
        found = " and ".join(f"{prefix}…" for prefix in groups) or "none"
        raise StoreError(
            f"{path}: which columns are the vector? They are told by their numbers (0, 1, … or e0, e1, …), "
            f"and there is {found}"
        )
    (group,) = groups.values()
    return [group[number] for number in sorted(group)]


READERS: dict[str, Callable[[Path, str | None], Iterator[Batch]]] = {
    ".h5": _hdf5,
    ".hdf5": _hdf5,
    ".npz": _npz,
    ".csv": _table,
    ".tsv": _table,
    ".parquet": _parquet,
}
"""Of each ending."""
