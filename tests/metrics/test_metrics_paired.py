"""Differences of paired predictions: against plain loops, tests from textbooks, and simulated data."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from seqbench.core.types import Task
from seqbench.metrics import paired_difference, replicates
from seqbench.metrics.resamples import item_resamples

RNG = np.random.default_rng(11)
N = 300


def _probabilities(yes_N):
    return np.stack([1 - yes_N, yes_N], axis=1)


def _compare(targets, a, b, metric="accuracy", task=Task.CLASSIFICATION, n_resamples=1000, **options):
    """Two sides by lists of predictions, one a seed."""
    values = replicates(task, targets, [*a, *b], metric, n_resamples=n_resamples)
    options = {"higher_is_better": True, "n_items": len(targets)} | options
    return paired_difference(values[: len(a)], values[len(a) :], **options)


def test_interval_and_p_are_those_of_a_plain_loop_over_resampled_items():
    targets = RNG.integers(0, 2, N)
    a, b = (np.clip(targets * 0.3 + RNG.random(N) * scale, 0, 1) for scale in (0.7, 1.0))
    found = _compare(targets, [_probabilities(a)], [_probabilities(b)], "roc_auc", n_resamples=80)
    (weights_NR,) = item_resamples(N, 80, 0)
    drawn = []
    for counts in weights_NR.T[1:]:
        items = np.repeat(np.arange(N), counts)
        drawn.append(sk.roc_auc_score(targets[items], a[items]) - sk.roc_auc_score(targets[items], b[items]))
    assert found.value == pytest.approx(sk.roc_auc_score(targets, a) - sk.roc_auc_score(targets, b))
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(drawn, (0.025, 0.975))))
    error = np.std(drawn, ddof=1) * np.sqrt(N / (N - 1))
    assert found.p == pytest.approx(2 * stats.t.sf(abs(found.value) / error, N - 1))


def test_of_a_mean_over_items_p_is_that_of_the_paired_t_test():
    targets = RNG.normal(size=(25, 1))
    a, b = targets + RNG.normal(size=(25, 1)), targets + 1.5 * RNG.normal(size=(25, 1))
    found = _compare(targets, [a], [b], "mae", Task.REGRESSION, n_resamples=20_000, higher_is_better=False)
    exact = stats.ttest_rel(np.abs(a - targets)[:, 0], np.abs(b - targets)[:, 0])
    assert found.value == pytest.approx(np.abs(b - targets).mean() - np.abs(a - targets).mean())
    assert found.p == pytest.approx(exact.pvalue, rel=0.1)


def test_the_sign_says_who_is_better_whichever_way_the_metric_goes():
    targets = RNG.normal(size=(N, 1))
    near, far = targets + 0.1 * RNG.normal(size=(N, 1)), targets + RNG.normal(size=(N, 1))
    for metric, higher in (("mse", False), ("spearmanr", True)):
        found = _compare(targets, [near], [far], metric, Task.REGRESSION, higher_is_better=higher)
        back = _compare(targets, [far], [near], metric, Task.REGRESSION, higher_is_better=higher)
        assert 0 < found.low < found.value < found.high
        assert (back.value, back.low, back.high) == pytest.approx((-found.value, -found.high, -found.low))
        assert back.p == pytest.approx(found.p)


def test_identical_predictions_do_not_differ():
    targets, yes = RNG.integers(0, 2, N), _probabilities(RNG.random(N))
    found = _compare(targets, [yes], [yes.copy()])
    assert (found.value, found.low, found.high, found.p) == (0, None, None, 1)


@pytest.mark.parametrize(("n_items", "least"), [(1, 1.0), (2, 0.5), (6, 2.0**-5), (400, 0.0)])
def test_a_perfect_win_on_few_items_proves_no_more_than_so_many_signs_can(n_items, least):
    targets = np.arange(n_items) % 2
    right = np.eye(2)[targets]
    found = _compare(targets, [right], [1 - right])
    assert (found.value, found.low, found.high) == (1, None, None)
    assert found.p == pytest.approx(least, abs=1e-100)


def test_undefined_resamples_are_dropped_and_if_most_are_there_is_no_comparison():
    targets = np.array([0] * 12 + [1])
    a, b = (_probabilities(RNG.random(13)) for _ in range(2))
    found = _compare(targets, [a], [b], "roc_auc")
    assert found is not None
    assert found.low <= found.value <= found.high
    alone = np.zeros(13, dtype=np.int64)
    assert _compare(alone, [a], [b], "roc_auc") is None
    mostly = np.array([[0.5, np.nan, np.nan, 0.4]])
    assert paired_difference(mostly, mostly[:, ::-1], higher_is_better=True, n_items=9) is None


def test_seeds_that_disagree_widen_the_interval_and_the_value_is_the_difference_of_means():
    targets = RNG.integers(0, 2, N)
    good, bad = (np.where(RNG.random(N) < share, targets, 1 - targets) for share in (0.9, 0.6))
    middle = np.where(RNG.random(N) < 0.7, targets, 1 - targets)
    one = _compare(targets, [np.eye(2)[good]], [np.eye(2)[middle]])
    several = _compare(targets, [np.eye(2)[good], np.eye(2)[bad]], [np.eye(2)[middle]])
    shares = [(column == targets).mean() for column in (good, bad, middle)]
    assert several.value == pytest.approx(np.mean(shares[:2]) - shares[2])
    assert several.high - several.low > 1.5 * (one.high - one.low)
    assert several.p > one.p


@pytest.mark.parametrize("metric", ["accuracy", "roc_auc"])
def test_where_nothing_differs_a_twentieth_is_called_different(metric):
    """400 simulated pairs of equally good models, whose errors are partly the same: three standard errors."""
    rng = np.random.default_rng(5)
    found = []
    for _ in range(40):
        targets = rng.integers(0, 2, 250)
        hard = rng.normal(size=250)
        logits = [2 * targets - 1 + hard + rng.normal(size=250) for _ in range(11)]
        sides = [_probabilities(1 / (1 + np.exp(-side))) for side in logits]
        first, *others = replicates(Task.CLASSIFICATION, targets, sides, metric, n_resamples=200)[:, None]
        options = {"higher_is_better": True, "n_items": 250}
        found += [paired_difference(first, other, **options).p for other in others]
    # Ten pairs of a data set share a side, which leaves about as much noise as 100 pairs would.
    assert np.mean(np.array(found) < 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 100)
    assert np.mean(np.array(found) < 0.5) == pytest.approx(0.5, abs=3 * np.sqrt(0.25 / 100))


def test_where_one_is_better_it_is_found():
    rng = np.random.default_rng(6)
    targets = rng.integers(0, 2, 1000)
    a, b = (np.eye(2)[np.where(rng.random(1000) < share, targets, 1 - targets)] for share in (0.85, 0.75))
    found = _compare(targets, [a], [b], n_resamples=200)
    assert found.p < 1e-4
    assert found.low > 0
