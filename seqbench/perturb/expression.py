"""Expression made comparable: counts are scaled and logged, genes chosen on train, and laid out for reading.

Shape letters: N cells, G genes of the file, K genes kept, B cells of a block.
"""

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from seqbench.core.progress import Advance
from seqbench.errors import DataError
from seqbench.perturb.cells import Cells
from seqbench.perturb.differential import RunningMoments
from seqbench.perturb.features import GeneFeatures

Normalize = Literal["auto", "counts", "none"]
"""Whether expression is counts, which are scaled and logged: told by the values, yes, or no."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalisation:
    """What is done to stored values."""

    is_counts: bool
    """Whole numbers: each cell is scaled to `depth` and log(1 + x) is taken, as scanpy's
    `normalize_total` and `log1p` do by default."""
    depth: float
    """Median over all cells of a cell's sum; 1 where nothing is scaled."""

    @property
    def text(self) -> str:
        """For tables and the catalog."""
        return f"log1p of counts scaled to {self.depth:g} a cell" if self.is_counts else "as stored"

    def apply(self, block_BG: NDArray[np.float32]) -> NDArray[np.float32]:
        """Normalise some cells; a cell without any count stays 0."""
        if not self.is_counts:
            return block_BG
        sums_B1 = block_BG.sum(axis=1, keepdims=True, dtype=np.float64)
        scale_B1 = np.divide(self.depth, sums_B1, out=np.zeros_like(sums_B1), where=sums_B1 > 0)
        logged_BG: NDArray[np.float32] = np.log1p(block_BG * scale_B1.astype(np.float32))
        return logged_BG


def find_normalisation(cells: Cells, wanted: Normalize, advance: Advance) -> Normalisation:
    """Look at all cells once: are values counts, and how deep is a cell?

    Raises:
        DataError: `counts` are wanted and values are no whole numbers of at least 0, or `auto` finds
        negative ones.
    """
    depths_N = np.zeros(cells.n_cells)
    whole = True
    for start, block_BG in cells.blocks():
        whole = whole and bool((block_BG >= 0).all() and (block_BG == np.rint(block_BG)).all())
        if not whole and wanted == "counts":
            raise DataError(
                f"{cells.path}: perturb.data.normalize is counts, but {cells.expression} holds values "
                "that are "
                "no counts (set it to none if they are logged already)"
            )
        depths_N[start : start + len(block_BG)] = block_BG.sum(axis=1, dtype=np.float64)
        advance(len(block_BG))
    if wanted == "none" or not whole:
        return Normalisation(is_counts=False, depth=1.0)
    return Normalisation(is_counts=True, depth=float(np.median(depths_N)))


def choose_genes(
    cells: Cells,
    normalisation: Normalisation,
    train_N: NDArray[np.bool_],
    n_genes: int | None,
    advance: Advance,
) -> NDArray[np.int64]:
    """The genes of highest variance over cells of train, ascending; all where no number is given.

    Args:
        cells: The file.
        normalisation: Applied before variances are taken.
        train_N: Cells that may be looked at: no cell of eval or test chooses genes.
        n_genes: How many; None or more than there are for all.
        advance: Told of cells.

    Returns:
        Columns of the file, ascending; of equal variances the first.
    """
    n_all = len(cells.genes)
    if n_genes is None or n_genes >= n_all:
        advance(cells.n_cells)
        return np.arange(n_all)
    running = RunningMoments(n_all)
    for start, block_BG in cells.blocks():
        advance(len(block_BG))
        running.add(normalisation.apply(block_BG)[train_N[start : start + len(block_BG)]])
    return np.sort(np.argsort(-running.moments.variance_G, kind="stable")[:n_genes])


class CellMatrix:
    """Normalised expression of the chosen genes in a scratch file, cells of a set side by side.

    Rows are read with `pread`, so that memory does not grow with the file.
    """

    def __init__(self, path: Path, n_cells: int, genes: tuple[str, ...], place_N: NDArray[np.int64]) -> None:
        self.genes = genes
        self._row_bytes = 4 * len(genes)
        self._place_N = place_N
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        os.ftruncate(self._file, n_cells * self._row_bytes)
        path.unlink()  # it goes with the process, however that ends

    def close(self) -> None:
        """Give the file back."""
        os.close(self._file)

    def write(self, start: int, block_BK: NDArray[np.float32]) -> None:
        """Put cells in place; `start` is the first one's row in the cells' own file."""
        for row, values_K in zip(self._place_N[start : start + len(block_BK)], block_BK, strict=True):
            os.pwrite(self._file, np.ascontiguousarray(values_K).data, int(row) * self._row_bytes)

    def rows(self, cells_B: NDArray[np.integer]) -> NDArray[np.float32]:
        """Read cells by their rows in the cells' own file, (B, K), in the order asked for."""
        found_BK = np.empty((len(cells_B), len(self.genes)), np.float32)
        places = self._place_N[cells_B]
        order = np.argsort(places, kind="stable")
        for first, last in _runs(places[order]):
            run = order[first:last]
            raw = os.pread(self._file, len(run) * self._row_bytes, int(places[run[0]]) * self._row_bytes)
            found_BK[run] = np.frombuffer(raw, np.float32).reshape(len(run), -1)
        return found_BK


def _runs(ordered: NDArray[np.integer]) -> Iterator[tuple[int, int]]:
    """Stretches of consecutive places, as positions in `ordered`."""
    breaks = np.flatnonzero(np.diff(ordered) != 1) + 1
    edges = [0, *breaks.tolist(), len(ordered)]
    yield from ((first, last) for first, last in itertools.pairwise(edges) if last > first)


def lay_out(
    cells: Cells,
    normalisation: Normalisation,
    genes_K: NDArray[np.int64],
    order_N: NDArray[np.int64],
    path: Path,
    advance: Advance,
) -> CellMatrix:
    """Write the normalised expression of chosen genes, cells in the order given.

    Args:
        cells: The file.
        normalisation: Applied over all genes of a cell, before some are chosen.
        genes_K: Columns to keep.
        order_N: Rows of the file in the order in which they shall lie.
        path: Of the scratch file, which is unlinked at once.
        advance: Told of cells.
    """
    place_N = np.empty(cells.n_cells, np.int64)
    place_N[order_N] = np.arange(cells.n_cells)
    matrix = CellMatrix(path, cells.n_cells, tuple(cells.genes[gene] for gene in genes_K), place_N)
    for start, block_BG in cells.blocks():
        matrix.write(start, normalisation.apply(block_BG)[:, genes_K])
        advance(len(block_BG))
    return matrix


def lay_out_embedding(cells: Cells, key: str, order_N: NDArray[np.int64], path: Path) -> CellMatrix:
    """Write the cells' vectors of `obsm` to a scratch file, cells in the order given.

    Raises:
        DataError: There is no such key, or its vectors hold NaN or infinity.
    """
    place_N = np.empty(cells.n_cells, np.int64)
    place_N[order_N] = np.arange(cells.n_cells)
    matrix: CellMatrix | None = None
    for start, block_BC in cells.embedding_blocks(key):
        if matrix is None:
            names = tuple(f"{key}_{column}" for column in range(block_BC.shape[1]))
            matrix = CellMatrix(path, cells.n_cells, names, place_N)
        matrix.write(start, block_BC)
    assert matrix is not None
    return matrix


def lay_out_gene_means(
    cells: Cells, normalisation: Normalisation, vectors: GeneFeatures, order_N: NDArray[np.int64], path: Path
) -> CellMatrix:
    """Write each cell's mean of the vectors of its genes, weighted by their expression.

    Genes without a vector have no weight; a cell that expresses none of the others has the vector 0.

    Args:
        cells: The file; all of its genes count, whichever are predicted.
        normalisation: Applied before expression is a weight.
        vectors: Of genes by the names that they have in the file.
        order_N: Rows of the file in the order in which they shall lie.
        path: Of the scratch file, which is unlinked at once.

    Raises:
        DataError: No gene has a vector, or expression is negative.
    """
    known_K = np.flatnonzero([gene in vectors.by_gene for gene in cells.genes])
    if not len(known_K):
        raise DataError(
            f"{cells.path}: {vectors.model} has no vector for any gene, such as {', '.join(cells.genes[:3])} "
            f"(perturb.data.embedding); it has some for {', '.join(list(vectors.by_gene)[:3])}"
        )
    vectors_KF = np.stack([vectors.by_gene[cells.genes[gene]] for gene in known_K])
    place_N = np.empty(cells.n_cells, np.int64)
    place_N[order_N] = np.arange(cells.n_cells)
    names = tuple(f"{vectors.model}_{column}" for column in range(vectors.width))
    matrix = CellMatrix(path, cells.n_cells, names, place_N)
    for start, block_BG in cells.blocks():
        weights_BK = normalisation.apply(block_BG)[:, known_K]
        if (weights_BK < 0).any():
            raise DataError(
                f"{cells.path}: {cells.expression} holds values below 0, which can't be weights of genes "
                "(perturb.data.embedding; take counts or logged counts)"
            )
        sums_B1 = weights_BK.sum(axis=1, keepdims=True)
        sums_BF = weights_BK @ vectors_KF
        matrix.write(start, np.divide(sums_BF, sums_B1, out=np.zeros_like(sums_BF), where=sums_B1 > 0))
    return matrix
