import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from seqbench.core.types import Task
from seqbench.metrics import METRICS, score


def regression(n_items, n_targets, seed, ties=False, offset=0.0, scale=1.0):
    rng = np.random.default_rng(seed)
    targets = rng.normal(size=(n_items, n_targets))
    predicted = targets + rng.normal(size=(n_items, n_targets))
    if ties:
        targets, predicted = np.round(targets, 1), np.round(predicted, 1)
    return targets * scale + offset, predicted * scale + offset


def results(targets, predicted):
    scores, _ = score(Task.REGRESSION, targets, predicted, n_resamples=0)
    return {entry.metric: entry for entry in scores}


@pytest.mark.parametrize("data", [{}, {"ties": True}, {"offset": 1e4}, {"scale": 1e-6}, {"scale": 1e9}])
@pytest.mark.parametrize("n_targets", [1, 3])
def test_regression_metrics_equal_scikit_learn_and_scipy(n_targets, data):
    targets, predicted = regression(200, n_targets, seed=n_targets, **data)
    columns = range(n_targets)
    expected = {
        "mse": sk.mean_squared_error(targets, predicted),
        "rmse": np.sqrt(sk.mean_squared_error(targets, predicted)),
        "mcrmse": sk.root_mean_squared_error(targets, predicted),
        "mae": sk.mean_absolute_error(targets, predicted),
        "r2": sk.r2_score(targets, predicted),
        "pearsonr": np.mean([stats.pearsonr(targets[:, t], predicted[:, t]).statistic for t in columns]),
        "spearmanr": np.mean([stats.spearmanr(targets[:, t], predicted[:, t]).statistic for t in columns]),
        "kendalltau": np.mean([stats.kendalltau(targets[:, t], predicted[:, t]).statistic for t in columns]),
    }
    found = {metric: entry.value for metric, entry in results(targets, predicted).items()}
    assert found == pytest.approx(expected, rel=1e-9)


def test_a_constant_target_leaves_r2_and_correlations_with_a_reason():
    targets, predicted = regression(100, 3, seed=1)
    targets[:, 1] = 0.1
    found = results(targets, predicted)
    assert found["r2"].value == pytest.approx(sk.r2_score(targets[:, [0, 2]], predicted[:, [0, 2]]), abs=1e-9)
    assert found["spearmanr"].reason == "average without target 1: constant in the split"
    taus = [stats.kendalltau(targets[:, t], predicted[:, t]).statistic for t in (0, 2)]
    assert found["kendalltau"].value == pytest.approx(np.mean(taus), abs=1e-9)
    assert found["kendalltau"].reason == found["spearmanr"].reason
    assert found["mse"].reason is None


def test_constant_predictions_have_no_correlation_rather_than_a_better_average():
    targets, predicted = regression(100, 2, seed=2)
    predicted[:, 0] = 0.3
    found = results(targets, predicted)
    assert found["pearsonr"].value is None
    assert found["spearmanr"].value is None
    assert found["kendalltau"].value is None
    assert found["spearmanr"].reason == "predictions of target 0 are constant"
    assert found["r2"].value == pytest.approx(sk.r2_score(targets, predicted), abs=1e-9)


def test_a_single_item_has_errors_but_no_correlation():
    found = results(np.array([[1.0]]), np.array([[3.0]]))
    assert found["mse"].value == 4
    assert found["r2"].value is None
    assert found["r2"].reason == "every target is constant in the split"


def test_target_scores_are_those_of_each_target_alone():
    targets, predicted = regression(150, 3, seed=3)
    _, by_target = score(Task.REGRESSION, targets, predicted, n_resamples=0)
    assert {entry.metric for entry in by_target} == {*METRICS[Task.REGRESSION]} - {"mcrmse"}
    for entry in by_target:
        alone = results(targets[:, [entry.label]], predicted[:, [entry.label]])
        assert entry.value == pytest.approx(alone[entry.metric].value, rel=1e-12)
        assert entry.support == 150


def test_a_target_score_that_is_undefined_says_why():
    targets, predicted = regression(20, 2, seed=4)
    targets[:, 0], predicted[:, 1] = 1.0, 1.0
    _, by_target = score(Task.REGRESSION, targets, predicted, n_resamples=0)
    why = {(entry.label, entry.metric): entry.reason for entry in by_target if entry.value is None}
    assert why[0, "r2"] == why[0, "pearsonr"] == "the target is constant in the split"
    assert why[1, "spearmanr"] == why[1, "kendalltau"] == "predictions are constant"
    assert (1, "r2") not in why


@pytest.mark.parametrize("levels", [1, 2, 3, 30, 10**9])
@pytest.mark.parametrize("n_items", [2, 3, 4, 7, 8, 9, 33, 1000])
def test_kendalls_tau_equals_scipys_for_any_number_of_items_and_ties(n_items, levels):
    rng = np.random.default_rng(n_items)
    targets = rng.integers(0, levels, (n_items, 1)).astype(float)
    predicted = np.where(rng.random((n_items, 1)) < 0.5, targets, rng.integers(0, levels, (n_items, 1)))
    expected = stats.kendalltau(targets[:, 0], predicted[:, 0]).statistic
    found = results(targets, predicted)["kendalltau"].value
    assert np.isnan(expected) if found is None else found == pytest.approx(expected, abs=1e-9)


def test_kendalls_tau_of_many_items_equals_scipys():
    rng = np.random.default_rng(5)
    targets = rng.normal(size=(70_000, 1)).round(3)
    predicted = targets + rng.normal(size=(70_000, 1))
    expected = stats.kendalltau(targets[:, 0], predicted[:, 0]).statistic
    assert results(targets, predicted)["kendalltau"].value == pytest.approx(expected, abs=1e-9)
