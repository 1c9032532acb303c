"""Labels of letters (level: token), against a plain reading of the same lines."""

import json
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqbench.core.missing import MISSING_CLASS
from seqbench.core.types import Task
from seqbench.datasets.check import check_dataset
from seqbench.datasets.dataset import open_dataset
from seqbench.datasets.index import Reading, scan_split
from seqbench.datasets.letters import LetterLabels
from seqbench.datasets.registry import resolve
from seqbench.datasets.spec import DatasetSpec
from seqbench.errors import ConfigError, DataError

Make = Callable[..., DatasetSpec]


def lines(*labels: object, seqs: list[str] | None = None) -> list[dict[str, object]]:
    """Items whose sequence is as long as the label says, by default."""
    texts = seqs or ["ACGT" * 9] * len(labels)
    lengths = [len(label) if isinstance(label, str | list) else 4 for label in labels]
    if seqs is not None:
        lengths = [len(text) for text in seqs]
    return [
        {"seq": text[:length], "label": label}
        for text, length, label in zip(texts, lengths, labels, strict=True)
    ]


def letters(spec: DatasetSpec, split: str = "train") -> LetterLabels:
    found = open_dataset(spec).splits[split].letters  # type: ignore[index]
    assert found is not None
    return found


def test_strings_are_classes_in_the_order_of_the_entry(spec: Make) -> None:
    train, test = lines("HHEC.", "E-C", None), lines("CE.")
    dataset = open_dataset(spec(train=train, test=test, level="token", class_names=("H", "E", "C")))
    assert (dataset.level, dataset.task, dataset.classes) == ("token", Task.CLASSIFICATION, (0, 1, 2))
    assert dataset.class_names == ("H", "E", "C")
    found = dataset.splits["train"].letters
    assert found is not None
    unknown = MISSING_CLASS
    assert found.values.tolist() == [0, 0, 1, 2, unknown, 1, unknown, 2, *[unknown] * 4]
    assert found.offsets.tolist() == [0, 5, 8, 12]
    assert found.item(1).tolist() == [1, unknown, 2]
    assert found.item_of(7) == (1, 2)
    assert found.labelled_items().tolist() == [True, True, False]
    assert found.take(np.array([1, 0])).values.tolist() == [1, unknown, 2, 0, 0, 1, 2, unknown]
    assert not dataset.splits["train"].labelled.any()  # no label of an item
    assert any("6 of 12 letters of train have no label" in line for line in dataset.warnings)


def test_marks_of_the_unknown_can_be_classes(spec: Make) -> None:
    made = spec(train=lines("(.)-"), test=lines("(.)"), level="token", class_names=(".", "(", ")"))
    assert letters(made).values.tolist() == [1, 0, 2, MISSING_CLASS]


def test_digits_and_numbers_are_the_same_classes(spec: Make) -> None:
    texts = spec(train=lines("0310."), test=lines("3"), level="token")
    found = letters(texts)
    numbers = spec(train=lines([0, 3, 1, 0, None]), test=lines([3]), level="token")
    again = letters(numbers)
    assert found.values.tolist() == again.values.tolist() == [0, 3, 1, 0, MISSING_CLASS]
    assert found.values.dtype == again.values.dtype == np.int64
    assert open_dataset(numbers).classes == (0, 1, 3)


def test_lists_of_names_and_lists_of_lists(spec: Make) -> None:
    named = spec(train=lines(["exon", "intron", None]), test=lines(["exon"]), level="token")
    assert open_dataset(named).class_names == ("exon", "intron")
    assert letters(named).values.tolist() == [0, 1, MISSING_CLASS]
    bits = spec(train=lines(None, [[0, 1], None, [1, None]]), test=lines([[0, 1]]), level="token")
    found = letters(bits)
    assert (found.task, found.values.dtype) == (Task.LABELS, np.int8)
    assert found.values.tolist() == [[-1, -1]] * 4 + [[0, 1], [-1, -1], [1, -1]]
    values = spec(train=lines([[1, 2], None], [[0.5, None]]), test=lines([[0.0, 1.5]]), level="token")
    floats = letters(values)
    assert (floats.task, floats.values.dtype) == (Task.REGRESSION, np.float64)
    np.testing.assert_array_equal(floats.values, [[1, 2], [np.nan, np.nan], [0.5, np.nan]])
    single = letters(spec(train=lines([1, 2.5, None]), test=lines([1]), level="token"))
    np.testing.assert_array_equal(single.values, [[1], [2.5], [np.nan]])


@pytest.mark.parametrize(
    ("label", "fields", "words"),
    [
        ("HHE", {}, "'label' has 3 entries, the sequence 4 letters"),
        ([0, 1, 0, 1, 1], {}, "'label' has 5 entries, the sequence 4 letters"),
        ("HXEC", {"class_names": ("H", "E", "C")}, "letter 2 has the label 'X', which is not among"),
        (3, {}, "must be a list or a string of one entry a letter"),
        ("HHéC", {}, "labels in a string are ASCII"),
        ([0, 1, True, 0], {}, "must hold numbers or null"),
        ([0, 1, "H", 0], {}, "must hold texts alone"),
        ([[0, 1], [1], None, [0, 1]], {}, "letter 2 has 1 labels, others have 2"),
        ([0, 1.5, 0, 1], {"task": Task.CLASSIFICATION}, "must hold whole numbers, got 1.5"),
        ("0101", {"task": Task.REGRESSION}, "holds texts, which are classes and no regression"),
        ([0, 1, 0, 1], {"task": Task.LABELS}, "must hold a list of 0 and 1 for each letter"),
        ([0, float("inf"), 0, 1], {}, "must hold finite numbers"),
        ([0, 2**70, 0, 1], {}, "does not fit in 64 bits"),
    ],
)
def test_faults_name_file_and_line(spec: Make, label: object, fields: dict[str, object], words: str) -> None:
    train = [*lines(None), {"seq": "ACGT", "label": label}]
    with pytest.raises(DataError) as fault:
        open_dataset(spec(train=train, test=lines("HEC"), level="token", **fields))
    assert "/d/train.jsonl:2: " in str(fault.value)
    assert words in str(fault.value)


def test_what_can_not_be_labelled_by_letter(spec: Make) -> None:
    with pytest.raises(DataError, match="no letter has a label under 'label'"):
        open_dataset(spec(train=lines("..."), test=lines("H"), level="token"))
    pairs = [{"seq1": "AC", "seq2": "AC", "label": [0, 1]}]
    with pytest.raises(DataError, match=r"train.jsonl:1: .*go with one sequence, got 2"):
        open_dataset(spec(train=pairs, test=pairs, level="token"))
    with pytest.raises(DataError, match=r"value 1 of the labels .* is null for every letter"):
        open_dataset(spec(train=lines([[0.5, None]]), test=lines([[0.5, 1]]), level="token"))


def test_targets_and_letters_exclude_each_other(tmp_path: Path) -> None:
    info = tmp_path / "info.yaml"
    info.write_text("d:\n  level: token\n  targets: {a: {key: a}}\n")
    (tmp_path / "d").mkdir()
    with pytest.raises(ConfigError, match=r"info.yaml:2: d.level: token goes with one label a letter"):
        resolve(tmp_path, info, ["d"])


def test_white_space_of_a_sequence_has_no_label(spec: Make) -> None:
    made = spec(train=[{"seq": "AC GT\n", "label": "0101"}], test=lines("01"), level="token")
    assert letters(made).values.tolist() == [0, 1, 0, 1]


def test_letters_of_classes_that_train_lacks_count_as_unknown(spec: Make) -> None:
    dataset = open_dataset(spec(train=lines("HE"), test=lines("HXE", "XX"), level="token"))
    found = dataset.splits["test"].letters
    assert found is not None
    assert found.values.tolist() == [1, MISSING_CLASS, 0, MISSING_CLASS, MISSING_CLASS]
    assert any("3 letters of test are of classes that train lacks ('X')" in line for line in dataset.warnings)


def test_the_cache_gives_what_the_scan_gave(spec: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqbench.datasets.cache.SMALLEST_BYTES", 1)
    monkeypatch.setattr("seqbench.core.kept.SETTLED_SECONDS", -1)
    made = spec(train=lines("HHE.C", None, "E"), test=lines("HC"), level="token")
    first = letters(made)
    monkeypatch.setattr("seqbench.datasets.dataset.scan_split", lambda *_, **__: pytest.fail("scanned anew"))
    again = letters(made)
    assert first.values.tolist() == again.values.tolist()
    assert (first.names, first.task) == (again.names, again.task)
    assert first.offsets.tolist() == again.offsets.tolist()


def test_a_long_sequence_holds_no_object_a_letter(tmp_path: Path) -> None:
    rng, n = np.random.default_rng(0), 1_048_576
    text = rng.choice(np.frombuffer(b"HEC.", dtype=np.uint8), n).tobytes().decode()
    path = tmp_path / "train.jsonl"
    path.write_text("".join(json.dumps({"seq": "A" * n, "label": text}) + "\n" for _ in range(3)))
    tracemalloc.start()
    found = scan_split(path, Reading(level="token")).letter_labels
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found is not None
    counted = dict(zip(*np.unique(found.values, return_counts=True), strict=True))
    told = Counter(text)
    expected = [told["."], told["C"], told["E"], told["H"]]
    assert [counted[key] for key in (MISSING_CLASS, 0, 1, 2)] == [3 * each for each in expected]
    # Int64 values are 8 bytes a letter; beside them 2 a letter of codes, and the line at hand a few times.
    assert peak < 3 * n * 16 + 12 * n


SETS = {
    "secondary_structure": ("labels", ("H", "E", "C")),
    "secondary_structure8": ("labels", tuple("HEGIBTSC")),
    "gene_structure": ("labels", None),
    "binding_residues": ("labels", None),
    "openvaccine_bases": ("labels", None),
}


@pytest.mark.parametrize("name", SETS)
def test_shared_sets_load_with_their_counts(shared: Path, name: str) -> None:
    folder = shared / "data-training" / "per_token" / name
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    key, classes = SETS[name]
    report = check_dataset(
        DatasetSpec(name=name, folder=folder, label_key=key, level="token", class_names=classes)
    )
    meta = json.loads((folder / "meta.json").read_text())["check"]
    assert {split.name: split.items for split in report.splits} == meta["n"]
    for split in report.splits:
        told: Counter[object] = Counter()
        total = 0
        for line in (folder / f"{split.name}.jsonl").read_text().splitlines():
            item = json.loads(line)
            assert len(item["labels"]) == len(item["seq"])
            total += len(item["seq"])
            if report.task is Task.CLASSIFICATION:
                told.update(item["labels"])
            else:
                told.update(each is not None for each in item["labels"])
        assert split.letters == total
        if report.task is Task.CLASSIFICATION:
            known = {str(label): count for label, count in told.items() if label != "."}
            found = {str(label): count for label, count in split.label_counts if count}
            lacking = known.keys() - {str(label) for label, _ in report.splits[0].label_counts}
            assert found == {label: count for label, count in known.items() if label not in lacking}
            assert split.unlabelled_letters == total - sum(found.values())
            balance = meta["label_balance"].get(split.name)
            if balance is not None:
                assert balance == {str(label): count for label, count in told.items()}
        else:
            assert split.unlabelled_letters == told[False]
            assert report.n_targets == 3
