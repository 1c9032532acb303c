import json
from contextlib import contextmanager

import numpy as np
import pytest

from seqbench.core.types import Task
from seqbench.datasets import dataset as module
from seqbench.datasets.check import check_dataset
from seqbench.datasets.dataset import open_dataset
from seqbench.datasets.facts import alphabet_of
from seqbench.datasets.registry import resolve
from seqbench.errors import DataError


def items(*labels, seq="ACGT"):
    return [{"seq": seq, "label": label} for label in labels]


def test_classes_are_those_of_train_and_targets_their_positions(spec):
    d = open_dataset(spec(train=items(7, -1, 3), eval=items(3), test=items(7, 3)))
    assert (d.task, d.classes, d.n_targets, list(d.splits)) == (
        Task.CLASSIFICATION,
        (-1, 3, 7),
        1,
        ["train", "eval", "test"],
    )
    assert d.splits["test"].targets.tolist() == [2, 1]
    assert d.splits["test"].labels.tolist() == [7, 3]


def test_sequences_are_read_by_offset_in_file_order(spec):
    train = [{"a": "A" * n, "b": "C" * n, "label": n % 2} for n in range(1, 9)]
    split = open_dataset(spec(train=train, test=train, seq_keys=("b", "a"))).splits["train"]
    assert split.sequences(2, 4) == [("CCC", "AAA"), ("CCCC", "AAAA")]
    assert split.sequences(8, 8) == []
    assert (len(split), split.line(3), split.lengths[3].tolist()) == (8, 4, [4, 4])
    with pytest.raises(IndexError):
        split.sequences(5, 9)


def test_only_the_lines_asked_for_are_read(spec):
    d = spec(train=items(*range(100)), test=items(0))
    split = open_dataset(d).splits["train"]
    path = d.folder / "train.jsonl"
    kept, before = path.stat(), path.read_bytes()
    path.write_bytes(b"#" * split.index.offsets[50] + before[split.index.offsets[50] :])
    module.os.utime(path, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    assert split.sequences(50, 100) == [("ACGT",)] * 50


def test_a_file_changed_after_indexing_is_refused(spec):
    d = spec(train=items(0, 1), test=items(0))
    split = open_dataset(d).splits["train"]
    (d.folder / "train.jsonl").write_text("")
    with pytest.raises(DataError, match="was changed while in use"):
        split.sequences(0, 1)
    (d.folder / "train.jsonl").unlink()
    with pytest.raises(DataError, match="can't be read any more"):
        split.sequences(0, 1)


def test_the_task_of_train_holds_for_the_other_splits(spec):
    d = open_dataset(spec(train=items([0.5, 1]), test=items([0, 1])))
    assert (d.task, d.n_targets, d.classes) == (Task.REGRESSION, 2, ())
    with pytest.raises(DataError, match=r"test\.jsonl:2: label must be an int or a name, got 0\.5"):
        open_dataset(spec(train=items(0, 1), test=items(0, 0.5)))


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ({"train": items(0, 1), "test": items(0, 5, 5)}, r"test\.jsonl:2: class 5 does not occur in train"),
        (
            {"train": items([0, 1]), "test": items([0])},
            r"test\.jsonl:1: label has 1 values, in train it has 2",
        ),
        (
            {"train": items(0), "test": [{"seq1": "A", "label": 0}]},
            r"test\.jsonl:1: items have the sequences seq1",
        ),
        ({"train": items(0)}, "no test split"),
        ({"eval": items(0), "test": items(0)}, "no train split"),
        ({"train": items(0), "test": []}, r"test\.jsonl: holds no items"),
        (
            {"train": items(0), "test": items(0), "splits": ("train", "eval", "test")},
            r"eval\.jsonl: no such file",
        ),
    ],
)
def test_faults_between_splits_name_file_and_line(spec, splits, message):
    with pytest.raises(DataError, match=message):
        open_dataset(spec(**splits))


def test_a_missing_folder_is_a_fault(spec):
    d = spec(train=items(0), test=items(0))
    for path in d.folder.iterdir():
        path.unlink()
    d.folder.rmdir()
    with pytest.raises(DataError, match="no such folder"):
        open_dataset(d)


@pytest.mark.parametrize(
    ("sequences", "alphabet"),
    [
        ("ACGTNacgtn", "dna"),
        ("CCAGNDRSTACGTACGTACGTACGTACGTACGTACGTACGT", "dna"),
        ("ACGU", "rna"),
        ("ACGUT", "dna"),
        ("MKVLAAGIVGE", "protein"),
        ("DRSVKDRSVKACGT", "protein"),
        ("ACGT" * 250 + "E", "dna"),
        ("ACGU" * 2500 + "T", "rna"),
        ("ACGT" * 250 + "EL", "protein"),
        ("ACGTAACC\n", "dna"),
        ("ACGUAACC\r\n", "rna"),
        ("1 acgtacgtac gtacgtacgt", "dna"),
        ("A C G T", "dna"),
        ("M K V L A A G I V G E", "protein"),
        ("MKVLAAGIVG ERTWQYMKVL", "protein"),
        ("No such protein could be found in the organism.", "text"),
        ("DER ANTEIL DER BUCHSTABEN ZEIGT ES AUCH HIER DEUTLICH.", "text"),
    ],
)
def test_the_alphabet_follows_from_the_letters(sequences, alphabet):
    assert alphabet_of(np.bincount([*sequences.encode()], minlength=256)) == alphabet


def test_white_space_in_sequences_is_left_out_with_its_count(spec):
    train = [{"seq": "ACGT\n", "label": 0}, {"seq": "AC\tGU AC\r\n", "label": 1}]
    d = open_dataset(spec(train=train, test=items(0, 1)))
    assert d.alphabet == "dna"
    assert d.splits["train"].sequences(0, 2) == [("ACGT",), ("ACGUAC",)]
    assert d.splits["train"].lengths.tolist() == [[4], [6]]
    (warning,) = d.warnings
    assert "hold white space, 5 characters in all, which is left out" in warning


def test_an_item_of_white_space_alone_is_named_by_its_line(spec):
    train = [*items(0, 1), {"seq": " \r\n", "label": 0}]
    with pytest.raises(DataError, match=r"train\.jsonl:3: 'seq' holds white space alone \(drop the item\)"):
        open_dataset(spec(train=train, test=items(0, 1)))


def test_a_text_is_kept_as_it_is_where_the_entry_says_so(spec):
    train = [{"seq": "Zoë’s\n", "label": 0}, {"seq": "word", "label": 1}]
    d = open_dataset(spec(train=train, test=items(0, 1), alphabet="text"))
    assert d.splits["train"].sequences(0, 2) == [("Zoë’s\n",), ("word",)]
    assert (d.alphabet, d.splits["train"].lengths.tolist(), d.warnings) == ("text", [[6], [4]], ())
    with pytest.raises(DataError, match=r"train\.jsonl:1: 'seq' holds 'ë' at 3; .*set alphabet: text"):
        open_dataset(spec(train=train, test=items(0, 1)))


def test_the_hash_depends_on_contents_and_names_of_splits(spec):
    a, b = items(0, 1), items(1, 0)
    orders = [(a, a, a), (a, b, a), (a, a, b), (b, a, a)]
    hashes = {open_dataset(spec(train=x, eval=y, test=z)).sha256 for x, y, z in orders}
    assert len(hashes) == 4


def test_differences_from_the_documentation_are_warnings(spec):
    expected = {
        "items": 9, "min_length": 1, "max_length": 4, "classes": 3, "item_seqs": 2,
        "splits": ("test", "train"), "ratio": {"train": 0.9},
        "label_counts": {"train": {0: 1, 1: 2}, "test": {0: 1}},
    }  # fmt: skip
    d = open_dataset(spec(train=items(0, 1), test=items(0), expected=expected))
    assert d.warnings == (
        "d: items: 3 on disk, 9 documented",
        "d: the shortest sequence: 4 on disk, 1 documented",
        "d: classes: 2 on disk, 3 documented",
        "d: sequences an item: 1 on disk, 2 documented",
        "d: share of train: 0.667 on disk, 0.900 documented",
        "d: items of each class in train: {0: 1, 1: 1} on disk, {0: 1, 1: 2} documented",
    )


@pytest.mark.parametrize(
    ("train", "warning"),
    [
        (items(0, 0), "train has only one class"),
        (items([0, 1], [0, 0]), "in train, label 0 is never 1 (counted from 0)"),
        (items([0.5, 1.0], [0.5, 2.0]), "in train, target 0 is the same for all items (counted from 0)"),
        (items(0, 1, seq="AC1GT"), "sequences hold characters that are no letters: '1' 4 times"),
        (items(0, 1, seq="ACGT" * 300 + "E"), "sequences hold letters that are no nucleotides: 'E' 4 times"),
    ],
)
def test_what_looks_wrong_is_a_warning(spec, train, warning):
    assert open_dataset(spec(train=train, test=train)).warnings == (f"d: {warning}",)


def test_a_split_that_the_entry_leaves_out_is_not_read_but_mentioned(spec):
    d = open_dataset(spec(train=items(0, 1), test=items(0), eval=["broken"], splits=("train", "test")))
    assert list(d.splits) == ["train", "test"]
    assert d.warnings == ("d: eval.jsonl is not used: data_split leaves it out",)


def test_big_files_are_scanned_under_a_bar_in_bytes(spec, monkeypatch):
    monkeypatch.setattr(module, "BAR_BYTES", 0)
    seen = {}

    class Bars:
        def note(self, text): ...

        @contextmanager
        def task(self, label, total, unit):
            seen[label] = [total, unit, 0]
            yield lambda amount: seen[label].__setitem__(2, seen[label][2] + amount)

    open_dataset(spec(train=items(0, 1), test=items(0)), reporter=Bars())
    assert list(seen) == ["index d/train", "index d/test"]
    assert all(total == done and unit == "B" for total, unit, done in seen.values())


def test_a_report_counts_items_lengths_and_classes(spec):
    report = check_dataset(spec(train=items(5, 9, 9) + items(5, seq="ACGTACGTA"), test=items(5)))
    train, test = report.splits
    assert (report.items, report.alphabet, report.classes) == (5, "dna", (5, 9))
    assert (train.min_length, train.median_length, train.max_length) == (4, 4.0, 9)
    assert (train.label_counts, test.label_counts) == (((5, 2), (9, 2)), ((5, 1), (9, 0)))


def test_a_report_counts_labels_and_summarises_targets(spec):
    report = check_dataset(spec(train=items([1, 0], [1, 1]), test=items([0, 0])))
    assert [split.label_counts for split in report.splits] == [((0, 2), (1, 1)), ((0, 0), (1, 0))]
    report = check_dataset(spec(train=items([1.0], [4.0]), test=items([2.5])))
    (target,) = report.splits[0].targets
    assert (target.mean, target.sd, target.minimum, target.maximum) == (2.5, 1.5, 1.0, 4.0)


def test_a_report_tells_of_a_test_split_that_is_small_or_of_one_class(spec):
    report = check_dataset(spec(train=items(5, 9) * 20, test=items(5) * 40))
    assert report.warnings == (
        "d: all 40 items of test are of class 5, so scores on it do not tell models apart",
    )
    assert open_dataset(spec(train=items(5, 9) * 20, test=items(5, 9))).warnings == ()
    few = check_dataset(spec(train=items(0.5, 2.5) * 20, test=items(1.5) * 3))
    assert few.warnings == (
        "d: no target varies in test, so scores on it do not tell models apart",
        "d: test has 3 items, too few to tell models apart",
    )


REAL = {
    "prom_core": ((4734, 591, 591), (70, 70), 1, "dna"),
    "uci_splice": ((2404, 300, 300), (60, 60), 1, "dna"),
    "species4_1kb": ((3000, 380, 376), (1000, 1000), 1, "dna"),
    "ecoli_windows": ((12000, 2500, 2500), (200, 200), 5, "dna"),
    "deephf": ((43148, 5394, 5394), (23, 23), 3, "dna"),
    "gb1_three_vs_rest": ((2691, 299, 5743), (265, 265), 1, "protein"),
    "ecoli_protein_class": ((1773, 220, 220), (23, 2358), 1, "protein"),
    "ecoli_protein_multilabel": ((1948, 242, 242), (23, 2358), 8, "protein"),
    "ppi_yeast": ((6049, 756, 756), (50, 600), 1, "protein"),
}


@pytest.mark.parametrize("with_info", [True, False])
def test_the_real_data_sets_open_without_fault_or_warning_with_and_without_an_entry(shared_data, with_info):
    resolved = resolve(shared_data, shared_data / "datasets_info.yaml" if with_info else None, None)
    assert [spec.name for spec in resolved.specs] == sorted(REAL)
    for spec in resolved.specs:
        d = open_dataset(spec)
        lengths = np.concatenate([split.lengths.ravel() for split in d.splits.values()])
        found = tuple(map(len, d.splits.values())), (lengths.min(), lengths.max()), d.n_targets, d.alphabet
        assert (found, d.warnings) == (REAL[spec.name], ())


def test_real_sequences_by_offset_are_those_of_the_lines(shared_data):
    split = open_dataset(resolve(shared_data, None, ["ppi_yeast"]).specs[0]).splits["test"]
    lines = [json.loads(line) for line in (shared_data / "ppi_yeast" / "test.jsonl").read_text().splitlines()]
    assert split.sequences(0, len(split)) == [(line["seq1"], line["seq2"]) for line in lines]
    assert split.labels.tolist() == [line["label"] for line in lines]


def test_null_nan_and_empty_labels_are_missing_and_told(spec):
    d = open_dataset(spec(train=items(None, 7, float("nan"), 3), test=items("", 7)))
    assert (d.task, d.classes, d.splits["train"].targets.tolist()) == (
        Task.CLASSIFICATION,
        (3, 7),
        [-1, 1, -1, 0],
    )
    assert d.splits["train"].labelled.tolist() == [False, True, False, True]
    assert "d: 2 of 4 items of train have no label and count in no score" in d.warnings


def test_missing_labels_leave_names_and_values_as_they_are(spec):
    named = open_dataset(spec(train=items("b", None, "a"), test=items(None, "b")))
    assert (named.class_names, named.splits["test"].targets.tolist()) == (("a", "b"), [-1, 1])
    valued = open_dataset(spec(train=items(1.5, None, 2.0), test=items(0.25)))
    np.testing.assert_array_equal(valued.splits["train"].labels, [[1.5], [np.nan], [2.0]])


def test_a_split_without_any_label_is_refused(spec):
    with pytest.raises(
        DataError, match=r"test\.jsonl:1: no item has a label under 'label': every one is null or empty"
    ):
        open_dataset(spec(train=items(0, 1), test=items(None, None)))


def test_a_check_counts_items_without_a_label(spec):
    report = check_dataset(spec(train=items(0, 1, None), test=items(0, 1)))
    assert (report.splits[0].items, report.splits[0].unlabelled) == (3, 1)
    assert report.splits[0].label_counts == ((0, 1), (1, 1))
