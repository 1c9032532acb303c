"""The bootstrap against explicit resampling: items repeated by their counts, scored by other libraries."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from seqbench.core.types import Task
from seqbench.metrics import resamples, score, weighting
from seqbench.metrics.bootstrap import bootstrap
from seqbench.metrics.by_output import ranked_means
from seqbench.metrics.calibration import calibration_error, reliability
from seqbench.metrics.confusion import class_metrics, count_classes, count_positives, label_metrics
from seqbench.metrics.continuous import prepare, target_metrics
from seqbench.metrics.kendall import kendall
from seqbench.metrics.ranking import rank
from seqbench.metrics.resamples import affordable_resamples, group_resamples, item_resamples
from seqbench.metrics.spearman import rank_order, spearman

RNG = np.random.default_rng(7)
N = 60
COUNTS = RNG.multinomial(N, np.full(N, 1 / N), size=25)
WEIGHTS = COUNTS.T.astype(np.uint8)
LABELS = RNG.integers(0, 3, N)
TIED = np.round(RNG.random((N, 3)) + 0.4 * np.eye(3)[LABELS], 1)


def explicit(metric, *columns):
    """The metric on each resample, made by repeating items."""
    return [metric(*(np.repeat(column, counts, axis=0) for column in columns)) for counts in COUNTS]


@pytest.mark.parametrize("scores", [TIED[:, 1], RNG.random(N)], ids=["ties", "no ties"])
def test_weighted_ranking_metrics_are_those_of_the_resampled_items(scores):
    found = ranked_means([rank(scores, LABELS == 1)], WEIGHTS)
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
    tau, varies = kendall(y, x, WEIGHTS)
    assert tau == pytest.approx(explicit(lambda a, b: stats.kendalltau(a, b).statistic, y, x), abs=1e-9)
    assert varies.all()
    assert found["pearsonr"][0] == pytest.approx(
        explicit(lambda a, b: stats.pearsonr(a, b).statistic, y, x), abs=1e-9
    )
    assert found["r2"][0] == pytest.approx(explicit(sk.r2_score, y, x), abs=1e-9)
    assert found["mse"][0] == pytest.approx(explicit(sk.mean_squared_error, y, x), abs=1e-9)
    assert found["mae"][0] == pytest.approx(explicit(sk.mean_absolute_error, y, x), abs=1e-9)


def test_weighted_label_metrics_are_those_of_the_resampled_items():
    actual, predicted = np.eye(3, dtype=bool)[LABELS], TIED > 0.6
    found = label_metrics(count_positives(actual.T, predicted.T, np.ones_like(actual.T), WEIGHTS))
    for metric, function in {"f1": sk.f1_score, "recall": sk.recall_score}.items():
        for average, name in {"macro": metric, "micro": f"{metric}_micro"}.items():
            pairs = explicit(lambda y, p, f=function, a=average: f(y, p, average=a), actual, predicted)
            assert found[name] == pytest.approx(pairs, abs=1e-9)
    mcc = [explicit(sk.matthews_corrcoef, actual[:, k], predicted[:, k]) for k in range(3)]
    assert found["mcc"] == pytest.approx(np.mean(mcc, axis=0), abs=1e-9)


@pytest.mark.parametrize("decimals", [1, 12], ids=["ties", "no ties"])
def test_sums_in_stretches_of_items_equal_sums_of_all_at_once(decimals, monkeypatch):
    y, x = (np.round(RNG.normal(size=(N, 2)), decimals).T for _ in range(2))
    probabilities = 1 / (1 + np.exp(-x))

    def everything():
        rankings = [rank(probabilities[k], y[k] > 0) for k in range(2)]
        return np.vstack(
            [
                *ranked_means(rankings, WEIGHTS).values(),
                *target_metrics(prepare(y.T, x.T), WEIGHTS).values(),
                calibration_error(reliability(probabilities[0], y[0] > 0), WEIGHTS),
                spearman(rank_order(y[0]), rank_order(x[0]), WEIGHTS),
                kendall(y[0], x[0], WEIGHTS)[0],
            ]
        )

    at_once = everything()
    monkeypatch.setattr(weighting, "SEGMENT_CELLS", 7 * 25)
    assert everything() == pytest.approx(at_once, abs=1e-12)


def test_running_sums_are_those_of_numpy_for_any_number_of_items():
    for n_items in (1, 2, 3, 15, 16, 17, 50):
        for n_columns in (1, 9):
            weights = RNG.integers(0, 5, (n_items, n_columns)).astype(np.uint8)
            sums = weighting.running_sums(weights, 3, np.int16)
            assert (sums[0] == 3).all()
            assert (sums[1:] == 3 + np.cumsum(weights, axis=0, dtype=int)).all()


def drawn(n_items, n_resamples, seed):
    """Every resample as a row, without the data before them."""
    return np.concatenate([*item_resamples(n_items, n_resamples, seed)], axis=1).T[1:].astype(int)


@pytest.mark.parametrize("n_resamples", [0, 200])
def test_the_first_column_of_weights_is_the_data_itself(n_resamples):
    first = next(iter(item_resamples(9, n_resamples, 0)))
    assert (first[:, 0] == 1).all()
    assert first.shape == (9, n_resamples + 1)
    first = next(iter(group_resamples(np.array([7, 2]), n_resamples, 0)))
    assert first[:, 0].tolist() == [7, 2]
    assert first.shape == (2, n_resamples + 1)


def test_the_interval_is_the_percentiles_of_the_resampled_scores():
    targets, scores = LABELS == 1, TIED[:, 1]
    ranking = rank(scores, targets)
    (found,) = bootstrap([lambda w: ranked_means([ranking], w)], item_resamples(N, 200, 3), level=0.9)
    scored = [sk.roc_auc_score(np.repeat(targets, row), np.repeat(scores, row)) for row in drawn(N, 200, 3)]
    interval = found["roc_auc"]
    assert (interval.low, interval.high) == pytest.approx(np.percentile(scored, [5, 95]), abs=1e-9)
    assert interval.value == pytest.approx(sk.roc_auc_score(targets, scores), abs=1e-9)


@pytest.mark.parametrize("counts", [np.ones(50, dtype=int), np.array([40, 7, 3])], ids=["items", "groups"])
def test_resamples_draw_as_many_items_as_there_are_each_as_likely(counts):
    weights = np.concatenate([*group_resamples(counts, 4000, 0)], axis=1).T[1:].astype(int)
    assert (weights.sum(axis=1) == counts.sum()).all()
    deviation = np.sqrt(counts * (1 - counts / counts.sum()) / 4000)
    assert (np.abs(weights.mean(axis=0) - counts) < 5 * deviation).all()
    assert weights.var(axis=0) == pytest.approx(counts * (1 - counts / counts.sum()), rel=0.2)


def test_resamples_do_not_depend_on_the_size_of_chunks_of_memory(monkeypatch):
    at_once = drawn(30, 20, 1)
    monkeypatch.setattr(resamples, "CHUNK_CELLS", 100)
    monkeypatch.setattr(resamples, "_DRAWN_CELLS", 50)
    monkeypatch.setattr(resamples, "_KEPT_CELLS", 0)
    assert {chunk.shape[1] for chunk in item_resamples(30, 20, 1)} == {3}
    assert (drawn(30, 20, 1) == at_once).all()


def test_resamples_of_small_splits_are_drawn_once():
    assert item_resamples(30, 20, 1) is item_resamples(30, 20, 1)
    with pytest.raises(ValueError, match="read-only"):
        item_resamples(30, 20, 1)[0][0, 0] = 2


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
    # The first column is the data; one positive in 100 items is drawn in 63 % of resamples.
    values = np.where(RNG.random(1001) < 0.63, RNG.random(1001), np.nan)
    values[0] = 0.5
    (found,) = bootstrap([lambda w: {"roc_auc": values}], [np.ones((4, 1001), dtype=np.uint8)], level=0.95)
    drawn = values[1:][~np.isnan(values[1:])]
    assert (found["roc_auc"].low, found["roc_auc"].high) == pytest.approx(np.quantile(drawn, (0.025, 0.975)))


def test_a_metric_undefined_in_most_resamples_has_a_value_but_no_interval():
    rare = np.array([1.0, np.nan, np.nan, np.nan, 1.0])
    (found,) = bootstrap([lambda w: {"rare": rare}], [np.ones((4, 5), dtype=np.uint8)], level=0.95)
    assert found["rare"].value == 1
    assert np.isnan(found["rare"].low)


def test_asked_for_no_resamples_there_is_no_interval_and_no_complaint():
    scores, _ = score(Task.CLASSIFICATION, LABELS, TIED, n_resamples=0)
    assert {(entry.low, entry.high, entry.reason) for entry in scores} == {(None, None, None)}


def test_fewer_resamples_are_drawn_of_huge_splits_only():
    assert affordable_resamples(1000, 100_000, 1) == 1000
    assert affordable_resamples(1000, 5_000_000, 1) == 100
    assert affordable_resamples(1000, 1_000_000, 1) == 500
    assert affordable_resamples(50, 10**9, 8) == 50
