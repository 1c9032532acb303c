import numpy as np
import pytest
from sklearn import metrics as sk

from seqbench.core.types import Task
from seqbench.metrics import METRICS, score
from tests.metrics.plain_calibration import expected_calibration_error


def classification(n_items, n_classes, seed, ties=False):
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, n_classes, n_items)
    scores = rng.dirichlet(np.ones(n_classes), n_items) + 0.5 * np.eye(n_classes)[targets]
    if ties:
        scores = np.round(scores, 1) + 0.05
    return targets, scores / scores.sum(axis=1, keepdims=True)


def values(targets, probabilities):
    scores, _ = score(Task.CLASSIFICATION, targets, probabilities, n_resamples=0)
    return {entry.metric: entry.value for entry in scores}


def reasons(targets, probabilities):
    scores, _ = score(Task.CLASSIFICATION, targets, probabilities, n_resamples=0)
    return {entry.metric: entry.reason for entry in scores if entry.reason}


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_binary_metrics_equal_scikit_learns(seed, ties):
    targets, probabilities = classification(300, 2, seed, ties)
    predicted, positive = probabilities.argmax(axis=1), probabilities[:, 1]
    assert values(targets, probabilities) == pytest.approx(
        {
            "accuracy": sk.accuracy_score(targets, predicted),
            "balanced_accuracy": sk.balanced_accuracy_score(targets, predicted),
            "roc_auc": sk.roc_auc_score(targets, positive),
            "auprc": sk.average_precision_score(targets, positive),
            "precision": sk.precision_score(targets, predicted),
            "recall": sk.recall_score(targets, predicted),
            "f1": sk.f1_score(targets, predicted),
            "mcc": sk.matthews_corrcoef(targets, predicted),
            "brier": sk.brier_score_loss(targets, positive),
            "ece": expected_calibration_error(probabilities.max(axis=1), predicted == targets),
        },
        abs=1e-9,
    )


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("n_classes", [3, 8])
def test_multi_class_metrics_equal_scikit_learns_macro_averages(n_classes, ties):
    targets, probabilities = classification(400, n_classes, n_classes, ties)
    predicted = probabilities.argmax(axis=1)
    macro = {"average": "macro", "zero_division": 0}
    assert values(targets, probabilities) == pytest.approx(
        {
            "accuracy": sk.accuracy_score(targets, predicted),
            "balanced_accuracy": sk.balanced_accuracy_score(targets, predicted),
            "roc_auc": sk.roc_auc_score(targets, probabilities, multi_class="ovr", average="macro"),
            "auprc": sk.average_precision_score(np.eye(n_classes)[targets], probabilities, average="macro"),
            "precision": sk.precision_score(targets, predicted, **macro),
            "recall": sk.recall_score(targets, predicted, **macro),
            "f1": sk.f1_score(targets, predicted, **macro),
            "mcc": sk.matthews_corrcoef(targets, predicted),
            "brier": sk.brier_score_loss(targets, probabilities, labels=range(n_classes)),
            "ece": expected_calibration_error(probabilities.max(axis=1), predicted == targets),
        },
        abs=1e-9,
    )


def test_a_class_missing_in_the_split_leaves_ranking_averages_but_is_punished_when_predicted():
    targets, probabilities = classification(200, 4, seed=1)
    targets[targets == 2] = 0
    predicted, scores = probabilities.argmax(axis=1), values(targets, probabilities)
    present = [sk.roc_auc_score(targets == label, probabilities[:, label]) for label in (0, 1, 3)]
    assert scores["roc_auc"] == pytest.approx(np.mean(present), abs=1e-9)
    assert scores["f1"] == pytest.approx(
        sk.f1_score(targets, predicted, average="macro", zero_division=0), abs=1e-9
    )
    assert reasons(targets, probabilities)["roc_auc"] == "average without class 2: not in the split"


def test_a_class_neither_present_nor_predicted_does_not_count():
    targets, probabilities = classification(100, 3, seed=2)
    wider = np.hstack([probabilities, np.zeros((100, 1))])
    assert values(targets, wider) == pytest.approx(values(targets, probabilities), abs=1e-12)


@pytest.mark.parametrize("only", [0, 1])
def test_one_class_in_the_split_leaves_metrics_undefined_with_a_reason(only):
    probabilities = classification(50, 2, seed=3)[1]
    scores = values(np.full(50, only), probabilities)
    assert scores["accuracy"] == np.mean(probabilities.argmax(axis=1) == only)
    undefined = {metric for metric, value in scores.items() if value is None}
    rest = {"precision", "recall", "f1"} if only == 0 else set()
    assert undefined == {"balanced_accuracy", "roc_auc", "auprc", "mcc"} | rest
    assert set(reasons(np.full(50, only), probabilities)) == undefined


def test_constant_predictions_of_two_classes_have_an_mcc_of_zero_as_in_scikit_learn():
    targets = np.array([0, 1, 1, 0])
    scores = values(targets, np.tile([0.9, 0.1], (4, 1)))
    assert scores["mcc"] == 0
    assert scores["roc_auc"] == 0.5
    assert scores["precision"] == 0


def test_scores_come_in_the_order_of_the_task_and_do_not_depend_on_integer_width():
    targets, probabilities = classification(300, 20, seed=4)
    scores, _ = score(Task.CLASSIFICATION, targets.astype(np.uint8), probabilities, n_resamples=0)
    assert tuple(entry.metric for entry in scores) == METRICS[Task.CLASSIFICATION]
    assert scores[0].value == values(targets, probabilities)["accuracy"]


def test_class_scores_equal_scikit_learns_by_class():
    targets, probabilities = classification(300, 3, seed=5)
    precision, recall, f1, support = sk.precision_recall_fscore_support(targets, probabilities.argmax(axis=1))
    _, by_class = score(Task.CLASSIFICATION, targets, probabilities, n_resamples=0)
    found = {(entry.label, entry.metric): entry.value for entry in by_class}
    for label in range(3):
        alone, scores = targets == label, probabilities[:, label]
        expected = {
            "precision": precision[label],
            "recall": recall[label],
            "f1": f1[label],
            "mcc": sk.matthews_corrcoef(alone, probabilities.argmax(axis=1) == label),
            "roc_auc": sk.roc_auc_score(alone, scores),
            "auprc": sk.average_precision_score(alone, scores),
        }
        assert {m: found[label, m] for m in expected} == pytest.approx(expected, abs=1e-9)
    assert {entry.label: entry.support for entry in by_class} == dict(enumerate(support))


def test_a_class_without_items_has_no_class_scores_but_a_reason():
    targets, probabilities = classification(60, 3, seed=6)
    targets[targets == 1] = 2
    _, by_class = score(Task.CLASSIFICATION, targets, probabilities, n_resamples=0)
    absent = [entry for entry in by_class if entry.label == 1]
    assert [entry.value for entry in absent] == [None] * 6
    assert {entry.reason for entry in absent} == {"no item of the split is of this class"}


def test_a_class_that_all_items_are_of_has_no_ranking_nor_mcc_but_a_precision():
    probabilities = classification(40, 2, seed=7)[1]
    _, by_class = score(Task.CLASSIFICATION, np.ones(40, dtype=int), probabilities, n_resamples=0)
    found = {entry.metric: entry for entry in by_class if entry.label == 1}
    assert {metric for metric, entry in found.items() if entry.value is None} == {"mcc", "roc_auc", "auprc"}
    assert found["mcc"].reason == "all items of the split are of this class"
    assert found["precision"].value == 1


def test_a_threshold_moves_decisions_between_two_classes_and_leaves_probabilities():
    targets, probabilities = classification(300, 2, seed=8, ties=True)
    cut = probabilities[0, 1]
    scores, by_class = score(Task.CLASSIFICATION, targets, probabilities, thresholds=[cut], n_resamples=50)
    found = {entry.metric: entry.value for entry in scores}
    yes = probabilities[:, 1] >= cut
    decided = {
        "accuracy": sk.accuracy_score(targets, yes),
        "balanced_accuracy": sk.balanced_accuracy_score(targets, yes),
        "precision": sk.precision_score(targets, yes),
        "recall": sk.recall_score(targets, yes),
        "f1": sk.f1_score(targets, yes),
        "mcc": sk.matthews_corrcoef(targets, yes),
    }
    assert found == pytest.approx(values(targets, probabilities) | decided, abs=1e-9)
    recall = [entry.value for entry in by_class if entry.metric == "recall"]
    assert recall == pytest.approx(sk.recall_score(targets, yes, average=None), abs=1e-9)


def test_without_a_threshold_an_even_chance_is_the_first_class_and_with_one_half_a_yes():
    targets, even = np.array([0, 0, 1, 1]), np.full((4, 2), 0.5)
    assert values(targets, even)["recall"] == 0
    scores, _ = score(Task.CLASSIFICATION, targets, even, thresholds=(0.5,), n_resamples=0)
    assert {entry.metric: entry.value for entry in scores}["recall"] == 1
