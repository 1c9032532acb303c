import numpy as np
import pytest
from sklearn import metrics as sk

from seqbench.metrics import score
from seqbench.vocabulary import Task


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


def test_a_split_without_any_positive_label_has_only_an_accuracy():
    probabilities = multi_label(50, 3, seed=3)[1]
    found = results(np.zeros((50, 3), dtype=int), probabilities)
    assert [metric for metric, entry in found.items() if entry.value is not None] == ["accuracy"]
    assert found["roc_auc"].reason == "every label is constant in the split"
    assert found["f1"].reason == "no label has a positive item in the split"


def test_label_scores_equal_scikit_learns_by_label_and_count_positives():
    targets, probabilities = multi_label(200, 3, seed=4)
    _, by_label = score(Task.LABELS, targets, probabilities, n_resamples=0)
    recall = {entry.label: entry.value for entry in by_label if entry.metric == "recall"}
    expected = sk.recall_score(targets, probabilities > 0.5, average=None)
    assert recall == pytest.approx(dict(enumerate(expected)), abs=1e-9)
    assert {entry.label: entry.support for entry in by_label} == dict(enumerate(targets.sum(axis=0)))
