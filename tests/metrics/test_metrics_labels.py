import numpy as np
import pytest
from sklearn import metrics as sk

from seqbench.core.types import Task
from seqbench.metrics import score
from tests.metrics.plain_calibration import expected_calibration_error


def multi_label(n_items, n_labels, seed, ties=False):
    rng = np.random.default_rng(seed)
    targets = (rng.random((n_items, n_labels)) < 0.3).astype(int)
    scores = np.clip(0.6 * rng.random((n_items, n_labels)) + 0.3 * targets, 0, 1)
    return targets, np.round(scores, 1) if ties else scores


def results(targets, probabilities):
    scores, _ = score(Task.LABELS, targets, probabilities, n_resamples=0)
    return {entry.metric: entry for entry in scores}


def values(targets, probabilities):
    return {metric: entry.value for metric, entry in results(targets, probabilities).items()}


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("n_labels", [1, 5])
def test_label_metrics_equal_scikit_learns(n_labels, ties):
    targets, probabilities = multi_label(250, n_labels, n_labels, ties)
    predicted = (probabilities > 0.5).astype(int)
    columns = range(n_labels)
    macro = {"average": "macro", "zero_division": 0}
    expected = {
        "accuracy": np.mean((targets == predicted).all(axis=1)),
        "balanced_accuracy": np.mean(
            [sk.balanced_accuracy_score(targets[:, k], predicted[:, k]) for k in columns]
        ),
        "roc_auc": np.mean([sk.roc_auc_score(targets[:, k], probabilities[:, k]) for k in columns]),
        "auprc": np.mean([sk.average_precision_score(targets[:, k], probabilities[:, k]) for k in columns]),
        "precision": np.mean([sk.precision_score(targets[:, k], predicted[:, k]) for k in columns]),
        "recall": np.mean([sk.recall_score(targets[:, k], predicted[:, k]) for k in columns]),
        "f1": np.mean([sk.f1_score(targets[:, k], predicted[:, k]) for k in columns]),
        "mcc": np.mean([sk.matthews_corrcoef(targets[:, k], predicted[:, k]) for k in columns]),
        "precision_micro": sk.precision_score(targets.ravel(), predicted.ravel()),
        "recall_micro": sk.recall_score(targets.ravel(), predicted.ravel()),
        "f1_micro": sk.f1_score(targets.ravel(), predicted.ravel()),
        "brier": np.mean([sk.brier_score_loss(targets[:, k], probabilities[:, k]) for k in columns]),
        "ece": np.mean([expected_calibration_error(probabilities[:, k], targets[:, k]) for k in columns]),
    }
    assert values(targets, probabilities) == pytest.approx(expected, abs=1e-9)
    if n_labels > 1:
        assert expected["f1"] == pytest.approx(sk.f1_score(targets, predicted, **macro))


def test_constant_labels_leave_the_averages_that_they_have_no_value_for():
    targets, probabilities = multi_label(200, 4, seed=1)
    targets[:, 1], targets[:, 2] = 0, 1
    found = results(targets, probabilities)
    kept = [sk.roc_auc_score(targets[:, k], probabilities[:, k]) for k in (0, 3)]
    assert found["roc_auc"].value == pytest.approx(np.mean(kept), abs=1e-9)
    assert found["mcc"].reason == "average without labels 1, 2: constant in the split"


def test_a_label_without_positives_counts_zero_in_f1_as_in_scikit_learn_and_says_so():
    targets, probabilities = multi_label(200, 4, seed=2)
    targets[:, 3] = 0
    found = results(targets, probabilities)["f1"]
    assert found.value == pytest.approx(
        sk.f1_score(targets, probabilities > 0.5, average="macro", zero_division=0), abs=1e-9
    )
    assert found.reason == "label 3 without a positive item in the split counted as 0"


def test_a_split_without_any_positive_label_has_only_an_accuracy_and_a_calibration():
    probabilities = multi_label(50, 3, seed=3)[1]
    found = results(np.zeros((50, 3), dtype=int), probabilities)
    assert [metric for metric, entry in found.items() if entry.value is not None] == [
        "accuracy",
        "brier",
        "ece",
    ]
    assert found["roc_auc"].reason == "every label is constant in the split"
    assert found["f1"].reason == found["f1_micro"].reason == "no label has a positive item in the split"


def test_label_scores_equal_scikit_learns_by_label_and_count_positives():
    targets, probabilities = multi_label(200, 3, seed=4)
    _, by_label = score(Task.LABELS, targets, probabilities, n_resamples=0)
    found = {(entry.label, entry.metric): entry.value for entry in by_label}
    for k in range(3):
        actual, scores, yes = targets[:, k], probabilities[:, k], probabilities[:, k] > 0.5
        expected = {
            "precision": sk.precision_score(actual, yes),
            "recall": sk.recall_score(actual, yes),
            "f1": sk.f1_score(actual, yes),
            "mcc": sk.matthews_corrcoef(actual, yes),
            "roc_auc": sk.roc_auc_score(actual, scores),
            "auprc": sk.average_precision_score(actual, scores),
            "brier": sk.brier_score_loss(actual, scores),
            "ece": expected_calibration_error(scores, actual),
        }
        assert {m: found[k, m] for m in expected} == pytest.approx(expected, abs=1e-9)
    assert {entry.label: entry.support for entry in by_label} == dict(enumerate(targets.sum(axis=0)))


def test_each_label_is_decided_by_its_own_threshold_itself_included():
    targets, probabilities = multi_label(200, 3, seed=5, ties=True)
    thresholds = [0.2, 0.5, 0.7]
    predicted = probabilities >= np.array(thresholds)
    scores, _ = score(Task.LABELS, targets, probabilities, thresholds=thresholds, n_resamples=0)
    found = {entry.metric: entry.value for entry in scores}
    assert found["accuracy"] == np.mean((targets == predicted).all(axis=1))
    assert found["f1"] == pytest.approx(sk.f1_score(targets, predicted, average="macro"), abs=1e-9)
    assert found["f1_micro"] == pytest.approx(sk.f1_score(targets, predicted, average="micro"), abs=1e-9)
    assert found["brier"] == values(targets, probabilities)["brier"]


def test_a_label_that_no_item_carries_has_a_calibration_and_nothing_else():
    targets, probabilities = multi_label(100, 2, seed=6)
    targets[:, 0] = 0
    _, by_label = score(Task.LABELS, targets, probabilities, n_resamples=0)
    absent = {entry.metric: entry for entry in by_label if entry.label == 0}
    assert {metric for metric, entry in absent.items() if entry.value is not None} == {"brier", "ece"}
    assert absent["mcc"].reason == "no item of the split carries this label"


@pytest.mark.parametrize("edge", [0.0, 1 / 15, 0.2, 0.6, 1.0])
def test_probabilities_on_the_edge_of_a_bin_belong_to_the_one_below(edge):
    probabilities = np.array([edge, edge, min(edge + 0.01, 1), 0.5])[:, None]
    targets = np.array([0, 1, 0, 1])[:, None]
    expected = expected_calibration_error(probabilities[:, 0], targets[:, 0])
    assert values(targets, probabilities)["ece"] == pytest.approx(expected, abs=1e-12)
