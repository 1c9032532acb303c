"""The bootstrap against explicit resampling: items repeated by their counts, scored by other libraries."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from seqbench.metrics import bootstrap as module
from seqbench.metrics import score
from seqbench.metrics.bootstrap import affordable_resamples, bootstrap, resample_weights
from seqbench.metrics.classification import by_rank
from seqbench.metrics.confusion import class_metrics, count_classes
from seqbench.metrics.continuous import prepare, rank_order, spearman, target_metrics
from seqbench.metrics.ranking import rank
from seqbench.vocabulary import Task

RNG = np.random.default_rng(7)
N = 60
COUNTS = RNG.multinomial(N, np.full(N, 1 / N), size=25)
WEIGHTS = COUNTS.astype(float)
LABELS = RNG.integers(0, 3, N)
TIED = np.round(RNG.random((N, 3)) + 0.4 * np.eye(3)[LABELS], 1)


def explicit(metric, *columns):
    """The metric on each resample, made by repeating items."""
    return [metric(*(np.repeat(column, counts, axis=0) for column in columns)) for counts in COUNTS]


@pytest.mark.parametrize("scores", [TIED[:, 1], RNG.random(N)], ids=["ties", "no ties"])
def test_weighted_ranking_metrics_are_those_of_the_resampled_items(scores):
    found = by_rank([rank(scores, LABELS == 1)])(WEIGHTS)
    assert found["roc_auc"] == pytest.approx(explicit(sk.roc_auc_score, LABELS == 1, scores), abs=1e-9)
    assert found["auprc"] == pytest.approx(
        explicit(sk.average_precision_score, LABELS == 1, scores), abs=1e-9
    )


def test_weighted_confusion_metrics_are_those_of_the_resampled_items():
    predicted = TIED.argmax(axis=1)
    found = class_metrics(count_classes(LABELS, predicted, 3, WEIGHTS))
    pairs = {
        "accuracy": sk.accuracy_score,
        "balanced_accuracy": sk.balanced_accuracy_score,
        "f1": lambda y, p: sk.f1_score(y, p, average="macro", zero_division=0),
        "precision": lambda y, p: sk.precision_score(y, p, average="macro", zero_division=0),
        "recall": lambda y, p: sk.recall_score(y, p, average="macro", zero_division=0),
        "mcc": sk.matthews_corrcoef,
    }
    for metric, function in pairs.items():
        assert found[metric] == pytest.approx(explicit(function, LABELS, predicted), abs=1e-9)


@pytest.mark.parametrize("decimals", [1, 12], ids=["ties", "no ties"])
def test_weighted_regression_metrics_are_those_of_the_resampled_items(decimals):
    y = np.round(RNG.normal(size=N), decimals)
    x = np.round(y + RNG.normal(size=N), decimals)
    found = target_metrics(prepare(y[:, None], x[:, None]), WEIGHTS)
    rho = spearman(rank_order(y), rank_order(x), WEIGHTS)
    assert rho == pytest.approx(explicit(lambda a, b: stats.spearmanr(a, b).statistic, y, x), abs=1e-9)
    assert found["pearsonr"][:, 0] == pytest.approx(
        explicit(lambda a, b: stats.pearsonr(a, b).statistic, y, x), abs=1e-9
    )
    assert found["r2"][:, 0] == pytest.approx(explicit(sk.r2_score, y, x), abs=1e-9)
    assert found["mse"][:, 0] == pytest.approx(explicit(sk.mean_squared_error, y, x), abs=1e-9)
    assert found["mae"][:, 0] == pytest.approx(explicit(sk.mean_absolute_error, y, x), abs=1e-9)


def test_the_interval_is_the_percentiles_of_the_resampled_scores():
    targets, scores = LABELS == 1, TIED[:, 1]
    evaluate, ones = by_rank([rank(scores, targets)]), np.ones(N, dtype=int)
    interval = bootstrap(evaluate, ones, n_resamples=200, seed=3, level=0.9)["roc_auc"]
    drawn = np.concatenate(list(resample_weights(ones, 200, 3))).astype(int)
    scored = [sk.roc_auc_score(np.repeat(targets, row), np.repeat(scores, row)) for row in drawn]
    assert (interval.low, interval.high) == pytest.approx(np.percentile(scored, [5, 95]), abs=1e-9)
    assert interval.value == pytest.approx(sk.roc_auc_score(targets, scores), abs=1e-9)


@pytest.mark.parametrize("counts", [np.ones(50, dtype=int), np.array([40, 7, 3])], ids=["items", "groups"])
def test_resamples_draw_as_many_items_as_there_are_each_as_likely(counts):
    weights = np.concatenate(list(resample_weights(counts, 4000, 0)))
    assert (weights.sum(axis=1) == counts.sum()).all()
    deviation = np.sqrt(counts * (1 - counts / counts.sum()) / 4000)
    assert (np.abs(weights.mean(axis=0) - counts) < 5 * deviation).all()
    assert weights.var(axis=0) == pytest.approx(counts * (1 - counts / counts.sum()), rel=0.2)


def test_resamples_do_not_depend_on_the_size_of_chunks_of_memory(monkeypatch):
    at_once = np.concatenate(list(resample_weights(np.ones(30, dtype=int), 20, 1)))
    monkeypatch.setattr(module, "CHUNK_CELLS", 100)
    chunks = list(resample_weights(np.ones(30, dtype=int), 20, 1))
    assert {len(chunk) for chunk in chunks} == {3, 2}
    assert (np.concatenate(chunks) == at_once).all()


def test_equal_seeds_give_equal_intervals_and_others_do_not():
    data = (Task.CLASSIFICATION, LABELS, TIED)
    assert score(*data, seed=1) == score(*data, seed=1)
    assert score(*data, seed=1)[0] != score(*data, seed=2)[0]


def test_an_interval_covers_the_true_accuracy_about_as_often_as_its_level_says():
    covered = 0
    for seed in range(200):
        hits = np.random.default_rng(seed).random(150) < 0.8
        probabilities = np.column_stack([~hits, hits]).astype(float)
        accuracy = score(
            Task.CLASSIFICATION, np.ones(150, dtype=int), probabilities, n_resamples=200, seed=seed
        )[0][0]
        covered += accuracy.low <= 0.8 <= accuracy.high
    assert 0.89 <= covered / 200 <= 0.99


def test_resamples_without_the_class_are_dropped():
    targets = np.zeros(100, dtype=int)
    targets[0] = 1
    probabilities = np.column_stack([np.linspace(0, 1, 100), np.linspace(1, 0, 100)])
    found = {entry.metric: entry for entry in score(Task.CLASSIFICATION, targets, probabilities)[0]}
    assert found["roc_auc"].value == 1
    # One positive in 100 items is drawn in 63 % of resamples.
    assert found["roc_auc"].low is not None
    assert found["accuracy"].low is not None


def test_a_metric_undefined_in_most_resamples_has_a_value_but_no_interval():
    evaluate = {"rare": np.array([1.0])}, {"rare": np.array([np.nan, np.nan, np.nan, 1.0])}
    interval = bootstrap(lambda w: evaluate[len(w) > 1], np.ones(4, int), n_resamples=4, seed=0, level=0.95)
    assert interval["rare"].value == 1
    assert np.isnan(interval["rare"].low)


def test_asked_for_no_resamples_there_is_no_interval_and_no_complaint():
    scores, _ = score(Task.CLASSIFICATION, LABELS, TIED, n_resamples=0)
    assert {(entry.low, entry.high, entry.reason) for entry in scores} == {(None, None, None)}


def test_fewer_resamples_are_drawn_of_huge_splits_only():
    assert affordable_resamples(1000, 100_000, 1) == 1000
    assert affordable_resamples(1000, 5_000_000, 1) == 100
    assert affordable_resamples(1000, 1_000_000, 1) == 500
    assert affordable_resamples(50, 10**9, 8) == 50
