"""Cells are read, normalised and laid out as anndata and scanpy's formulas have them."""

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest

from seqbench.errors import DataError
from seqbench.perturb.cells import CellColumns, Factor, open_cells
from seqbench.perturb.expression import choose_genes, find_normalisation, lay_out
from tests.perturb.conftest import COLUMNS, ignore
from tests.perturb.planted_cells import write_cells


@pytest.mark.parametrize("csr", [True, False])
def test_counts_are_scaled_to_the_median_depth_and_logged(csr: bool, tmp_path: Path) -> None:
    write_cells(tmp_path / "cells.h5ad", counts=True, csr=csr, n_perturbations=2)
    cells = open_cells(tmp_path / "cells.h5ad", COLUMNS)
    normalisation = find_normalisation(cells, "auto", ignore)
    raw = anndata.read_h5ad(tmp_path / "cells.h5ad").to_df().to_numpy().astype(np.float64)
    depth = raw.sum(axis=1)
    wanted = np.log1p(raw * (np.median(depth) / depth)[:, None])
    found = np.concatenate([normalisation.apply(block) for _, block in cells.blocks()])
    assert normalisation.text == f"log1p of counts scaled to {np.median(depth):g} a cell"
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_logged_values_stay_as_they_are_and_are_no_counts(tmp_path: Path) -> None:
    write_cells(tmp_path / "cells.h5ad", n_perturbations=2)
    cells = open_cells(tmp_path / "cells.h5ad", COLUMNS)
    assert find_normalisation(cells, "auto", ignore).text == "as stored"
    with pytest.raises(DataError, match=r"perturb\.data\.normalize is counts.*set it to none"):
        find_normalisation(cells, "counts", ignore)


def test_genes_are_chosen_by_their_variance_over_train_alone(tmp_path: Path) -> None:
    write_cells(tmp_path / "cells.h5ad", n_perturbations=3)
    cells = open_cells(tmp_path / "cells.h5ad", COLUMNS)
    train = cells.perturbation.mask("G0") | cells.is_control_N
    values = anndata.read_h5ad(tmp_path / "cells.h5ad").to_df().to_numpy()[train]
    wanted = np.sort(np.argsort(-values.var(axis=0, dtype=np.float64))[:7])
    chosen = choose_genes(cells, find_normalisation(cells, "none", ignore), train, 7, ignore)
    assert chosen.tolist() == wanted.tolist()


def test_cells_are_read_back_by_their_rows_in_any_order(tmp_path: Path) -> None:
    write_cells(tmp_path / "cells.h5ad", n_perturbations=2)
    cells = open_cells(tmp_path / "cells.h5ad", COLUMNS)
    order = np.random.default_rng(0).permutation(cells.n_cells)
    matrix = lay_out(
        cells, find_normalisation(cells, "none", ignore), np.array([1, 4]), order, tmp_path / "s", ignore
    )
    values = anndata.read_h5ad(tmp_path / "cells.h5ad").to_df().to_numpy()[:, [1, 4]]
    rows = np.array([5, 2, 170, 2, 0])
    np.testing.assert_array_equal(matrix.rows(rows), values[rows])
    assert matrix.genes == ("gene1", "gene4")
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (CellColumns(perturbation="guide", control="none"), "obs has no column 'guide'; it has gene, line"),
        (CellColumns(perturbation="gene", control="ctrl"), "no cell of obs['gene'] is 'ctrl'"),
        (CellColumns(perturbation="line", control="a", context="gene"), "no control cells in context"),
    ],
)
def test_columns_that_do_not_fit_are_one_line(columns: CellColumns, line: str, tmp_path: Path) -> None:
    write_cells(tmp_path / "cells.h5ad", n_perturbations=2)
    if columns.context == "gene":
        data = anndata.read_h5ad(tmp_path / "cells.h5ad")
        data[(data.obs["gene"] != "G1") | (data.obs["line"] != "a")].copy().write_h5ad(
            tmp_path / "cells.h5ad"
        )
    with pytest.raises(DataError) as caught:
        open_cells(tmp_path / "cells.h5ad", columns)
    assert line in str(caught.value)


@pytest.mark.parametrize("kind", ["category", "object", "int", "float"])
def test_columns_of_any_kind_are_coded_by_their_sorted_text_without_unused_categories(kind: str) -> None:
    values = pd.Series([10, 9, 9, 10, 2]).astype(float if kind == "float" else int)
    wanted, codes = np.unique(values.astype(str).to_numpy(str), return_inverse=True)
    if kind == "category":
        values = pd.Series(pd.Categorical(values, categories=[9, 7, 10, 2]))
    found = Factor.of(values.astype(str) if kind == "object" else values)
    assert found.names == tuple(wanted)
    np.testing.assert_array_equal(found.codes_N, codes)


def test_a_file_that_is_no_anndata_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "cells.h5ad").write_bytes(b"not HDF5")
    with pytest.raises(DataError, match=r"cells\.h5ad: can't be read as AnnData"):
        open_cells(tmp_path / "cells.h5ad", COLUMNS)


def test_a_file_that_is_not_there_or_holds_no_cells_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cells\.h5ad: there is no such file"):
        open_cells(tmp_path / "cells.h5ad", COLUMNS)
    write_cells(tmp_path / "cells.h5ad", n_perturbations=2)
    anndata.read_h5ad(tmp_path / "cells.h5ad")[:0].copy().write_h5ad(tmp_path / "none.h5ad")
    with pytest.raises(DataError, match=r"none\.h5ad: holds no cells"):
        open_cells(tmp_path / "none.h5ad", COLUMNS)


def test_a_key_of_obsm_that_is_not_there_or_is_no_matrix_is_one_line(tmp_path: Path) -> None:
    write_cells(tmp_path / "cells.h5ad", n_perturbations=2)
    data = anndata.read_h5ad(tmp_path / "cells.h5ad")
    data.obsm["frame"] = data.to_df()
    data.write_h5ad(tmp_path / "cells.h5ad")
    cells = open_cells(tmp_path / "cells.h5ad", COLUMNS)
    with pytest.raises(DataError, match=r"obsm has no key 'pca' .*; it has frame"):
        cells.check_embedding("pca")
    with pytest.raises(DataError, match=r"obsm\['frame'\] is no dense matrix"):
        cells.check_embedding("frame")
