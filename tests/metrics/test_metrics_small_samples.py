"""Intervals of few and of unanimous items, against SciPy 1.17's Wilson intervals."""

import numpy as np
import pytest
from scipy import stats

from seqbench.core.types import Task
from seqbench.metrics import score
from seqbench.metrics.small_samples import SAME, effective_items, is_collapsed, least_items, wilson

BINARY = np.repeat([0, 1], [40, 20])


def _scores(task, targets, predictions, **options):
    return {entry.metric: entry for entry in score(task, targets, np.asarray(predictions), **options)[0]}


def _classes(targets, wrong=()):
    probabilities = np.eye(2)[targets] * 0.8 + 0.1
    probabilities[list(wrong)] = probabilities[list(wrong), ::-1]
    return _scores(Task.CLASSIFICATION, targets, probabilities)


@pytest.mark.parametrize("successes", [0, 1, 3, 30, 59, 60])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_wilsons_interval_is_scipys(successes, level):
    expected = stats.binomtest(successes, 60).proportion_ci(level, method="wilson")
    assert wilson(successes, 60, level) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_sixty_of_sixty_is_from_0_940_to_1():
    found = _classes(np.zeros(60, dtype=int))["accuracy"]
    assert (found.value, round(found.low, 3), found.high, found.reason) == (1, 0.940, 1, None)


def test_one_wrong_item_is_nearly_anything():
    found = _classes(np.array([1]), wrong=[0])["accuracy"]
    assert (found.value, found.low, round(found.high, 3)) == (0, 0, 0.793)


@pytest.mark.parametrize("n_wrong", [0, 1, 4])
def test_shares_with_few_on_one_side_have_wilsons_interval(n_wrong):
    """Only items of class 1 are wrong: 60 - n of 60 are right, 20 - n of 20 found, all of 20 - n rightly."""
    found = _classes(BINARY, wrong=range(40, 40 + n_wrong))
    shares = {
        "accuracy": (60 - n_wrong, 60),
        "recall": (20 - n_wrong, 20),
        "precision": (20 - n_wrong, 20 - n_wrong),
    }
    for metric, (right, of) in shares.items():
        expected = stats.binomtest(right, of).proportion_ci(0.95, method="wilson")
        assert (found[metric].low, found[metric].high) == pytest.approx((expected.low, expected.high))


def test_a_share_with_enough_on_either_side_keeps_the_bootstraps_interval():
    found = _classes(BINARY, wrong=range(10))["accuracy"]
    expected = stats.binom(60, 50 / 60).ppf([0.025, 0.975]) / 60
    assert (found.low, found.high) == pytest.approx(expected, abs=1 / 60 + 1e-9)


def test_what_is_no_share_has_no_interval_where_all_resamples_agree():
    found = _classes(BINARY)
    for metric in ("roc_auc", "auprc", "balanced_accuracy", "f1", "mcc"):
        assert (found[metric].value, found[metric].low, found[metric].high) == (pytest.approx(1), None, None)
        assert found[metric].reason == SAME


def test_a_share_of_labels_that_are_all_right_has_wilsons_interval_and_micro_averages_none():
    targets = np.tile([[0, 1], [1, 0]], (30, 1))
    found = _scores(Task.LABELS, targets, targets * 0.8 + 0.1)
    assert (round(found["accuracy"].low, 3), found["accuracy"].high) == (0.940, 1)
    assert (found["f1_micro"].low, found["f1_micro"].reason) == (None, SAME)


def test_perfect_and_constant_regressions_have_no_interval():
    values = np.arange(30.0)[:, None]
    found = _scores(Task.REGRESSION, values, values)
    for metric in ("spearmanr", "pearsonr", "r2", "mse", "kendalltau"):
        assert (found[metric].low, found[metric].reason) == (None, SAME)


@pytest.mark.parametrize(("n_items", "has"), [(1, False), (2, False), (5, False), (6, True)])
def test_fewer_than_six_items_have_no_interval_at_95_percent(n_items, has):
    random = np.random.default_rng(n_items)
    found = _scores(Task.REGRESSION, random.normal(size=(n_items, 1)), random.normal(size=(n_items, 1)))[
        "mae"
    ]
    assert (found.low is not None) == has
    plural = "item" if n_items == 1 else "items"
    assert found.reason == (None if has else f"no interval: {n_items} {plural} in the split, too few for one")
    assert least_items(0.9) == 5


def test_of_two_classes_the_rarer_one_counts():
    targets = np.repeat([0, 1], [100, 3])
    random = np.random.default_rng(3)
    first = random.random(103)
    found = _scores(Task.CLASSIFICATION, targets, np.column_stack([first, 1 - first]))
    assert found["roc_auc"].reason == "no interval: 3 items of the rarer class in the split, too few for one"
    assert found["brier"].low is not None
    assert effective_items(Task.CLASSIFICATION, targets, "accuracy", 2) == 103
    assert effective_items(Task.CLASSIFICATION, targets, "mcc", 2) == 3
    assert effective_items(Task.CLASSIFICATION, targets * 0, "mcc", 2) == 103


def test_a_metric_without_a_value_keeps_its_reason():
    found = _classes(np.zeros(60, dtype=int))["roc_auc"]
    assert (found.value, found.low, found.reason) == (None, None, "all items of the split are of class 0")


def test_rounding_is_no_width_and_nan_no_collapse():
    assert is_collapsed(0.1 + 0.2, 0.3)
    assert not is_collapsed(0.3, 0.31)
    assert not is_collapsed(float("nan"), float("nan"))
