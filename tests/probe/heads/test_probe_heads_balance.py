import numpy as np
import pytest
from sklearn.utils.class_weight import compute_sample_weight

from seqbench.core.types import Task
from seqbench.probe.heads import Problem
from seqbench.probe.heads.balance import balanced_weights

CLASSES = Problem(task=Task.CLASSIFICATION, n_outputs=5)
LABELS = Problem(task=Task.LABELS, n_outputs=3)


def test_classes_weigh_as_scikit_learns_balanced_and_add_up_to_the_items():
    train = np.random.default_rng(0).choice(5, 200, p=[0.7, 0.2, 0.05, 0.05, 0])
    found = balanced_weights("balanced", CLASSES, train, train)
    np.testing.assert_allclose(found, compute_sample_weight("balanced", train))
    assert found.sum() == pytest.approx(200)


def test_labels_weigh_each_by_itself():
    train = (np.random.default_rng(1).random((200, 3)) < [0.5, 0.1, 0.9]).astype(np.int8)
    found = balanced_weights("balanced", LABELS, train, train)
    for label in range(3):
        np.testing.assert_allclose(found[:, label], compute_sample_weight("balanced", train[:, label]))


def test_eval_has_the_weights_of_train_and_1_for_what_train_lacks():
    found = balanced_weights("balanced", CLASSES, np.array([0, 0, 0, 1]), np.array([0, 1, 4]))
    np.testing.assert_allclose(found, [4 / 6, 4 / 2, 1])
    train = np.array([[1, 1, 0], [0, 1, 0]])
    found = balanced_weights("balanced", LABELS, train, np.array([[1, 0, 1]]))
    np.testing.assert_allclose(found, [[1, 1, 1]])


def test_nothing_is_weighed_unless_asked_and_never_values():
    assert balanced_weights("none", CLASSES, np.array([0, 1]), np.array([0])) is None
    values = Problem(task=Task.REGRESSION, n_outputs=1)
    assert balanced_weights("balanced", values, np.array([[0.5]]), np.array([[0.5]])) is None
