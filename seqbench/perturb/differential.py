"""Which genes a perturbation changes: Welch's t-test gene by gene, and what train says of a gene's weight.

Shape letters: G genes, N cells, P pairs.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FALSE_DISCOVERY_RATE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GeneMoments:
    """Mean and variance of every gene over some cells."""

    n_cells: int
    mean_G: Floats
    variance_G: Floats
    """Unbiased; 0 of a single cell."""

    @classmethod
    def of(cls, cells_NG: NDArray[np.floating]) -> "GeneMoments":
        """Of cells at hand."""
        values_NG = cells_NG.astype(np.float64)
        n_cells = len(values_NG)
        variance_G = values_NG.var(axis=0, ddof=1) if n_cells > 1 else np.zeros(values_NG.shape[1])
        return cls(n_cells=n_cells, mean_G=values_NG.mean(axis=0), variance_G=variance_G)


class RunningMoments:
    """Mean and variance of cells that come in blocks.

    As Chan, Golub & LeVeque (1983) join them: plain sums of squares cancel.
    """

    def __init__(self, n_genes: int) -> None:
        self._n_cells = 0
        self._mean_G: Floats = np.zeros(n_genes)
        self._squares_G: Floats = np.zeros(n_genes)

    def add(self, block_NG: NDArray[np.floating]) -> None:
        """Take in some more cells; none is fine."""
        n_block = len(block_NG)
        if n_block == 0:
            return
        values_NG = block_NG.astype(np.float64)
        mean_G, joined = values_NG.mean(axis=0), self._n_cells + n_block
        shift_G = mean_G - self._mean_G
        self._squares_G += ((values_NG - mean_G) ** 2).sum(
            axis=0
        ) + shift_G**2 * self._n_cells * n_block / joined
        self._mean_G = self._mean_G + shift_G * n_block / joined
        self._n_cells = joined

    @property
    def moments(self) -> GeneMoments:
        """Of all cells so far."""
        return GeneMoments(
            n_cells=self._n_cells,
            mean_G=self._mean_G,
            variance_G=self._squares_G / max(1, self._n_cells - 1),
        )


def welch_t(a: GeneMoments, b: GeneMoments) -> Floats:
    """Welch's t of every gene, (G,); 0 where neither set varies and the means agree."""
    error_G = np.sqrt(a.variance_G / a.n_cells + b.variance_G / b.n_cells)
    difference_G = a.mean_G - b.mean_G
    # A gene that varies in neither set but differs is as sure as can be.
    certain_G = np.where(difference_G == 0, 0.0, np.sign(difference_G) * np.finfo(np.float64).max)
    return np.divide(difference_G, error_G, out=certain_G, where=error_G > 0)


def significant(a: GeneMoments, b: GeneMoments) -> NDArray[np.bool_]:
    """Genes that differ at a false discovery rate of 5 % (Benjamini & Hochberg 1995), two-sided, (G,)."""
    from scipy import stats

    if min(a.n_cells, b.n_cells) < 2:
        return np.zeros(len(a.mean_G), bool)
    parts_a, parts_b = a.variance_G / a.n_cells, b.variance_G / b.n_cells
    freedom_G = np.divide(
        (parts_a + parts_b) ** 2,
        parts_a**2 / (a.n_cells - 1) + parts_b**2 / (b.n_cells - 1),
        out=np.ones_like(parts_a),
        where=(parts_a + parts_b) > 0,
    )
    p_G = 2 * stats.t.sf(np.abs(welch_t(a, b)), freedom_G)
    return np.asarray(stats.false_discovery_control(p_G) <= FALSE_DISCOVERY_RATE)


def gene_weights(pairs: Iterable[tuple[GeneMoments, GeneMoments]]) -> Floats:
    """Weights of genes by how much perturbations of train change them, (G,), summing to 1.

    |t| of each pair of perturbed cells and controls, brought to 0 to 1 and squared, then averaged (as Mejia
    et al. 2025, "Diversity by Design", weigh, there by each perturbation itself; one that is held out must
    not weigh its own score). Equal weights where train changes no gene.

    Args:
        pairs: Moments of perturbed cells and of the same context's controls, of each pair of train.
    """
    scores = []
    for perturbed, control in pairs:
        size_G = np.minimum(np.abs(welch_t(perturbed, control)), 1e6)
        spread = np.ptp(size_G)
        scores.append(((size_G - size_G.min()) / spread) ** 2 if spread > 0 else np.zeros_like(size_G))
    total_G = np.mean(scores, axis=0)
    if total_G.sum() == 0:
        return np.full(len(total_G), 1.0 / len(total_G))
    return np.asarray(total_G / total_G.sum())
