import numpy as np
import pytest

from seqbench.core.types import Task
from seqbench.errors import ProbeError
from seqbench.stratification.holdout import holdout

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("task", "targets"),
    [
        (Task.CLASSIFICATION, RANDOM.integers(0, 3, 500)),
        (Task.LABELS, RANDOM.integers(0, 2, (500, 4))),
        (Task.REGRESSION, RANDOM.normal(size=(500, 2))),
    ],
)
def test_a_tenth_is_held_out_sorted_once_each_and_by_seed(task, targets):
    kept, held = holdout(targets, task, seed=1)
    assert sorted([*kept, *held]) == list(range(500))
    assert len(held) == pytest.approx(50, abs=3 if task is Task.LABELS else 0)
    assert (np.diff(kept) > 0).all()
    assert (np.diff(held) > 0).all()
    np.testing.assert_array_equal(held, holdout(targets, task, seed=1)[1])
    assert not np.array_equal(held, holdout(targets, task, seed=2)[1])


def test_each_class_gives_its_share():
    classes = np.repeat([0, 1, 2], [700, 250, 50])
    _, held = holdout(classes, Task.CLASSIFICATION, seed=0)
    assert np.bincount(classes[held]).tolist() == [70, 25, 5]


def test_a_class_of_one_item_stays_in_train_and_no_class_leaves_it():
    classes = np.array([0] * 30 + [1] * 2 + [2])
    for seed in range(20):
        kept, held = holdout(classes, Task.CLASSIFICATION, seed, fraction=0.5)
        assert set(classes[kept]) == {0, 1, 2}
        assert 2 not in classes[held]


def test_rare_labels_are_shared_out_as_common_ones():
    labels = np.random.default_rng(5).random((2000, 5)) < [0.01, 0.02, 0.1, 0.3, 0.6]
    _, held = holdout(labels.astype(np.int8), Task.LABELS, seed=3)
    shares = labels[held].sum(0) / labels.sum(0)
    assert shares == pytest.approx([0.1] * 5, abs=0.03)
    assert labels[held].any(axis=0).all()


def test_items_without_labels_are_held_out_too():
    labels = np.zeros((100, 3), dtype=np.int8)
    labels[:20, 0] = 1
    _, held = holdout(labels, Task.LABELS, seed=0)
    assert ((held < 20).sum(), len(held)) == (2, 10)


@pytest.mark.parametrize("task", list(Task))
def test_two_items_are_enough_for_one_each(task):
    targets = np.zeros(2, dtype=int) if task is Task.CLASSIFICATION else np.zeros((2, 1))
    kept, held = holdout(targets, task, seed=0)
    assert (len(kept), len(held)) == (1, 1)


@pytest.mark.parametrize("classes", [[0], [0, 1, 2]])
def test_too_few_items_are_refused_with_the_way_out(classes):
    with pytest.raises(ProbeError, match="add an eval split"):
        holdout(np.array(classes), Task.CLASSIFICATION, seed=0)
