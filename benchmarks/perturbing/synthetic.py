"""Synthetic cells on disk, written a few at a time.

Shape letters: N cells of a block, G genes.
"""

from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd

from seqbench.config.perturb import CellsConfig, SplitsConfig
from seqbench.core.progress import Silent
from seqbench.perturb.experiment import Experiment, make_experiment, opened_cells, roles_of
from seqbench.perturb.features import GeneFeatures

PERTURBATIONS, CONTEXTS, WIDTH = 100, ("a", "b"), 64
COUNTS = 100
"""Of a cell, over genes drawn at random."""
BLOCK = 20_000


def write(path: Path, n_cells: int, n_genes: int) -> None:
    """Write counts as CSR: a tenth of the cells are controls, contexts and perturbations by turns."""
    number = np.arange(n_cells)
    gene = np.where(number % 10 == 0, "control", np.char.add("G", (number // 20 % PERTURBATIONS).astype(str)))
    context = np.array(CONTEXTS)[number // 10 % len(CONTEXTS)]
    obs = pd.DataFrame({"gene": gene, "line": context}).astype("category")
    obs.index = pd.Index(np.char.add("cell", number.astype(str)))
    var = pd.DataFrame(index=pd.Index([f"gene{place}" for place in range(n_genes)]))
    anndata.AnnData(obs=obs, var=var).write_h5ad(path)
    with h5py.File(path, "r+") as file:
        group = file.create_group("X")
        group.attrs.update(
            {"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": [n_cells, n_genes]}
        )
        _fill(group, n_cells, n_genes)


def _fill(group: h5py.Group, n_cells: int, n_genes: int) -> None:
    draw, starts = np.random.default_rng(0), [np.zeros(1, np.int64)]
    values = group.create_dataset("data", (0,), "f4", maxshape=(None,), chunks=(1 << 20,))
    columns = group.create_dataset("indices", (0,), "i4", maxshape=(None,), chunks=(1 << 20,))
    for first in range(0, n_cells, BLOCK):
        rows = min(BLOCK, n_cells - first)
        drawn = draw.integers(0, n_genes, (rows, COUNTS)) + n_genes * np.arange(rows)[:, None]
        places, times = np.unique(drawn, return_counts=True)
        end = len(values) + len(places)
        values.resize(end, axis=0)
        columns.resize(end, axis=0)
        values[-len(places) :], columns[-len(places) :] = times, places % n_genes
        each = np.bincount(places // n_genes, minlength=rows)
        starts.append(starts[-1][-1] + np.cumsum(each))
    group.create_dataset("indptr", data=np.concatenate(starts))


def experiment(path: Path, scratch: Path) -> Experiment:
    """Cells made ready to train on, all genes kept."""
    settings = CellsConfig(
        file=path, name="cells", perturbation="gene", control="control", context="line", genes=None
    )
    roles = roles_of(opened_cells(settings), settings, SplitsConfig(hold_out="perturbations"))
    return make_experiment(settings, roles, (), scratch=scratch, reporter=Silent())


def features() -> GeneFeatures:
    """Random vectors of all perturbations."""
    draw = np.random.default_rng(1)
    by_gene = {f"G{place}": draw.normal(size=WIDTH).astype(np.float32) for place in range(PERTURBATIONS)}
    return GeneFeatures(model="random", layer=0, n_layers=1, by_gene=by_gene, fingerprint="random")
