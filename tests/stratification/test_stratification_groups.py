"""Groups of items that stay together in folds and in what is held out; balance against scikit-learn 1.9."""

import numpy as np
import pytest
from sklearn.model_selection import StratifiedGroupKFold

from seqbench.core.types import Task
from seqbench.errors import ProbeError
from seqbench.stratification.folds import folds_of
from seqbench.stratification.holdout import holdout
from seqbench.stratification.shares import grouped_folds

RANDOM = np.random.default_rng(4)
SIZES = np.minimum(60, RANDOM.zipf(1.6, 160))
GROUPS = RANDOM.permutation(np.repeat(np.arange(len(SIZES)) * 7919, SIZES))
N = len(GROUPS)
CLASSES = (GROUPS % 4 + (RANDOM.random(N) < 0.2)) % 4
TARGETS = [
    (Task.CLASSIFICATION, CLASSES),
    (Task.LABELS, np.where(RANDOM.random((N, 3)) < 0.1, -1, RANDOM.integers(0, 2, (N, 3)))),
    (Task.REGRESSION, RANDOM.normal(size=(N, 2))),
]


@pytest.mark.parametrize(("task", "targets"), TARGETS)
def test_a_group_is_in_one_fold_and_folds_are_of_a_size(task, targets):
    fold_N = grouped_folds([(targets, task)], 5, 1, GROUPS)
    assert all(len(set(fold_N[group == GROUPS])) == 1 for group in np.unique(GROUPS))
    assert np.bincount(fold_N, minlength=5) == pytest.approx(N / 5, rel=0.1)
    np.testing.assert_array_equal(fold_N, grouped_folds([(targets, task)], 5, 1, GROUPS))


def _uneven(fold_N, classes):
    """Pearson's chi-square of the folds' sizes and classes."""
    counts = np.stack([np.bincount(classes[fold_N == fold], minlength=4) for fold in range(5)])
    counts = np.column_stack([counts.sum(axis=1), counts])
    wanted = counts.sum(axis=0) / 5
    return ((counts - wanted) ** 2 / wanted).sum()


def test_sizes_and_classes_are_as_even_as_scikit_learns_stratified_groups():
    ours, theirs = 0.0, 0.0
    for seed, (n_groups, noise) in enumerate([(160, 0.2), (60, 0.0), (40, 0.9), (300, 0.3), (25, 0.5)]):
        random = np.random.default_rng(seed)
        groups = np.repeat(np.arange(n_groups), np.minimum(60, random.zipf(1.6, n_groups)))
        classes = (groups + (random.random(len(groups)) < noise) * random.integers(0, 4, len(groups))) % 4
        ours += _uneven(grouped_folds([(classes, Task.CLASSIFICATION)], 5, 0, groups), classes)
        folds = np.empty(len(groups), dtype=int)
        for fold, (_, held) in enumerate(StratifiedGroupKFold(5).split(groups, classes, groups)):
            folds[held] = fold
        theirs += _uneven(folds, classes)
    assert ours <= theirs


def test_items_that_are_groups_of_their_own_are_in_the_folds_of_items():
    alone = grouped_folds([(CLASSES, Task.CLASSIFICATION)], 5, 3, np.arange(N))
    np.testing.assert_array_equal(alone, folds_of(CLASSES, Task.CLASSIFICATION, 5, 3))


def test_fewer_groups_than_folds_are_refused():
    with pytest.raises(
        ProbeError, match=r"train has 2 groups .*\(group_key\), too few for 3 folds \(set folds"
    ):
        grouped_folds([(np.zeros(6), Task.CLASSIFICATION)], 3, 0, np.array([1, 1, 1, 2, 2, 2]))


@pytest.mark.parametrize(("task", "targets"), TARGETS)
def test_whole_groups_are_held_out(task, targets):
    kept, held = holdout(targets, task, 1, groups_N=GROUPS)
    assert sorted([*kept, *held]) == list(range(N))
    assert not set(GROUPS[kept]) & set(GROUPS[held])
    assert len(held) == pytest.approx(N / 10, rel=0.35)


def test_a_class_of_one_group_stays_in_train():
    classes, groups = np.array([0, 0, 0, 0, 1, 1]), np.array([1, 1, 2, 2, 3, 3])
    for seed in range(5):
        kept, _ = holdout(classes, Task.CLASSIFICATION, seed, groups_N=groups)
        assert set(classes[kept]) == {0, 1}
    with pytest.raises(ProbeError, match="train has 1 group of items that stay together"):
        holdout(classes, Task.CLASSIFICATION, 0, groups_N=np.ones(6, dtype=int))
