"""Labels and targets that are not known of some items; held against scikit-learn 1.9 and SciPy 1.17."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from seqbench.core.types import Task
from seqbench.metrics import score
from seqbench.metrics.names import METRICS
from seqbench.metrics.replicating import replicates
from seqbench.metrics.resamples import item_resamples
from seqbench.metrics.thresholds import choose_thresholds

N, K = 90, 4
_RANDOM = np.random.default_rng(3)
_TRUE = (_RANDOM.random((N, K)) < (0.2, 0.4, 0.5, 0.7)).astype(np.int8)
HOLES = _RANDOM.random((N, K)) < 0.3
HOLES[HOLES.all(axis=1), 0] = False
LABELS = np.where(HOLES, -1, _TRUE).astype(np.int8)
CHANCES = np.round(np.clip(0.5 * _TRUE + 0.25 + 0.4 * _RANDOM.standard_normal((N, K)), 0, 1), 2)
VALUES = np.where(HOLES, np.nan, np.round(_RANDOM.standard_normal((N, K)), 1))
PREDICTED = np.round(np.nan_to_num(VALUES) + _RANDOM.standard_normal((N, K)), 1)


def _columns(targets, predictions):
    """Each output's known targets and what was predicted for these."""
    known = ~(np.isnan(targets) if targets.dtype.kind == "f" else targets < 0)
    return [(targets[rows, k], predictions[rows, k]) for k, rows in enumerate(known.T)]


def _mean(metric, columns):
    return pytest.approx(np.mean([metric(*each) for each in columns]))


def _values(task, targets, predictions):
    scores, by_output = score(task, targets, predictions, n_resamples=0)
    return {one.metric: one.value for one in scores}, by_output


def test_labels_are_scored_on_the_items_where_each_is_known():
    found, by_label = _values(Task.LABELS, LABELS, CHANCES)
    columns = _columns(LABELS, CHANCES)
    assert found["roc_auc"] == _mean(sk.roc_auc_score, columns)
    assert found["auprc"] == _mean(sk.average_precision_score, columns)
    assert found["brier"] == _mean(sk.brier_score_loss, columns)
    answers = [(true, chance > 0.5) for true, chance in columns]
    assert found["mcc"] == _mean(sk.matthews_corrcoef, answers)
    assert found["balanced_accuracy"] == _mean(sk.balanced_accuracy_score, answers)
    f1 = [sk.f1_score(*each) for each in answers]
    assert [each.value for each in by_label if each.metric == "f1"] == pytest.approx(f1)
    assert found["f1"] == pytest.approx(np.mean(f1))


def test_micro_averages_are_over_all_labels_that_are_known():
    found, _ = _values(Task.LABELS, LABELS, CHANCES)
    true, chance = (np.concatenate(parts) for parts in zip(*_columns(LABELS, CHANCES), strict=True))
    assert found["f1_micro"] == pytest.approx(sk.f1_score(true, chance > 0.5))
    assert found["precision_micro"] == pytest.approx(sk.precision_score(true, chance > 0.5))
    assert found["recall_micro"] == pytest.approx(sk.recall_score(true, chance > 0.5))
    assert found["accuracy"] == pytest.approx((((CHANCES > 0.5) == LABELS) | HOLES).all(axis=1).mean())


def test_targets_are_scored_on_the_items_where_each_is_known():
    found, by_target = _values(Task.REGRESSION, VALUES, PREDICTED)
    columns = _columns(VALUES, PREDICTED)
    assert found["mse"] == _mean(sk.mean_squared_error, columns)
    assert found["mcrmse"] == _mean(sk.root_mean_squared_error, columns)
    assert found["r2"] == _mean(sk.r2_score, columns)
    assert found["pearsonr"] == _mean(lambda *each: stats.pearsonr(*each)[0], columns)
    assert found["spearmanr"] == _mean(lambda *each: stats.spearmanr(*each)[0], columns)
    assert found["kendalltau"] == _mean(lambda *each: stats.kendalltau(*each)[0], columns)
    assert [each.support for each in by_target if each.metric == "mse"] == [len(true) for true, _ in columns]


@pytest.mark.parametrize(
    ("task", "targets", "predictions"), [(Task.LABELS, LABELS, CHANCES), (Task.REGRESSION, VALUES, PREDICTED)]
)
def test_a_resample_is_scored_as_the_items_that_it_drew(task, targets, predictions):
    weights = next(iter(item_resamples(N, 3, 0)))[:, 2]
    drawn = np.repeat(np.arange(N), weights)
    wanted, _ = _values(task, targets[drawn], predictions[drawn])
    for metric in METRICS[task]:
        found = replicates(task, targets, [predictions], metric, n_resamples=3)[0]
        assert found[2] == pytest.approx(wanted[metric]), metric


@pytest.mark.parametrize(
    ("task", "targets", "predictions"), [(Task.LABELS, LABELS, CHANCES), (Task.REGRESSION, VALUES, PREDICTED)]
)
def test_intervals_and_comparisons_rest_on_the_same_numbers(task, targets, predictions):
    for one in score(task, targets, predictions, n_resamples=200)[0]:
        found = replicates(task, targets, [predictions], one.metric, n_resamples=200)[0]
        assert found[0] == pytest.approx(one.value)
        assert [one.low, one.high] == pytest.approx(np.nanquantile(found[1:], [0.025, 0.975])), one.metric


@pytest.mark.parametrize(
    ("task", "targets", "predictions", "hole"),
    [(Task.LABELS, LABELS, CHANCES, -1), (Task.REGRESSION, VALUES, PREDICTED, np.nan)],
)
def test_what_is_known_of_no_item_is_in_no_average_and_says_so(task, targets, predictions, hole):
    rows, kept = ~HOLES[:, [0, 2, 3]].all(axis=1), [0, 2, 3]
    targets, predictions = targets[rows].copy(), predictions[rows]
    targets[:, 1] = hole
    found, by_output = _values(task, targets, predictions)
    assert found == pytest.approx(_values(task, targets[:, kept], predictions[:, kept])[0])
    unknown = {(each.value, each.reason) for each in by_output if each.label == 1}
    assert unknown == {(None, "not known of any item of the split")}


def test_thresholds_are_chosen_on_the_items_where_a_label_is_known():
    found = choose_thresholds(Task.LABELS, LABELS, CHANCES, "f1")
    alone = [
        choose_thresholds(Task.LABELS, true[:, None], chance[:, None], "f1")[0]
        for true, chance in _columns(LABELS, CHANCES)
    ]
    assert found == pytest.approx(tuple(alone))
