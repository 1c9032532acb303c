import hashlib
import json
import resource

import numpy as np
import pytest

from seqbench.core.types import Task
from seqbench.datasets.index import Reading, scan_split
from seqbench.errors import DataError

A = {"seq": "ACGT", "label": 0}
B = {"seq": "AACCGG", "label": 1}


def test_offsets_lengths_labels_letters_and_hash_are_those_of_the_file(jsonl):
    path = jsonl([A, B])
    index, raw = scan_split(path), path.read_bytes()
    first = len(json.dumps(A)) + 1
    assert index.offsets.tolist() == [0, first, len(raw)]
    assert index.lengths.tolist() == [[4], [6]]
    assert index.labels.tolist() == [0, 1]
    assert index.letters[[*b"ACGT"]].tolist() == [3, 3, 3, 1]
    assert index.letters.sum() == 10
    assert index.sha256 == hashlib.sha256(raw).hexdigest()


def test_blank_lines_and_a_missing_last_line_end_do_no_harm(jsonl):
    path = jsonl(["", A, "  ", B])
    path.write_bytes(path.read_bytes().rstrip() + b"\r")
    index = scan_split(path)
    assert (index.n_items, index.lines.tolist()) == (2, [2, 4])
    assert json.loads(path.read_bytes()[index.offsets[1] : index.offsets[2]]) == B


def test_letters_are_counted_right_beyond_one_chunk(jsonl):
    index = scan_split(jsonl([{"seq": "ACG" * 1_000_000, "label": 0}, A]))
    assert index.letters[[*b"ACGT"]].tolist() == [1_000_001, 1_000_001, 1_000_001, 1]


def test_memory_stays_far_below_the_size_of_the_file(tmp_path):
    path, line = tmp_path / "big.jsonl", json.dumps({"seq": "ACGT" * 262_144, "label": 0}) + "\n"
    with path.open("w") as file:
        file.writelines(line for _ in range(120))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert scan_split(path).lengths.sum() == 120 << 20
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < 60e6


def test_progress_adds_up_to_the_size_of_the_file(jsonl):
    path, seen = jsonl([{"seq": "A" * 5_000_000, "label": 0}] * 3), []
    scan_split(path, advance=seen.append)
    assert len(seen) > 1
    assert sum(seen) == path.stat().st_size


@pytest.mark.parametrize(
    ("labels", "task", "dtype", "shape"),
    [
        ([0, -3], Task.CLASSIFICATION, np.int64, (2,)),
        ([[0, 1, 1], [0, 0, 1]], Task.LABELS, np.int8, (2, 3)),
        ([[1, 0], [0, 0.5]], Task.REGRESSION, np.float64, (2, 2)),
        ([[0, 1], [1.0, 0]], Task.REGRESSION, np.float64, (2, 2)),
        ([1, 0.25], Task.REGRESSION, np.float64, (2, 1)),
    ],
)
def test_the_task_is_inferred_from_all_labels(jsonl, labels, task, dtype, shape):
    index = scan_split(jsonl([{"seq": "A", "label": label} for label in labels]))
    assert (index.task, index.labels.dtype, index.labels.shape) == (task, dtype, shape)
    assert index.labels.reshape(-1).tolist() == np.array(labels).reshape(-1).tolist()


def test_ints_are_targets_where_the_task_is_regression(jsonl):
    index = scan_split(jsonl([{"seq": "A", "label": [3, 4]}]), Reading(task=Task.REGRESSION))
    assert index.labels.dtype == np.float64


def test_sequence_keys_are_counted_on_the_first_line(jsonl):
    index = scan_split(jsonl([{"seq1": "A", "seq2": "CC", "seq3": "GGG", "label": 0}]))
    assert index.seq_keys == ("seq1", "seq2", "seq3")
    assert index.lengths.tolist() == [[1, 2, 3]]


def test_keys_can_be_renamed(jsonl):
    path = jsonl([{"ref": "A", "alt": "C", "y": 1}])
    index = scan_split(path, Reading(seq_keys=("alt", "ref"), label_key="y"))
    assert index.labels.tolist() == [1]


def line(label: object = 0, **sequences: object) -> str:
    return json.dumps({**(sequences or {"seq": "ACGT"}), "label": label})


@pytest.mark.parametrize(
    ("second", "task", "message"),
    [
        ("{broken", None, "not JSON: Expecting property name"),
        ("[" * 100_000, None, "not usable JSON"),
        ("[1]", None, "must be an object"),
        ('{"label": 0}', None, "no key 'seq', only ['label'] (set seq_key"),
        ('{"seq": "A", "y": 0}', None, "no key 'label', only ['seq', 'y'] (set label_key"),
        (line(seq=["A"]), None, "'seq' must be a string, got ['A']"),
        (line(seq=""), None, "'seq' is an empty sequence"),
        (line(seq="ACÜ"), None, "'seq' holds 'Ü' at 3"),
        (line(True), None, "label must be a number or a name, got True"),
        (line("yes"), Task.CLASSIFICATION, "label is text ('yes'), on the first line it is a bare number"),
        (
            line(1.5),
            Task.CLASSIFICATION,
            "label must be an int or a name, got 1.5 (set eval_task: regression",
        ),
        (line([1]), None, "label is a list, on the first line it is a bare number"),
        (line(float("inf")), None, "label must be finite, got inf"),
        (line([None, 1]), Task.REGRESSION, "label is a list, on the first line it is a bare number"),
        (line(2**63), None, "label 9223372036854775808 does not fit in 64 bits"),
        (line(-(2**63)), None, "label -9223372036854775808 does not fit in 64 bits"),
        ('{"seq": "A", "label": 1e999}', None, "label must be finite, got inf"),
    ],
)
def test_a_fault_is_named_by_file_and_line(jsonl, second, task, message):
    path = jsonl([line(), second])
    with pytest.raises(DataError) as caught:
        scan_split(path, Reading(task=task))
    assert str(caught.value).startswith(f"{path}:2: {message}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("labels", "task", "message"),
    [
        ([[0, 1], [0]], None, "2: label has 1 values, on the first line it has 2"),
        ([[0, 1], [0, 2]], Task.LABELS, "2: label must hold only 0 and 1, got [0, 2]"),
        ([[0, 1], [0, True]], None, "2: label must be a list of numbers, got [0, True]"),
        ([[0, 1], [0, 2]], None, "2: label [0, 2] is neither 0/1 nor floats"),
        ([[0, 1], [0.5, float("inf")]], None, "2: label must be finite"),
        ([[0, 1], [None, 1]], Task.CLASSIFICATION, "2: label must be an int or a name"),
        ([[0, None], [1, None]], None, "1: value 1 of the labels (counted from 0) is null for every item"),
        ([[0, 1], 1], None, "2: label is a bare number (1), on the first line it is a list"),
        ([[]], None, "1: label is an empty list"),
        (
            [[1, 1]],
            Task.CLASSIFICATION,
            "1: label must be an int, a name or a list with a single 1, got [1, 1]",
        ),
        ([1], Task.LABELS, "1: label must be a list of 0 and 1, got 1"),
        ([[0.5]], Task.LABELS, "1: label must be a list of 0 and 1, got [0.5]"),
    ],
)
def test_a_list_at_fault_is_named_by_line(jsonl, labels, task, message):
    path = jsonl([{"seq": "A", "label": label} for label in labels])
    with pytest.raises(DataError) as caught:
        scan_split(path, Reading(task=task))
    assert str(caught.value).startswith(f"{path}:{message}")


def test_mixed_sequence_counts_are_a_fault(jsonl):
    path = jsonl([line(seq1="A", seq2="C"), line(seq1="A", seq2="C", seq3="G")])
    with pytest.raises(DataError, match=r":2: item has 3 sequences \(seq1 …\), on the first line 2"):
        scan_split(path)


def test_text_that_is_not_utf8_is_a_fault(tmp_path):
    (tmp_path / "x.jsonl").write_bytes(b'{"seq": "\xff"}\n')
    with pytest.raises(DataError, match=r"x\.jsonl:1: not UTF-8 text, at byte 10"):
        scan_split(tmp_path / "x.jsonl")


def test_an_empty_split_is_a_fault(jsonl):
    with pytest.raises(DataError, match=r"train\.jsonl: holds no items"):
        scan_split(jsonl([""]), Reading(seq_keys=("seq",)))


def test_a_missing_file_is_a_fault(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        scan_split(tmp_path / "train.jsonl")


def test_a_folder_in_place_of_a_file_is_a_fault(tmp_path):
    with pytest.raises(DataError, match="can't be read"):
        scan_split(tmp_path)
