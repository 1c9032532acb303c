"""Baselines on real cells against figures measured outside seqbench: those of the README beside the cells."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from seqbench.config.perturb import CellsConfig, SplitsConfig
from seqbench.core.progress import Silent
from seqbench.perturb import baselines
from seqbench.perturb.baselines import Response
from seqbench.perturb.distances import energy_distance
from seqbench.perturb.effects import Effects
from seqbench.perturb.experiment import Experiment, make_experiment, opened_cells, roles_of
from seqbench.perturb.scores import RESPONSE_METRICS

SHARED = Path(__file__).parents[3] / "shared" / "data-training" / "perturb"
pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="the real cells (../shared) are not here")

CONTROLS = {"papalexi_thp1": "non-targeting", "gbm_panobinostat": "control"}
HEADS: dict[str, Callable[[Effects], Response]] = {
    "control_mean": baselines.control_mean,
    "context_mean": baselines.context_mean,
    "perturbation_mean": baselines.perturbation_mean,
}
README = {
    ("papalexi_thp1", "split_perturbation"): {
        "control_mean": (0.0105, None, 0.5, 0.4092),
        "perturbation_mean": (0.00912, 0.3816, 0.5, 0.3641),
    },
    ("papalexi_thp1", "split_context"): {
        "control_mean": (0.00504, None, 0.5, 0.2369),
        "context_mean": (0.00471, 0.1631, 0.5, 0.2240),
        "perturbation_mean": (0.00308, 0.3144, 0.7417, 0.1695),
    },
    ("gbm_panobinostat", "split_context"): {
        "control_mean": (0.0528, None, None, 1.0624),
        "context_mean": (0.067, 0.5903, None, 1.2508),
        "perturbation_mean": (0.067, 0.5903, None, 1.2437),
    },
}
"""MSE, Pearson-delta, discrimination, energy distance; in the order in which the README drew cells."""


@cache
def experiment(name: str, split: str, scratch: Path) -> Experiment:
    settings = CellsConfig(
        file=SHARED / name / "cells.h5ad", name=name, perturbation="perturbation", control=CONTROLS[name],
        context="context", genes=None,
    )  # fmt: skip
    roles = roles_of(opened_cells(settings), settings, SplitsConfig(column=split))
    return make_experiment(settings, roles, (), scratch=scratch, reporter=Silent())


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("real")


@pytest.mark.parametrize(("name", "split"), README, ids=str)
def test_means_and_discrimination_are_those_of_the_readme(name: str, split: str, scratch: Path) -> None:
    found = experiment(name, split, scratch)
    for head, (mse, pearson, discrimination, _) in README[name, split].items():
        values = found.evaluation.scores(HEADS[head](found.effects), "test").values_PQ
        scored = dict(zip(RESPONSE_METRICS, values.T, strict=True))
        assert np.mean(scored["mse"]) == pytest.approx(mse, abs=5e-5)
        if pearson is not None:
            assert np.mean(scored["pearson_delta"]) == pytest.approx(pearson, abs=5e-4)
        if discrimination is not None:
            assert np.mean(scored["discrimination_l1"]) == pytest.approx(discrimination, abs=5e-3)


@pytest.mark.parametrize(("name", "split"), README, ids=str)
def test_energy_distances_are_those_of_the_readme_with_its_draw_of_cells(
    name: str, split: str, scratch: Path
) -> None:
    found, draw = experiment(name, split, scratch), np.random.default_rng(0)
    effects = found.effects

    def drawn(pair: tuple[str, str]) -> np.ndarray:
        rows = effects.sets[pair].rows
        return draw.choice(rows, min(400, len(rows)), replace=False)

    for head, (*_, wanted) in README[name, split].items():
        response, distances = HEADS[head](effects), []
        for pair in effects.pairs("test"):
            predicted = response.cells(pair, drawn((effects.control, pair[1])))
            distances.append(energy_distance(predicted, effects.matrix.rows(drawn(pair))))
        assert np.mean(distances) == pytest.approx(wanted, abs=1e-4)
