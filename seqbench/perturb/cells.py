"""Cells of an AnnData file: who was perturbed by what, in which context, and their expression, row by row.

Shape letters: N cells, G genes, B cells of a block.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqbench.errors import DataError, SeqbenchError, said

if TYPE_CHECKING:
    import h5py
    import pandas as pd

BLOCK_VALUES = 1 << 24
"""Values of a dense block of rows: 64 MB in float32."""


MOST_NAMED = 5
"""Names that a message lists."""


BLOCK_NAMES = 65_536
"""Names of cells that are read at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellColumns:
    """Which column of `obs` holds what."""

    perturbation: str
    control: str
    """The value of `perturbation` that means none."""
    context: str | None = None
    """Cell type, line, donor or replicate; None where all cells share one."""
    batch: str | None = None
    """Plate or lane: control cells are drawn from the same; None where that is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """One column of categories, cell by cell."""

    names: tuple[str, ...]
    """Sorted."""
    codes_N: NDArray[np.int32]
    """Positions in `names`."""

    @classmethod
    def of(cls, values_N: "pd.Series[Any]") -> "Factor":
        """Code values, none of them missing, by their sorted names; categories without a cell are left out.

        A name a cell is never made: as text a million cells take tens of megabytes a column.
        """
        values_N = values_N.astype("category")
        given_N = values_N.cat.codes.to_numpy()
        used = np.unique(given_N)
        names, place = np.unique(values_N.cat.categories[used].astype(str).to_numpy(str), return_inverse=True)
        code_of = np.zeros(len(values_N.cat.categories), np.int32)
        code_of[used] = place.ravel()
        return cls(names=tuple(names.tolist()), codes_N=code_of[given_N])

    @classmethod
    def constant(cls, name: str, n_cells: int) -> "Factor":
        """One category for all cells."""
        return cls(names=(name,), codes_N=np.zeros(n_cells, np.int32))

    def mask(self, name: str) -> NDArray[np.bool_]:
        """Which cells are of a category; none where there is no such category."""
        if name not in self.names:
            return np.zeros(len(self.codes_N), bool)
        return np.asarray(self.codes_N == self.names.index(name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """An opened file: categories in memory, expression on disk."""

    path: Path
    expression: str
    """`X`, or a key of `layers`."""
    genes: tuple[str, ...]
    perturbation: Factor
    context: Factor
    batch: Factor
    control: str

    @property
    def n_cells(self) -> int:
        """Rows of the file."""
        return len(self.perturbation.codes_N)

    @property
    def is_control_N(self) -> NDArray[np.bool_]:
        """Which cells were not perturbed."""
        return self.perturbation.mask(self.control)

    @property
    def perturbations(self) -> tuple[str, ...]:
        """All but the control, sorted."""
        return tuple(name for name in self.perturbation.names if name != self.control)

    def barcodes(self) -> NDArray[Any]:
        """Names of the cells, (N,); read anew, as a million take a tenth of a gigabyte."""
        with _opened(self.path) as file:
            return _index(file, self.path, "obs")

    def barcode_hashes(self) -> NDArray[np.int64]:
        """A number for the name of each cell, (N,), which holds within a process.

        Equal names have equal numbers; that different ones have is as good as impossible, but not quite. The
        names of a million cells take a tenth of a gigabyte, the numbers 8 MB.
        """
        with _opened(self.path) as file:
            names = file["obs"][file["obs"].attrs.get("_index", "_index")]
            if not hasattr(names, "chunks"):  # stored as something else than an array of strings
                return np.array([hash(str(name)) for name in _index(file, self.path, "obs")], np.int64)
            found_N = np.empty(self.n_cells, np.int64)
            for start in range(0, self.n_cells, BLOCK_NAMES):
                block = names[start : start + BLOCK_NAMES]
                found_N[start : start + len(block)] = [hash(name) for name in block.tolist()]
        return found_N

    def column(self, name: str) -> Factor:
        """A column of `obs`.

        Raises:
            DataError: There is no such column, or a cell has no value in it.
        """
        with _opened(self.path) as file:
            return _factor(file, self.path, name)

    def blocks(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Expression as it is stored, dense, some rows at a time: number of the first row, and (B, G).

        Raises:
            DataError: The matrix can't be read, or holds NaN, infinity or negative values.
        """
        rows = max(1, BLOCK_VALUES // max(1, len(self.genes)))
        with _opened(self.path) as file:
            values = _matrix(file, self.path, self.expression)
            for start in range(0, self.n_cells, rows):
                block = _dense(values[start : start + rows])
                if not np.isfinite(block).all():
                    bad = start + int(np.flatnonzero(~np.isfinite(block).all(axis=1))[0])
                    raise DataError(f"{self.path}: {self.expression} holds NaN or infinity in cell {bad}")
                yield start, block

    def check_embedding(self, key: str) -> None:
        """See that `obsm` has a key that holds a vector a cell.

        Raises:
            DataError: It has not.
        """
        with _opened(self.path) as file:
            if key not in file.get("obsm", {}):
                known = ", ".join(file.get("obsm", {})) or "none"
                raise DataError(
                    f"{self.path}: obsm has no key {key!r} (perturb.data.embedding); it has {known}"
                )
            if len(getattr(file["obsm"][key], "shape", ())) != 2:
                raise DataError(
                    f"{self.path}: obsm[{key!r}] is no dense matrix of a vector a cell "
                    "(adata.obsm[key] = a NumPy array, then write it again)"
                )

    def embedding_blocks(self, key: str) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Vectors of `obsm`, some cells at a time: number of the first cell, and (B, width).

        Raises:
            DataError: It holds NaN or infinity.
        """
        with _opened(self.path) as file:
            values = file["obsm"][key]
            rows = max(1, BLOCK_VALUES // max(1, values.shape[1]))
            for start in range(0, self.n_cells, rows):
                block = _dense(values[start : start + rows])
                if not np.isfinite(block).all():
                    raise DataError(f"{self.path}: obsm[{key!r}] holds NaN or infinity")
                yield start, block


def open_cells(path: Path, columns: CellColumns, expression: str = "X") -> Cells:
    """Open an `.h5ad` file; only names and categories are read.

    Args:
        path: An AnnData file; its matrix dense or CSR.
        columns: Of `obs`.
        expression: `X`, or a key of `layers`.

    Raises:
        DataError: The file can't be read, a column or the control is missing, or a context has no controls.
    """
    with _opened(path) as file:
        perturbation = _factor(file, path, columns.perturbation)
        n_cells = len(perturbation.codes_N)
        context = (
            Factor.constant("all", n_cells)
            if columns.context is None
            else _factor(file, path, columns.context)
        )
        batch = context if columns.batch is None else _factor(file, path, columns.batch)
        matrix = _matrix(file, path, expression)
        genes = _index(file, path, "var")
        if tuple(matrix.shape) != (n_cells, len(genes)):
            raise DataError(f"{path}: {expression} is {matrix.shape}, obs and var {(n_cells, len(genes))}")
        cells = Cells(
            path=path,
            expression=expression,
            genes=tuple(genes.tolist()),
            perturbation=perturbation,
            context=context,
            batch=batch,
            control=columns.control,
        )
    _check(cells, columns)
    return cells


def _check(cells: Cells, columns: CellColumns) -> None:
    if cells.n_cells == 0:
        raise DataError(f"{cells.path}: holds no cells")
    is_control_N = cells.is_control_N
    if not is_control_N.any():
        some = ", ".join(cells.perturbation.names[:MOST_NAMED])
        raise DataError(
            f"{cells.path}: no cell of obs[{columns.perturbation!r}] is {columns.control!r} "
            "(perturb.data.control); "
            f"there are {some}"
        )
    if is_control_N.all():
        raise DataError(f"{cells.path}: every cell is a control ({columns.control!r})")
    with_controls = set(np.unique(cells.context.codes_N[is_control_N]).tolist())
    lacking = [name for code, name in enumerate(cells.context.names) if code not in with_controls]
    if lacking:
        more = f" and {len(lacking) - MOST_NAMED:,} more" if len(lacking) > MOST_NAMED else ""
        raise DataError(
            f"{cells.path}: no control cells in context {', '.join(lacking[:MOST_NAMED])}{more}: an effect "
            "there has nothing to be "
            "measured against (leave these cells out, or name another context column)"
        )


@contextmanager
def _opened(path: Path) -> "Iterator[h5py.File]":
    """Open a file for reading; what h5py and anndata raise becomes one line."""
    try:
        import anndata  # noqa: F401
        import h5py
    except ImportError as error:
        raise DataError(f"{path}: cells need anndata (pip install 'seqbench[cells]')") from error
    if not path.is_file():
        raise DataError(f"{path}: there is no such file (perturb.data.file)")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except SeqbenchError:
        raise
    except (OSError, KeyError, IndexError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        raise DataError(f"{path}: can't be read as AnnData: {said(error)}") from error


def _matrix(file: "h5py.File", path: Path, expression: str) -> Any:
    """The matrix of expression, which reads rows when it is indexed."""
    import anndata
    import h5py

    place = "X" if expression == "X" else f"layers/{expression}"
    if place not in file:
        known = ", ".join(["X", *file.get("layers", {})])
        raise DataError(f"{path}: there is no expression {expression!r}; there are {known}")
    stored = file[place]
    if isinstance(stored, h5py.Dataset):
        return stored
    encoding = stored.attrs.get("encoding-type")
    if encoding != "csr_matrix":
        raise DataError(
            f"{path}: {expression} is stored as {encoding}: rows can only be read of a dense or CSR matrix "
            "(adata.X = adata.X.tocsr(), then write it again)"
        )
    return anndata.io.sparse_dataset(stored)


def _dense(block: Any) -> NDArray[np.float32]:
    return np.ascontiguousarray(block.toarray() if hasattr(block, "toarray") else block, dtype=np.float32)


def _index(file: "h5py.File", path: Path, frame: str) -> NDArray[Any]:
    import anndata

    key = file[frame].attrs.get("_index", "_index")
    return np.asarray(anndata.io.read_elem(file[frame][key]), dtype=str)


def _factor(file: "h5py.File", path: Path, name: str) -> Factor:
    import anndata
    import pandas as pd

    if name not in file["obs"]:
        known = ", ".join(sorted(set(file["obs"]) - {file["obs"].attrs.get("_index")}))
        raise DataError(f"{path}: obs has no column {name!r}; it has {known}")
    values = pd.Series(anndata.io.read_elem(file["obs"][name]))
    if values.isna().any():
        first = int(np.flatnonzero(values.isna().to_numpy())[0])
        raise DataError(
            f"{path}: obs[{name!r}] has no value for {int(values.isna().sum()):,} of {len(values):,} cells, "
            f"the first is cell {first} (fill it in, or leave these cells out)"
        )
    return Factor.of(values)


_JOINED = re.compile(r"[+;|&]")


def genes_of(perturbation: str) -> tuple[str, ...]:
    """The genes that a perturbation's name holds, in order: joined by `+`, `;`, `|` or `&`.

    `ctrl` and `control` beside a gene, as Norman et al.'s `KLF1+ctrl` has them, are none.
    """
    parts = [part.strip() for part in _JOINED.split(perturbation)]
    genes = tuple(part for part in parts if part and part.lower() not in ("ctrl", "control"))
    return genes or (perturbation,)
