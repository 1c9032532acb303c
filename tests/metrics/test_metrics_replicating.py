"""Metrics on resamples of items: those of `score`, and those of explicitly resampled items."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from seqbench.core.types import Task
from seqbench.errors import ProbeError
from seqbench.metrics import METRICS, replicates, score
from seqbench.metrics.resamples import item_resamples

RNG = np.random.default_rng(3)
N = 70
R = 40
CLASSES = RNG.integers(0, 3, N)
SHARES = RNG.dirichlet(np.ones(3), N) + 0.5 * np.eye(3)[CLASSES]
SHARES /= SHARES.sum(axis=1, keepdims=True)
BINARY = (CLASSES > 0).astype(np.int64)
YES = np.stack([SHARES[:, 0], 1 - SHARES[:, 0]], axis=1)
LABELS = RNG.integers(0, 2, (N, 3))
VALUES = RNG.normal(size=(N, 2))
GUESSES = VALUES + RNG.normal(size=(N, 2))

CASES = {
    "two classes": (Task.CLASSIFICATION, BINARY, YES, None),
    "two classes, tuned": (Task.CLASSIFICATION, BINARY, YES, (0.4,)),
    "three classes": (Task.CLASSIFICATION, CLASSES, SHARES, None),
    "labels": (Task.LABELS, LABELS, np.clip(SHARES + 0.3 * LABELS, 0, 1), None),
    "labels, tuned": (Task.LABELS, LABELS, np.clip(SHARES + 0.3 * LABELS, 0, 1), (0.3, 0.5, 0.6)),
    "one target": (Task.REGRESSION, VALUES[:, :1], GUESSES[:, :1], None),
    "two targets": (Task.REGRESSION, VALUES, GUESSES, None),
}
GROUPED = {"accuracy", "balanced_accuracy", "precision", "recall", "f1", "mcc"}
"""Of classification `score` draws these by cells of the confusion matrix: other draws, so other intervals."""


@pytest.mark.parametrize("case", CASES, ids=list(CASES))
def test_every_metric_and_its_interval_are_those_of_score(case):
    task, targets, predictions, cuts = CASES[case]
    scores, _ = score(task, targets, predictions, thresholds=cuts, n_resamples=R)
    assert [entry.metric for entry in scores] == list(METRICS[task])
    for entry in scores:
        (found,) = replicates(task, targets, [predictions], entry.metric, thresholds=[cuts], n_resamples=R)
        assert found[0] == pytest.approx(entry.value, abs=1e-12)
        if task is not Task.CLASSIFICATION or entry.metric not in GROUPED:
            low, high = np.quantile(found[1:], (0.025, 0.975))
            assert (low, high) == (pytest.approx(entry.low), pytest.approx(entry.high))


@pytest.mark.parametrize(
    ("case", "metric", "function"),
    [
        ("two classes", "accuracy", lambda y, p: sk.accuracy_score(y, p.argmax(axis=1))),
        ("two classes, tuned", "f1", lambda y, p: sk.f1_score(y, p[:, 1] >= 0.4)),
        ("three classes", "mcc", lambda y, p: sk.matthews_corrcoef(y, p.argmax(axis=1))),
        ("labels", "roc_auc", lambda y, p: sk.roc_auc_score(y, p, average="macro")),
        ("one target", "spearmanr", lambda y, p: stats.spearmanr(y, p).statistic),
        ("two targets", "rmse", lambda y, p: np.sqrt(sk.mean_squared_error(y, p))),
    ],
)
def test_replicates_are_the_metric_of_the_resampled_items(case, metric, function):
    task, targets, predictions, cuts = CASES[case]
    (found,) = replicates(task, targets, [predictions], metric, thresholds=[cuts], n_resamples=R)
    (weights_NR,) = item_resamples(N, R, 0)
    for value, counts in zip(found, weights_NR.T, strict=True):
        items = np.repeat(np.arange(N), counts)
        assert value == pytest.approx(function(targets[items], predictions[items]), abs=1e-9)


def test_all_sets_of_predictions_see_the_same_items_however_many_are_worked_on_together(monkeypatch):
    several = [np.roll(YES, shift, axis=0) for shift in range(5)]
    together = replicates(Task.CLASSIFICATION, BINARY, several, "roc_auc", n_resamples=R)
    monkeypatch.setattr("seqbench.metrics.replicating.TOGETHER_CELLS", 1)
    alone = replicates(Task.CLASSIFICATION, BINARY, several, "roc_auc", n_resamples=R)
    assert np.array_equal(together, alone)
    (third,) = replicates(Task.CLASSIFICATION, BINARY, several[2:3], "roc_auc", n_resamples=R)
    assert np.array_equal(together[2], third)


@pytest.mark.parametrize("chunk", [1 << 22, 300])
def test_the_first_of_many_resamples_are_those_of_few(chunk, monkeypatch):
    monkeypatch.setattr("seqbench.metrics.resamples.CHUNK_CELLS", chunk)
    monkeypatch.setattr("seqbench.metrics.resamples._KEPT_CELLS", 0)
    few, many = (replicates(Task.CLASSIFICATION, BINARY, [YES], "accuracy", n_resamples=n) for n in (20, 60))
    assert np.array_equal(few, many[:, :21])


def test_a_resample_without_both_classes_is_undefined_rather_than_zero():
    targets = np.array([0, 0, 0, 1])
    (found,) = replicates(Task.CLASSIFICATION, targets, [YES[:4]], "roc_auc", n_resamples=200)
    assert 0.2 < np.isnan(found).mean() < 0.5
    assert not np.isnan(found[0])


def test_a_metric_of_another_task_and_diverged_predictions_are_refused():
    with pytest.raises(ValueError, match="regression has no metric 'accuracy'"):
        replicates(Task.REGRESSION, VALUES, [GUESSES], "accuracy")
    with pytest.raises(ProbeError, match="NaN"):
        replicates(Task.REGRESSION, VALUES, [np.full((N, 2), np.nan)], "mse")
