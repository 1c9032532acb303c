"""Folds: balance against scikit-learn, equal sizes, and the same ones by seed."""

import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold

from seqbench.core.types import Task
from seqbench.stratification.folds import folds_of

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("task", "targets"),
    [
        (Task.CLASSIFICATION, RANDOM.integers(0, 3, 503)),
        (Task.LABELS, RANDOM.integers(0, 2, (503, 4))),
        (Task.REGRESSION, RANDOM.normal(size=(503, 1))),
        (Task.REGRESSION, RANDOM.normal(size=(503, 3))),
    ],
)
def test_every_item_is_in_one_fold_of_a_size_by_seed(task, targets):
    fold = folds_of(targets, task, 5, seed=1)
    assert sorted(np.bincount(fold)) == [100, 100, 101, 101, 101]
    np.testing.assert_array_equal(fold, folds_of(targets, task, 5, seed=1))
    assert not np.array_equal(fold, folds_of(targets, task, 5, seed=2))


@pytest.mark.parametrize("folds", [2, 3, 10])
def test_each_class_is_spread_as_scikit_learn_spreads_it(folds):
    classes = RANDOM.choice(4, 331, p=[0.6, 0.25, 0.1, 0.05])
    fold = folds_of(classes, Task.CLASSIFICATION, folds, seed=3)
    ours = [np.bincount(classes[fold == f], minlength=4) for f in range(folds)]
    split = StratifiedKFold(folds, shuffle=True, random_state=0).split(classes, classes)
    theirs = [np.bincount(classes[held], minlength=4) for _, held in split]
    np.testing.assert_array_equal(np.sort(ours, axis=0), np.sort(theirs, axis=0))
    assert np.ptp(ours, axis=0).max() <= 1


def test_a_class_of_fewer_items_than_folds_is_absent_from_some():
    classes = np.array([0] * 40 + [1] * 2)
    fold = folds_of(classes, Task.CLASSIFICATION, 5, seed=0)
    assert sorted(np.bincount(fold[classes == 1], minlength=5)) == [0, 0, 0, 1, 1]


def test_rare_labels_are_spread_more_evenly_than_at_random():
    labels = np.random.default_rng(5).random((2003, 6)) < [0.01, 0.02, 0.1, 0.3, 0.6, 0.05]
    fold = folds_of(labels.astype(np.int8), Task.LABELS, 5, seed=0)
    counts = np.array([labels[fold == f].sum(axis=0) for f in range(5)])
    assert np.ptp(counts, axis=0).max() <= 2


def test_many_labels_deviate_by_less_than_half_of_what_chance_does():
    rng = np.random.default_rng(1)
    labels = rng.random((2000, 60)) < rng.random(60) * 0.2

    def deviation(fold):
        return np.std([labels[fold == f].sum(axis=0) for f in range(5)], axis=0).mean()

    assert deviation(folds_of(labels, Task.LABELS, 5, seed=0)) < deviation(rng.permutation(2000) % 5) / 2


def test_items_without_labels_are_spread_too():
    labels = np.zeros((100, 3), dtype=np.int8)
    labels[:20, 0] = 1
    fold = folds_of(labels, Task.LABELS, 5, seed=0)
    assert np.bincount(fold[:20]).tolist() == [4] * 5
    assert np.bincount(fold).tolist() == [20] * 5


@pytest.mark.parametrize("n_targets", [1, 3])
def test_folds_of_values_cover_the_range_of_every_target(n_targets):
    values = np.random.default_rng(2).gamma(1.0, size=(1000, n_targets)) * np.logspace(0, 3, n_targets)
    fold = folds_of(values, Task.REGRESSION, 5, seed=0)
    tenths = np.argsort(np.argsort(values, axis=0), axis=0) // 100
    for target in range(n_targets):
        counts = [np.bincount(tenths[fold == f, target], minlength=10) for f in range(5)]
        assert np.abs(np.array(counts) - 20).max() <= 2


def test_neighbours_in_value_are_in_different_folds():
    values = np.random.default_rng(3).normal(size=(50, 1))
    fold = folds_of(values, Task.REGRESSION, 5, seed=0)
    ordered = fold[np.argsort(values[:, 0])].reshape(10, 5)
    assert (np.sort(ordered, axis=1) == np.arange(5)).all()


def test_more_folds_than_items_leave_some_empty():
    assert len(set(folds_of(np.array([0, 1, 0]), Task.CLASSIFICATION, 5, seed=0).tolist())) == 3
