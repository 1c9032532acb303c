"""Chosen thresholds against trying every cut, one label at a time, with scikit-learn's metrics."""

import numpy as np
import pytest
from sklearn import metrics as sk

from seqbench.core.types import Task
from seqbench.errors import ProbeError
from seqbench.metrics import choose_thresholds, score

METRIC = {"f1": sk.f1_score, "mcc": sk.matthews_corrcoef, "balanced_accuracy": sk.balanced_accuracy_score}


def brute_force(targets, scores, metric):
    distinct = np.unique(scores)
    cuts = (distinct[1:] + distinct[:-1]) / 2
    reached = np.array([METRIC[metric](targets, scores >= cut) for cut in cuts])
    best = cuts[reached > reached.max() - 1e-9]
    return best[np.abs(best - 0.5).argmin()]


@pytest.mark.parametrize("decimals", [1, 12], ids=["ties", "no ties"])
@pytest.mark.parametrize("metric", METRIC)
def test_thresholds_of_labels_equal_those_of_trying_every_cut(metric, decimals):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        targets = (rng.random((24, 4)) < [0.1, 0.3, 0.5, 0.9]).astype(int)
        targets[0], targets[1] = 0, 1
        scores = np.clip(0.3 * targets + 0.8 * rng.random((24, 4)), 0, 1).round(decimals)
        expected = [brute_force(targets[:, k], scores[:, k], metric) for k in range(4)]
        assert choose_thresholds(Task.LABELS, targets, scores, metric) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("metric", METRIC)
def test_the_threshold_of_two_classes_is_of_class_1_and_reaches_the_best_on_eval(metric):
    rng = np.random.default_rng(1)
    targets = (rng.random(80) < 0.15).astype(int)
    positive = np.clip(0.2 * targets + 0.4 * rng.random(80), 0, 1).astype(np.float32)
    probabilities = np.column_stack([1 - positive, positive])
    thresholds = choose_thresholds(Task.CLASSIFICATION, targets, probabilities, metric)
    assert thresholds == pytest.approx([brute_force(targets, positive.astype(float), metric)], abs=1e-12)

    def reached(cuts):
        scores, _ = score(Task.CLASSIFICATION, targets, probabilities, thresholds=cuts, n_resamples=0)
        return {entry.metric: entry.value for entry in scores}[metric]

    assert reached(thresholds) > reached(None)
    assert reached(thresholds) == max(reached((cut,)) for cut in np.unique(positive))


def test_where_nothing_can_be_chosen_the_threshold_is_one_half():
    targets = np.array([[0, 1, 0], [0, 1, 1], [0, 1, 0]])
    scores = np.array([[0.1, 0.1, 0.3], [0.2, 0.2, 0.3], [0.3, 0.3, 0.3]])
    assert choose_thresholds(Task.LABELS, targets, scores, "f1") == (0.5, 0.5, 0.5)
    assert choose_thresholds(Task.LABELS, targets[:1], scores[:1], "mcc") == (0.5, 0.5, 0.5)


def test_cuts_that_do_equally_well_give_way_to_the_one_nearest_one_half_and_then_the_lower():
    scores = np.array([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])[:, None]
    even = np.array([0, 1, 0, 1, 0, 1])[:, None]
    assert choose_thresholds(Task.LABELS, even, scores, "balanced_accuracy") == pytest.approx((0.5,))
    mirrored = np.array([0, 1, 0, 1])[:, None], np.array([0.0, 0.375, 0.625, 1.0])[:, None]
    assert choose_thresholds(Task.LABELS, *mirrored, "balanced_accuracy") == (0.1875,)


def test_between_neighbouring_floats_the_threshold_is_the_upper_one():
    scores = np.array([0.5, np.nextafter(0.5, 1)])[:, None]
    thresholds = choose_thresholds(Task.LABELS, np.array([[0], [1]]), scores, "f1")
    assert thresholds == (scores[1, 0],)


def test_several_classes_and_regression_have_no_threshold():
    assert choose_thresholds(Task.CLASSIFICATION, np.array([0, 1]), np.eye(3)[:2], "f1") is None
    assert choose_thresholds(Task.REGRESSION, np.eye(2), np.eye(2), "mcc") is None


def test_predictions_that_diverged_are_refused():
    with pytest.raises(ProbeError, match="training diverged"):
        choose_thresholds(Task.LABELS, np.array([[0], [1]]), np.array([[np.nan], [1.0]]), "f1")
