"""What a test split of few or of equal items is said to lack."""

import pytest

from seqbench.core.types import Task
from seqbench.metrics.test_splits import remarks_on_test

ALIKE = "so scores on it do not tell models apart"


@pytest.mark.parametrize(
    ("task", "n_items", "counts", "expected"),
    [
        (Task.CLASSIFICATION, 60, [0, 60], [f"all 60 items of test are of class b, {ALIKE}"]),
        (
            Task.CLASSIFICATION,
            60,
            [57, 3],
            ["test has 3 items of class b, too few for intervals of most scores"],
        ),
        (Task.CLASSIFICATION, 60, [54, 6], []),
        (Task.CLASSIFICATION, 29, [15, 14], ["test has 29 items, too few to tell models apart"]),
        (Task.LABELS, 40, [40, 0], [f"no label varies in test, {ALIKE}"]),
        (Task.LABELS, 40, [40, 1], []),
        (Task.REGRESSION, 40, None, []),
    ],
)
def test_few_and_equal_items_are_told(task, n_items, counts, expected):
    assert remarks_on_test(task, n_items, counts, names=["a", "b"]) == expected


def test_one_item_lacks_both():
    assert remarks_on_test(Task.CLASSIFICATION, 1, [1, 0]) == [
        f"the one item of test is of one class, {ALIKE}",
        "test has 1 item, too few to tell models apart",
    ]


def test_targets_that_are_all_the_same_are_told():
    assert remarks_on_test(Task.REGRESSION, 50, None, varies=False) == [f"no target varies in test, {ALIKE}"]
