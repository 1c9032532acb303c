"""What stands for a label that is not known."""

import numpy as np

from seqbench.core.missing import (
    MISSING,
    MISSING_CLASS,
    labelled,
    missing,
    missing_values,
    positions,
    same_labels,
)


def test_each_kind_of_labels_has_its_own_sign_for_what_is_not_known():
    classes, labels = np.array([-1, MISSING_CLASS, 3]), np.array([[0, -1], [-1, -1], [1, 0]], np.int8)
    values = np.array([[np.nan, 1.0], [np.nan, np.nan], [0.0, -1.0]])
    assert missing(classes).tolist() == [False, True, False]
    assert missing(labels).sum() == missing(values).sum() == 3
    assert labelled(labels).tolist() == labelled(values).tolist() == [True, False, True]


def test_positions_of_classes_keep_what_is_not_known():
    found = positions(np.array([7, MISSING_CLASS, -1]), np.array([-1, 7]))
    assert found.tolist() == [1, MISSING, 0]


def test_labels_that_lack_the_same_are_the_same():
    values = np.array([[np.nan], [1.0]])
    assert same_labels(values, values.copy())
    assert not same_labels(values, np.array([[0.0], [1.0]]))


def test_of_lists_each_missing_value_is_counted_unless_the_item_has_none():
    assert missing_values(np.array([[0, -1], [-1, -1], [1, -1]], np.int8)) == (0, 2)
    assert missing_values(np.array([[0.5, np.nan]])) == (0, 1)
    assert missing_values(np.array([[0, 1], [-1, -1]], np.int8)) is missing_values(np.array([0, 1])) is None
