"""Cells whose response is a known function of their perturbation's vector."""

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
from scipy import sparse

N_GENES, N_FEATURES = 30, 3


def write_cells(
    path: Path,
    *,
    n_perturbations: int = 20,
    n_cells: int = 30,
    contexts: tuple[str, ...] = ("a", "b"),
    counts: bool = False,
    csr: bool = True,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Write a file; returns the true vector of each perturbation. Effects are linear in the vector."""
    draw = np.random.default_rng(seed)
    vectors = {f"G{number}": draw.normal(size=N_FEATURES) for number in range(n_perturbations)}
    weights = draw.normal(size=(N_FEATURES, N_GENES))
    base = {context: draw.uniform(5, 8, N_GENES) for context in contexts}
    rows, perturbation, context = [], [], []
    for name in ["none", *vectors]:
        effect = vectors[name] @ weights if name in vectors else np.zeros(N_GENES)
        for where in contexts:
            cells = base[where] + effect * 0.5 + draw.normal(scale=0.3, size=(n_cells, N_GENES))
            rows.append(np.maximum(cells, 0))
            perturbation += [name] * n_cells
            context += [where] * n_cells
    values = np.concatenate(rows).astype(np.float32)
    if counts:
        values = np.rint(np.exp(values / 3))
    obs = pd.DataFrame({"gene": perturbation, "line": context}).astype("category")
    obs.index = [f"cell{number}" for number in range(len(obs))]
    var = pd.DataFrame(index=[f"gene{number}" for number in range(N_GENES)])
    matrix = sparse.csr_matrix(values) if csr else values
    anndata.AnnData(X=matrix, obs=obs, var=var).write_h5ad(path)
    return vectors
