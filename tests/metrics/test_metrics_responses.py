"""Responses are averaged over the perturbations that have a metric, on the data and on resamples alike."""

import numpy as np

from seqbench.core.types import Task
from seqbench.metrics import score
from seqbench.metrics.names import METRICS
from seqbench.metrics.replicating import replicates

DRAW = np.random.default_rng(0)
VALUES = DRAW.normal(size=(40, len(METRICS[Task.PERTURBATION])))
VALUES[::3, 0] = np.nan
VALUES[:, 1] = np.inf  # how the catalog keeps what is undefined


def test_a_score_is_the_mean_over_perturbations_that_have_it() -> None:
    scores, by_class = score(Task.PERTURBATION, np.zeros_like(VALUES), VALUES)
    assert [entry.metric for entry in scores] == list(METRICS[Task.PERTURBATION])
    np.testing.assert_allclose(scores[0].value, np.nanmean(VALUES[:, 0]))
    np.testing.assert_allclose(scores[2].value, VALUES[:, 2].mean())
    assert scores[2].low < scores[2].value < scores[2].high
    assert (scores[1].value, scores[1].reason) == (None, "undefined for every perturbation of the split")
    assert by_class == []


def test_the_interval_of_a_mean_is_that_of_a_bootstrap_over_perturbations() -> None:
    scores, _ = score(Task.PERTURBATION, np.zeros_like(VALUES), VALUES, n_resamples=4000)
    drawn = VALUES[np.random.default_rng(1).integers(0, 40, (4000, 40)), 2].mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    np.testing.assert_allclose([scores[2].low, scores[2].high], [low, high], atol=0.03)


def test_resamples_of_heads_are_of_the_same_perturbations() -> None:
    metric = METRICS[Task.PERTURBATION][2]
    both = replicates(Task.PERTURBATION, np.zeros_like(VALUES), [VALUES, VALUES + 1], metric)
    np.testing.assert_allclose(both[1] - both[0], 1)
