"""Every key of the section `perturb.data` and `perturb.splits` changes what heads learn from."""

from pathlib import Path

import anndata
import numpy as np
import pytest
import torch

from seqbench.config.perturb import CellsConfig, SplitsConfig
from seqbench.core.progress import Silent
from seqbench.errors import DataError
from seqbench.perturb.cells import open_cells
from seqbench.perturb.experiment import make_experiment, opened_cells, roles_of
from seqbench.perturb.expression import Normalisation, lay_out_gene_means
from seqbench.perturb.features import GeneFeatures, one_hot, read_vectors
from seqbench.perturb.sets import SetSource
from tests.perturb.conftest import COLUMNS
from tests.perturb.planted_cells import write_cells

FIXED = {"name": "toy", "perturbation": "gene", "control": "none", "context": "line"}
AS_STORED = Normalisation(is_counts=False, depth=1.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Counts with another layer, an embedding, a plate of each cell, and a file of vectors of genes."""
    folder, draw = tmp_path_factory.mktemp("keys"), np.random.default_rng(0)
    write_cells(folder / "cells.h5ad", counts=True, n_perturbations=10, n_cells=12, contexts=("a", "b", "c"))
    data = anndata.read_h5ad(folder / "cells.h5ad")
    data.layers["more"] = data.X.toarray() * 2 + 1.5
    data.obsm["pca"] = draw.normal(size=(data.n_obs, 4)).astype(np.float32)
    data.obs["plate"] = [f"p{number % 2}" for number in range(data.n_obs)]
    data.obs["arm"] = data.obs["gene"].map(lambda gene: {"G0": "test", "G1": "eval"}.get(gene, "train"))
    data.write_h5ad(folder / "cells.h5ad")
    vectors = {gene: torch.from_numpy(draw.normal(size=4)) for gene in data.var_names[:20]}
    torch.save(vectors, folder / "genes.pt")
    return folder


def seen(folder: Path, splits: dict, **changed: object) -> tuple[object, ...]:
    """Roles, effects, and the first set of controls that a network is shown."""
    settings = CellsConfig.model_validate({"file": folder / "cells.h5ad", **FIXED, **changed})
    roles = roles_of(opened_cells(settings), settings, SplitsConfig.model_validate(splits))
    vectors = read_vectors(folder / "genes.pt") if isinstance(changed.get("embedding"), dict) else None
    found = make_experiment(settings, roles, (), scratch=folder, reporter=Silent(), vectors=vectors)
    features = one_hot(found.cells.perturbations)
    source = SetSource(effects=found.effects, features=features, batch=found.cells.batch,
                       embedding=found.embedding, set_size=5, seed=0)  # fmt: skip
    batch = next(source.batches(source.groups(found.effects.pairs("train")), 0, 3))
    effects = [found.effects.delta(pair).tobytes() for pair in found.effects.pairs("train")]
    seen = roles.by_pair, effects, batch.controls_SNC.numpy().tobytes()
    found.close()
    return seen


PERTURBATIONS = {"hold_out": "perturbations", "share": 0.2}


@pytest.mark.parametrize(
    "changed",
    [
        {"context": None}, {"batch": "plate"}, {"expression": "more"}, {"normalize": "none"}, {"genes": 7},
        {"embedding": "pca"}, {"embedding": {"file": "genes.pt"}},
    ],
    ids=str,
)  # fmt: skip
def test_every_key_of_cells_changes_what_is_learned_from(changed: dict, folder: Path) -> None:
    assert seen(folder, PERTURBATIONS) != seen(folder, PERTURBATIONS, **changed)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (PERTURBATIONS, {"hold_out": "contexts"}), (PERTURBATIONS, {"column": "arm"}),
        (PERTURBATIONS, PERTURBATIONS | {"share": 0.3}), (PERTURBATIONS, PERTURBATIONS | {"seed": 1}),
        ({"hold_out": "few-shot", "few": 2}, {"hold_out": "few-shot", "few": 3}),
        ({"hold_out": "few-shot", "few": 2}, {"hold_out": "contexts"}),
    ],
    ids=str,
)  # fmt: skip
def test_every_key_of_splits_changes_what_is_held_out(before: dict, after: dict, folder: Path) -> None:
    assert seen(folder, before)[0] != seen(folder, after)[0]


def test_a_cell_is_the_mean_of_its_genes_vectors_weighted_by_expression(tmp_path: Path) -> None:
    write_cells(tmp_path / "cells.h5ad", n_perturbations=2, n_cells=4)
    cells, draw = open_cells(tmp_path / "cells.h5ad", COLUMNS), np.random.default_rng(0)
    by_gene = {gene: draw.normal(size=3).astype(np.float32) for gene in (*cells.genes[5:], "absent")}
    vectors = GeneFeatures(model="m", layer=0, n_layers=1, by_gene=by_gene, fingerprint="")
    order = draw.permutation(cells.n_cells)
    matrix = lay_out_gene_means(cells, AS_STORED, vectors, order, tmp_path / "s")
    values = anndata.read_h5ad(cells.path).to_df().to_numpy()[:, 5:]
    table = np.stack([by_gene[gene] for gene in cells.genes[5:]])
    wanted = np.stack([np.average(table, axis=0, weights=row) for row in values])
    np.testing.assert_allclose(matrix.rows(np.arange(cells.n_cells)), wanted, rtol=1e-4, atol=1e-6)


def test_cells_that_express_no_gene_with_a_vector_are_0_and_no_such_gene_at_all_is_one_line(
    tmp_path: Path,
) -> None:
    write_cells(tmp_path / "cells.h5ad", n_perturbations=1, n_cells=2)
    data = anndata.read_h5ad(tmp_path / "cells.h5ad")
    data.X = np.eye(data.n_obs, data.n_vars, dtype=np.float32)
    data.write_h5ad(tmp_path / "cells.h5ad")
    cells, order = open_cells(tmp_path / "cells.h5ad", COLUMNS), np.arange(data.n_obs)
    vectors = GeneFeatures(
        model="m", layer=0, n_layers=1, by_gene={"gene1": np.ones(3, np.float32)}, fingerprint=""
    )
    matrix = lay_out_gene_means(cells, AS_STORED, vectors, order, tmp_path / "s")
    assert matrix.rows(np.arange(3)).tolist() == [[0, 0, 0], [1, 1, 1], [0, 0, 0]]
    strange = GeneFeatures(
        model="m", layer=0, n_layers=1, by_gene={"BRCA1": np.ones(3, np.float32)}, fingerprint=""
    )
    with pytest.raises(DataError, match=r"m has no vector for any gene, such as gene0.*has some for BRCA1"):
        lay_out_gene_means(cells, AS_STORED, strange, order, tmp_path / "s")


def test_a_cell_of_test_that_is_in_train_under_the_same_barcode_ends_the_run(tmp_path: Path) -> None:
    write_cells(tmp_path / "cells.h5ad", n_perturbations=10, n_cells=3)
    data = anndata.read_h5ad(tmp_path / "cells.h5ad")
    settings = CellsConfig.model_validate({"file": tmp_path / "cells.h5ad", **FIXED})
    roles = roles_of(opened_cells(settings), settings, SplitsConfig.model_validate(PERTURBATIONS))
    names = data.obs_names.to_list()
    of = {split: data.obs["gene"].isin(roles.perturbations(split)).argmax() for split in ("train", "test")}
    names[of["test"]] = names[of["train"]]
    data.obs_names = names
    data.write_h5ad(tmp_path / "cells.h5ad")
    with pytest.raises(DataError, match=rf"1 cells of test are in train, the first '{names[of['train']]}'"):
        make_experiment(settings, roles, (), scratch=tmp_path, reporter=Silent())
