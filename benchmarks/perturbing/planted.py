"""Planted cells, whose response is a function of the vectors: `st`, ridge and one-hot on held-out ones."""

import numpy as np
import pandas as pd
import torch
from anndata import AnnData
from common.results import Figure

from perturbing.setting import Setting
from seqbench.config.perturb import CellsConfig, SplitsConfig, StateTransitionConfig
from seqbench.core.progress import Silent
from seqbench.perturb import baselines
from seqbench.perturb.evaluation import Scores
from seqbench.perturb.experiment import Experiment, make_experiment, opened_cells, roles_of
from seqbench.perturb.features import GeneFeatures, one_hot
from seqbench.perturb.sets import SetSource
from seqbench.perturb.state_transition import StateTransitionResponse, fit_state_transition

PERTURBATIONS, CELLS, GENES, WIDTH = 40, 60, 100, 4


def planted(setting: Setting) -> list[Figure]:
    """Pearson-delta on held-out perturbations; a draw of cells and effects a round."""
    found: dict[str, list[float]] = {}
    for number in range(setting.rounds):
        for name, value in _round(setting, number).items():
            found.setdefault(name, []).append(value)
            setting.console.print(f"planted cells, round {number + 1}: {name} {value:.4f}")
    targets = {"st on the true features": 0.95, "ridge on the true features": 0.95}
    figures = [
        Figure(benchmark="planted", what=f"{name}: share of the ceiling", values=tuple(values), unit="×",
               target=targets.get(name))
        for name, values in found.items()
    ]  # fmt: skip
    return figures


def _round(setting: Setting, seed: int) -> dict[str, float]:
    experiment, truth = _experiment(setting, seed)
    known = one_hot(experiment.cells.perturbations)
    evaluation, effects = experiment.evaluation, experiment.effects
    responses = {
        "ridge on the true features": baselines.ridge(effects, truth, seed=0),
        "ridge on one-hot": baselines.ridge(effects, known, seed=0),
        "the mean of train": baselines.perturbation_mean(effects),
        "st on the true features": _trained(experiment, truth, quick=setting.quick),
        "st on one-hot": _trained(experiment, known, quick=setting.quick),
    }
    ceiling = _mean(evaluation.ceiling("test"))
    found = {name: _mean(evaluation.scores(each, "test")) / ceiling for name, each in responses.items()}
    experiment.close()
    return found


def _mean(scores: Scores) -> float:
    return float(np.nanmean(scores.values_PQ[:, 0]))


def _experiment(setting: Setting, seed: int) -> tuple[Experiment, GeneFeatures]:
    draw = np.random.default_rng(seed)
    vectors = {f"G{place}": draw.normal(size=WIDTH).astype(np.float32) for place in range(PERTURBATIONS)}
    weights, base = draw.normal(size=(WIDTH, GENES)), draw.uniform(5, 8, GENES)
    names = np.repeat(["none", *vectors], CELLS)
    effects = np.stack([np.zeros(GENES), *(vector @ weights / 2 for vector in vectors.values())])
    values = base + np.repeat(effects, CELLS, axis=0) + draw.normal(scale=0.3, size=(len(names), GENES))
    obs = pd.DataFrame({"gene": pd.Categorical(names)}, index=[f"c{place}" for place in range(len(names))])
    path = setting.folder / f"planted{seed}.h5ad"
    AnnData(X=np.maximum(values, 0).astype(np.float32), obs=obs).write_h5ad(path)
    settings = CellsConfig(file=path, name="planted", perturbation="gene", control="none")
    roles = roles_of(opened_cells(settings), settings, SplitsConfig(hold_out="perturbations"))
    made = make_experiment(settings, roles, (), scratch=setting.folder, reporter=Silent())
    return made, GeneFeatures(model="truth", layer=0, n_layers=1, by_gene=vectors, fingerprint="truth")


def _trained(experiment: Experiment, vectors: GeneFeatures, *, quick: bool) -> StateTransitionResponse:
    settings = StateTransitionConfig(
        set_size=16, hidden=64, blocks=2, heads=4, steps=20 if quick else 600, val_every=20, batch_sets=8,
        lr=2e-3, patience=None, warmup=0.05, decay="cosine", checkpoint_steps=None,
    )  # fmt: skip
    source = SetSource(
        effects=experiment.effects, features=vectors, batch=experiment.cells.batch, embedding=None,
        set_size=16, seed=0,
    )  # fmt: skip
    return fit_state_transition(
        source, settings, checkpoint=None, device=torch.device("cpu"), advance=lambda share: None,
        note=lambda text: None,
    )  # fmt: skip
