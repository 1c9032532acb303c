"""Draws from train: how many of each, nested, and the same ones by seed and repeat."""

import numpy as np
import pytest

from seqbench.core.types import Task
from seqbench.probe.spec import Subset
from seqbench.probe.subsets import leaves_out, subset_of

RANDOM = np.random.default_rng(0)
CLASSES = RANDOM.choice(3, 400, p=[0.7, 0.25, 0.05])
LABELS = (RANDOM.random((400, 5)) < [0.02, 0.05, 0.2, 0.4, 0.1]).astype(np.int8)
VALUES = RANDOM.normal(size=(400, 2))
TARGETS = [(Task.CLASSIFICATION, CLASSES), (Task.LABELS, LABELS), (Task.REGRESSION, VALUES)]


def draw(targets, task, kind, amount, repeat=0, seed=7):
    return subset_of([(targets, task)], Subset(kind=kind, amount=amount, repeat=repeat), seed)


@pytest.mark.parametrize("kind", ["few-shot", "size"])
@pytest.mark.parametrize(("task", "targets"), TARGETS)
def test_small_draws_lie_in_larger_ones_of_the_same_seed_and_repeat(task, targets, kind):
    before = set()
    for amount in (1, 2, 5, 10, 17, 60):
        drawn = draw(targets, task, kind, amount)
        assert (np.diff(drawn) > 0).all()
        assert before <= set(drawn.tolist())
        before = set(drawn.tolist())


@pytest.mark.parametrize("kind", ["few-shot", "size"])
@pytest.mark.parametrize(("task", "targets"), TARGETS)
def test_draws_differ_by_repeat_and_seed_and_are_the_same_again(task, targets, kind):
    first = draw(targets, task, kind, 10)
    np.testing.assert_array_equal(first, draw(targets, task, kind, 10))
    assert not np.array_equal(first, draw(targets, task, kind, 10, repeat=1))
    assert not np.array_equal(first, draw(targets, task, kind, 10, seed=8))


def test_few_shot_takes_so_many_items_of_each_class_or_all_it_has():
    rare = int((CLASSES == 2).sum())
    for shots in (1, 5, 50):
        drawn = CLASSES[draw(CLASSES, Task.CLASSIFICATION, "few-shot", shots)]
        assert np.bincount(drawn).tolist() == [shots, shots, min(shots, rare)]


def test_few_shot_gives_each_label_so_many_carriers_without_taking_more_than_need_be():
    for shots in (1, 5, 20):
        drawn = LABELS[draw(LABELS, Task.LABELS, "few-shot", shots)]
        assert (drawn.sum(axis=0) >= np.minimum(shots, LABELS.sum(axis=0))).all()
        assert (drawn.sum(axis=1) == 0).sum() == shots
        assert len(drawn) <= shots * 6


def test_few_shot_of_regression_takes_so_many_items():
    assert len(draw(VALUES, Task.REGRESSION, "few-shot", 12)) == 12


def test_sizes_keep_the_shares_of_classes():
    for size in (10, 100, 333, 0.25):
        n_items = size if size >= 1 else 100
        drawn = CLASSES[draw(CLASSES, Task.CLASSIFICATION, "size", size)]
        assert len(drawn) == n_items
        share = n_items * np.bincount(CLASSES) / 400
        assert np.abs(np.bincount(drawn, minlength=3) - share).max() <= 1


def test_sizes_keep_the_share_of_the_rarest_labels():
    labels = LABELS[:, :2]
    drawn = labels[draw(labels, Task.LABELS, "size", 0.5)]
    assert np.abs(drawn.sum(axis=0) - labels.sum(axis=0) / 2).max() <= 1.5


def test_sizes_of_regression_cover_the_range():
    values = RANDOM.normal(size=(1000, 1))
    drawn = values[draw(values, Task.REGRESSION, "size", 100)]
    tenths = np.searchsorted(np.quantile(values, np.arange(1, 10) / 10), drawn[:, 0])
    assert np.abs(np.bincount(tenths, minlength=10) - 10).max() <= 1


def test_a_constant_target_can_be_drawn_from():
    assert len(draw(np.ones((20, 2)), Task.REGRESSION, "size", 5)) == 5


@pytest.mark.parametrize(
    ("task", "targets", "kind", "enough", "all_of_it"),
    [
        (Task.CLASSIFICATION, np.array([0, 0, 0, 1]), "few-shot", 2, 3),
        (Task.LABELS, np.array([[1, 0], [1, 1], [0, 0]]), "few-shot", 1, 2),
        (Task.REGRESSION, np.zeros((4, 1)), "few-shot", 3, 4),
        (Task.CLASSIFICATION, np.array([0, 0, 0, 1]), "size", 0.5, 4),
    ],
)
def test_an_amount_that_takes_all_leaves_nothing_out(task, targets, kind, enough, all_of_it):
    assert leaves_out(targets, task, Subset(kind=kind, amount=enough, repeat=0))
    assert not leaves_out(targets, task, Subset(kind=kind, amount=all_of_it, repeat=0))
    assert len(draw(targets, task, kind, all_of_it)) == len(targets)
