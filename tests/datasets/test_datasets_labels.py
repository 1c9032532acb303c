"""What the form of a label means, and what is said of it."""

import json

import numpy as np
import pytest

from seqbench.core.types import Task
from seqbench.datasets.check import check_dataset
from seqbench.datasets.dataset import open_dataset
from seqbench.datasets.index import Reading, scan_split
from seqbench.errors import DataError


def items(*labels, **keys):
    return [{"seq": "ACGT", "label": label, **keys} for label in labels]


def test_names_are_classes_in_sorted_order_and_the_same_numbers_in_every_split(spec):
    d = open_dataset(spec(train=items("sheet", "helix", "coil"), test=items("helix", "sheet")))
    assert (d.task, d.classes, d.class_names) == (Task.CLASSIFICATION, (0, 1, 2), ("coil", "helix", "sheet"))
    assert d.splits["train"].targets.tolist() == [2, 1, 0]
    assert d.splits["test"].targets.tolist() == [1, 2]


def test_the_entry_orders_names_and_refuses_others(spec):
    names = ("sheet", "helix")
    d = open_dataset(spec(train=items("helix", "sheet"), test=items("helix"), class_names=names))
    assert (d.class_names, d.splits["train"].targets.tolist()) == (names, [1, 0])
    with pytest.raises(DataError, match=r"train\.jsonl:2: class 'coil' is not among the entry's `classes`"):
        open_dataset(spec(train=items("helix", "coil"), test=items("helix"), class_names=names))


def test_the_entry_names_numbered_classes_labels_and_targets(spec):
    def names(train, *given):
        return open_dataset(spec(train=train, test=train, class_names=given)).class_names

    assert names(items(0, 2), "a", "b", "c") == ("a", "c")
    assert names(items([0, 1], [1, 1]), "x", "y") == ("x", "y")
    assert names(items([0.5, 1], [1, 2]), "pH", "T") == ("pH", "T")
    with pytest.raises(DataError, match="has class 2, but the entry's `classes` are 2 names"):
        names(items(0, 2), "a", "b")
    with pytest.raises(DataError, match="has 2 labels an item, but the entry's `classes` are 3 names"):
        names(items([0, 1]), "a", "b", "c")


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        (
            items("a", "b"),
            items("c", "c"),
            r"test\.jsonl:1: class 'c' does not occur in train, .*\(2 such items",
        ),
        (items("a", "b"), items(1), r"test\.jsonl:1: labels are numbers, in train\.jsonl they are names"),
        (items("0,5", "1"), items("1"), r"train\.jsonl:1: label '0,5' has a decimal comma \(write 0\.5"),
    ],
)
def test_names_that_do_not_fit_are_told_by_file_and_line(spec, train, test, message):
    with pytest.raises(DataError, match=message):
        open_dataset(spec(train=train, test=test))


def test_numbers_and_lists_in_quotes_are_what_they_spell(spec):
    d = open_dataset(spec(train=items("10", "9"), test=items("9")))
    assert (d.classes, d.class_names, d.warnings) == ((9, 10), (), ())
    d = open_dataset(spec(train=items("0.5", "2"), test=items("1.5")))
    assert (d.task, d.splits["train"].targets.tolist()) == (Task.REGRESSION, [[0.5], [2.0]])
    assert "set eval_task: classification" in d.warnings[0]
    d = open_dataset(spec(train=items("[0, 1]", "[1 1]"), test=items("[0, 0]")))
    assert (d.task, d.splits["train"].labels.tolist()) == (Task.LABELS, [[0, 1], [1, 1]])


@pytest.mark.parametrize(
    ("labels", "inferred", "set_to", "then"),
    [
        ([0.0, 1.0, 1.0, 0.0, 2.0, 2.0], Task.REGRESSION, Task.CLASSIFICATION, [0, 1, 1, 0, 2, 2]),
        ([[0.0, 1.0], [1.0, 0.0]] * 2, Task.REGRESSION, Task.LABELS, [[0, 1], [1, 0]] * 2),
        ([[0, 1], [1, 0]], Task.LABELS, Task.CLASSIFICATION, [1, 0]),
    ],
)
def test_a_form_that_may_mean_another_task_gives_one_warning_with_the_key_that_says_so(
    spec, labels, inferred, set_to, then
):
    d = open_dataset(spec(train=items(*labels), test=items(*labels)))
    (warning,) = d.warnings
    assert d.task == inferred
    assert f"set eval_task: {set_to.value}" in warning
    d = open_dataset(spec(train=items(*labels), test=items(*labels), task=set_to))
    assert (d.splits["train"].labels.tolist(), d.warnings) == (then, ())


def test_values_that_are_whole_by_chance_and_hardly_repeat_give_no_warning(spec):
    values = items(*map(float, range(20)))
    assert open_dataset(spec(train=values, test=values)).warnings == ()


def test_ids_are_kept_by_item_whatever_their_key(jsonl):
    path = jsonl([{"name": "P1", **items(0)[0]}, items(1)[0], {"name": 7, **items(0)[0]}])
    ids = scan_split(path).ids
    assert ids is not None
    assert list(ids) == ["P1", "", "7"]
    with pytest.raises(DataError, match=r":2: 'name' must be a text or number, got None \(see id_key\)"):
        scan_split(path, Reading(id_key="name"))
    assert scan_split(jsonl(items(0, 1))).ids is None


def test_an_imports_names_come_with_the_data_set(spec):
    d = spec(train=items(0, 1), test=items(0))
    (d.folder / "import.json").write_text(json.dumps({"names": {"0": "no", "1": "yes"}}))
    assert open_dataset(d).class_names == ("no", "yes")
    (d.folder / "import.json").write_text("damaged")
    assert open_dataset(d).class_names == ()


def test_a_class_for_each_item_of_ten_thousand_is_numbered_as_numpy_numbers_it(spec):
    names = [f"family {number * 7919 % 10_007}" for number in range(10_001)]
    d = open_dataset(spec(train=items(*names), test=items(*names[:5])))
    np.testing.assert_array_equal(d.splits["train"].targets, np.unique(names, return_inverse=True)[1])


def test_a_value_of_a_list_may_be_missing(spec):
    labels = open_dataset(spec(train=items([0, None], None, [None, 1], [1, 0]), test=items([1, 1])))
    assert labels.splits["train"].targets.tolist() == [[0, -1], [-1, -1], [-1, 1], [1, 0]]
    assert (
        "d: 2 of 6 values in the labels of train are missing and count in no score, most of value 0 "
        "(counted from 0): 1" in labels.warnings
    )
    values = open_dataset(spec(train=items([0.5, None], "[nan, 2]", [1, 3]), test=items([1.0, 2.0])))
    found = values.splits["train"].targets
    np.testing.assert_array_equal(found, [[0.5, np.nan], [np.nan, 2.0], [1.0, 3.0]])


def test_a_check_counts_the_values_that_are_missing(spec):
    report = check_dataset(spec(train=items([0, None], [1, None], [1, 0]), test=items([0, 1], [1, 0])))
    assert [split.missing for split in report.splits] == [(0, 2), ()]
    assert report.splits[0].label_counts == ((0, 2), (1, 0))
