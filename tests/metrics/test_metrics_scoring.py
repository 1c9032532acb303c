import warnings

import numpy as np
import pytest

from seqbench.core.types import Task
from seqbench.errors import ProbeError
from seqbench.metrics import METRICS, PRIMARY, higher_is_better, score, score_many, scoring


@pytest.mark.parametrize(
    ("task", "targets", "predictions", "message"),
    [
        (Task.CLASSIFICATION, np.zeros(3, int), np.zeros((4, 2)), "don't go with predictions"),
        (Task.CLASSIFICATION, np.zeros(0, int), np.zeros((0, 2)), "don't go with predictions"),
        (Task.CLASSIFICATION, np.array([0, 2]), np.zeros((2, 2)), "class index .*2.* is not among 0 to 1"),
        (Task.LABELS, np.array([[0, 3]]), np.zeros((1, 2)), "label .*3.* is not among 0 to 1"),
        (Task.REGRESSION, np.zeros(3), np.zeros((3, 1)), "don't go with predictions"),
        (Task.REGRESSION, np.zeros((2, 1)), np.array([[0.0], [np.nan]]), "training diverged"),
        (Task.REGRESSION, np.array([[0.0], [np.inf]]), np.zeros((2, 1)), "targets hold infinity"),
        (Task.LABELS, np.array([[0, 1], [-1, -1]]), np.zeros((2, 2)), "item 1 .* has no label at all"),
    ],
)
def test_what_cannot_be_scored_is_refused_in_one_line(task, targets, predictions, message):
    with pytest.raises(ProbeError, match=message) as caught:
        score(task, targets, predictions)
    assert "\n" not in str(caught.value)


OF_ITEMS = (Task.CLASSIFICATION, Task.LABELS, Task.REGRESSION)
"""Tasks whose metrics are computed of predictions; see test_metrics_responses for the other."""


def random_split(task, n_items, n_outputs, rng):
    if task is Task.CLASSIFICATION:
        return rng.integers(0, n_outputs, n_items), rng.dirichlet(np.ones(n_outputs), n_items)
    if task is Task.LABELS:
        return rng.integers(0, 2, (n_items, n_outputs)), rng.random((n_items, n_outputs)).round(1)
    return rng.integers(0, 3, (n_items, n_outputs)) * 0.1, rng.random((n_items, n_outputs)).round(1)


@pytest.mark.parametrize("task", OF_ITEMS)
def test_tiny_splits_raise_no_warning_and_every_missing_value_has_a_reason(task):
    rng = np.random.default_rng(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for n_items in (1, 2, 3, 5):
            for n_outputs in (2, 3):
                split = random_split(task, n_items, n_outputs, rng)
                scores, by_output = score(task, *split, n_resamples=50)
                for entry in [*scores, *by_output]:
                    assert entry.value is not None or entry.reason
                assert all(entry.low is not None or entry.reason for entry in scores)


@pytest.mark.parametrize("task", OF_ITEMS)
def test_intervals_hold_their_value_on_an_ordinary_split(task):
    scores, _ = score(task, *random_split(task, 150, 3, np.random.default_rng(1)))
    assert tuple(entry.metric for entry in scores) == METRICS[task]
    assert all(entry.low <= entry.value <= entry.high for entry in scores)


def test_half_precision_predictions_and_boolean_labels_are_taken():
    rng = np.random.default_rng(2)
    targets, predictions = random_split(Task.LABELS, 50, 3, rng)
    half = predictions.astype(np.float16)
    assert score(Task.LABELS, targets == 1, half) == score(Task.LABELS, targets, half.astype(float))


def test_only_errors_are_better_when_lower_and_primary_metrics_exist():
    lower = {metric for names in METRICS.values() for metric in names if not higher_is_better(metric)}
    assert lower == {"brier", "ece", "mse", "rmse", "mcrmse", "mae", "weighted_mse", "energy_distance"}
    assert all(PRIMARY[task] in METRICS[task] for task in Task)
    with pytest.raises(ValueError, match="no metric is called 'acuracy'"):
        higher_is_better("acuracy")


@pytest.mark.parametrize("at_once", [1, 10**9])
@pytest.mark.parametrize("task", OF_ITEMS)
def test_layers_scored_together_have_the_scores_they_have_alone(task, at_once, monkeypatch):
    monkeypatch.setattr(scoring, "TOGETHER_CELLS", at_once)
    rng = np.random.default_rng(3)
    targets, _ = random_split(task, 60, 2, rng)
    layers = np.stack([random_split(task, 60, 2, rng)[1] for _ in range(3)])
    cuts = {Task.CLASSIFICATION: (0.3,), Task.LABELS: (0.3, 0.6), Task.REGRESSION: None}[task]
    thresholds = [None, cuts, None]
    together = score_many(task, targets, layers, thresholds=thresholds, n_resamples=50, seed=4)
    assert together == [
        score(task, targets, layer, thresholds=given, n_resamples=50, seed=4)
        for layer, given in zip(layers, thresholds, strict=True)
    ]


@pytest.mark.parametrize(
    ("task", "n_outputs", "thresholds"),
    [
        (Task.CLASSIFICATION, 3, (0.5,)),
        (Task.CLASSIFICATION, 2, (0.5, 0.5)),
        (Task.LABELS, 3, (0.5,)),
        (Task.LABELS, 1, (np.nan,)),
        (Task.REGRESSION, 1, (0.5,)),
    ],
)
def test_thresholds_that_do_not_fit_are_refused_in_one_line(task, n_outputs, thresholds):
    split = random_split(task, 20, n_outputs, np.random.default_rng(0))
    with pytest.raises(ProbeError, match=r"thresholds .* don't go with") as caught:
        score(task, *split, thresholds=thresholds)
    assert "\n" not in str(caught.value)
