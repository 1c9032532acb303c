"""Scores against cell-eval 0.8.2 (PyPI) on the same predicted cells; skipped where it is not installed."""

import anndata
import numpy as np
import pandas as pd
import pytest

from seqbench.perturb import baselines
from seqbench.perturb.cells import Cells
from seqbench.perturb.effects import Effects
from seqbench.perturb.evaluation import Evaluation
from seqbench.perturb.scores import RESPONSE_METRICS
from tests.perturb.conftest import COLUMNS, effects_of
from tests.perturb.planted_cells import write_cells
from tests.perturb.test_perturb_scores import true_features

theirs = pytest.importorskip("cell_eval.metrics._anndata", reason="cell-eval is not installed")


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory):
    """One context: what seqbench scores of each perturbation of test, and cell-eval's pair of the same
    cells."""
    from seqbench.perturb.cells import open_cells
    from seqbench.perturb.splits import hold_out

    folder = tmp_path_factory.mktemp("cells")
    vectors = write_cells(folder / "cells.h5ad", contexts=("a",), n_cells=25)
    cells: Cells = open_cells(folder / "cells.h5ad", COLUMNS)
    roles = hold_out(cells, "perturbations", share=0.25, few=1, seed=0)
    effects: Effects = effects_of(cells, roles, folder / "scratch")
    response = baselines.ridge(effects, true_features(vectors), seed=0)
    scores = Evaluation(effects=effects).scores(response, "test")
    return scores, _pair(effects, response)


def _pair(effects: Effects, response: baselines.Response):
    controls = effects.sets["none", "a"].rows
    pairs = effects.pairs("test")
    real = [effects.matrix.rows(effects.sets[pair].rows) for pair in pairs]
    predicted = [response.cells(pair, controls) for pair in pairs]
    base = effects.matrix.rows(controls)

    def made(parts: list[np.ndarray]) -> anndata.AnnData:
        named = zip(pairs, parts, strict=True)
        names = ["none"] * len(base) + [pair[0] for pair, part in named for _ in part]
        obs = pd.DataFrame({"gene": pd.Categorical(names)}, index=[f"c{at}" for at in range(len(names))])
        var = pd.DataFrame(index=list(effects.matrix.genes))
        return anndata.AnnData(X=np.concatenate([base, *parts]), obs=obs, var=var)

    return theirs.PerturbationAnndataPair(
        real=made(real), pred=made(predicted), pert_col="gene", control_pert="none"
    )


@pytest.mark.parametrize("metric", ["pearson_delta", "mse", "mae"])
def test_means_are_scored_as_cell_eval_scores_them(metric: str, scored) -> None:
    scores, pair = scored
    wanted = getattr(theirs, metric)(pair)
    column = scores.values_PQ[:, list(RESPONSE_METRICS).index(metric)]
    found = dict(zip(scores.perturbations, column, strict=True))
    assert found == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("metric", ["l1", "l2", "cosine"])
def test_discrimination_is_theirs_but_for_the_last_place_being_0(metric: str, scored) -> None:
    scores, pair = scored
    wanted = theirs.discrimination_score(pair, metric=metric, exclude_target_gene=False)
    n_perturbations = len(wanted)
    found = scores.values_PQ[:, list(RESPONSE_METRICS).index(f"discrimination_{metric}")]
    ranks = {name: (1 - value) * n_perturbations for name, value in wanted.items()}
    mine = dict(zip(scores.perturbations, (1 - found) * (n_perturbations - 1), strict=True))
    assert mine == pytest.approx(ranks, abs=1e-9)
