"""Imports of labels of letters: label FASTA, records of three lines, CoNLL columns."""

import json
from pathlib import Path

import numpy as np
import pytest

from seqbench.core.missing import MISSING_CLASS
from seqbench.core.types import Task
from seqbench.datasets.dataset import Dataset, open_dataset
from seqbench.datasets.registry import resolve
from tests.command import seqbench

ITEMS = [("a", "MKVLA", "CCHH."), ("b", "GGSMKT", "EE.CHH"), ("c", "AAA", "HCE"), ("d", "MSTVK", "CECEH")]


def opened(folder: Path) -> Dataset:
    (spec,) = resolve(folder.parent, folder.parent / "datasets_info.yaml", [folder.name]).specs
    return open_dataset(spec)


def written(folder: Path, split: str) -> list[tuple[str, str, object]]:
    lines = (folder / f"{split}.jsonl").read_text().splitlines()
    return [(item["id"], item["seq"], item["label"]) for item in map(json.loads, lines)]


def wrapped(text: str) -> str:
    return "\n".join(text[start : start + 3] for start in range(0, len(text), 3))


def fasta(path: Path, records: list[tuple[str, str]]) -> Path:
    path.write_text("".join(f">{name} more\n{wrapped(text)}\n" for name, text in records))
    return path


def conll(path: Path, items: list[tuple[str, str, list[str]]]) -> Path:
    blocks = ["".join(f"{a}\t{b}\n" for a, b in zip(seq, labels, strict=True)) for _, seq, labels in items]
    path.write_text(
        "\n".join(f"# id = {item[0]}\n{block}" for item, block in zip(items, blocks, strict=True))
    )
    return path


@pytest.mark.parametrize("form", ["label fasta", "three lines", "conll"])
def test_three_forms_give_the_same_data_set(tmp_path: Path, form: str) -> None:
    train, test = ITEMS[:3], ITEMS[3:]
    out = tmp_path / "data/fold"
    more: list[str] = []
    if form == "label fasta":
        files = [
            fasta(tmp_path / f"{i}.fa", [each[:2] for each in part]) for i, part in enumerate((train, test))
        ]
        labels = fasta(tmp_path / "labels.fa", [(each[0], each[2]) for each in ITEMS[::-1]])
        more = ["--letter-labels", str(labels)]
    elif form == "three lines":
        files = [tmp_path / "train.fa", tmp_path / "test.fa"]
        for file, part in zip(files, (train, test), strict=True):
            file.write_text("\n".join(f">{name}\n{seq}\n{label}\n" for name, seq, label in part))
        more = ["--three-lines"]
    else:
        files = [
            conll(tmp_path / f"{i}.conll", [(n, s, list(each)) for n, s, each in part])
            for i, part in enumerate((train, test))
        ]
    kind = "conll" if form == "conll" else "fasta"
    done = seqbench(
        "datasets", "import", kind, "--train", files[0], "--test", files[1], *more,
        "--classes", "H,E,C", "--out", out,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "3 train, 1 test (classification, a label a letter, protein)" in done.output
    assert written(out, "train") == train
    assert written(out, "test") == test
    dataset = opened(out)
    assert (dataset.level, dataset.class_names) == ("token", ("H", "E", "C"))
    found = dataset.splits["train"].letters
    assert found is not None
    numbers = {"H": 0, "E": 1, "C": 2, ".": MISSING_CLASS}
    assert found.values.tolist() == [numbers[letter] for item in train for letter in item[2]]


def test_columns_of_names_and_of_numbers(tmp_path: Path) -> None:
    named = conll(
        tmp_path / "n.conll", [("a", "ACG", ["exon", "intron", "-"]), ("b", "TT", ["exon", "exon"])]
    )
    done = seqbench("datasets", "import", "conll", named, "--split", "0.5/0.5", "--out", tmp_path / "d/genes")
    assert done.exit_code == 0, done.output
    both = written(tmp_path / "d/genes", "train") + written(tmp_path / "d/genes", "test")
    assert sorted(both) == [("a", "ACG", ["exon", "intron", None]), ("b", "TT", ["exon", "exon"])]
    values = conll(tmp_path / "v.conll", [("a", "ACG", ["0.5", "NA", "2"]), ("b", "TT", ["1e-2", "-1"])])
    out = tmp_path / "d/values"
    done = seqbench(
        "datasets",
        "import",
        "conll",
        "--train",
        values,
        "--test",
        named,
        "--task",
        "regression",
        "--out",
        out,
    )
    assert done.exit_code == 2
    assert "label 'exon' is no finite number" in done.output
    other = conll(tmp_path / "w.conll", [("c", "GA", ["0.25", "3"])])
    done = seqbench("datasets", "import", "conll", "--train", values, "--test", other, "--out", out)
    assert done.exit_code == 0, done.output
    dataset = opened(out)
    assert dataset.task is Task.REGRESSION
    found = dataset.splits["train"].letters
    assert found is not None
    np.testing.assert_array_equal(found.values[:, 0], [0.5, np.nan, 2, 0.01, -1])


def test_columns_are_chosen_by_number(tmp_path: Path) -> None:
    path = tmp_path / "p.conll"
    path.write_text("-DOCSTART- x\n\n1 A x 0\n2 C y 1\n\n\n1 G z 1\n")
    out = tmp_path / "d/chosen"
    done = seqbench(
        "datasets", "import", "conll", "--train", path, "--test", path,
        "--letter-column", "2", "--label-column", "-1", "--out", out,
    )  # fmt: skip
    assert done.exit_code == 2  # one file for two splits
    again = tmp_path / "q.conll"
    again.write_bytes(path.read_bytes())
    done = seqbench(
        "datasets", "import", "conll", "--train", path, "--test", again,
        "--letter-column", "2", "--label-column", "-1", "--out", out,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    items = [json.loads(line) for line in (out / "train.jsonl").read_text().splitlines()]
    assert items == [{"seq": "AC", "label": "01"}, {"seq": "G", "label": "1"}]
    assert opened(out).classes == (0, 1)


FAULTS = {
    "a label too few": (
        "fasta", ">a\nMKV\n", ["--letter-labels", ">a\nHH\n"],
        "l.fa:1: has 2 labels, its sequence ({}:1) 3 letters",
    ),
    "no labels": (
        "fasta", ">a\nMKV\n", ["--letter-labels", ">b\nHHH\n"],
        "{}:1: has no label by --letter-labels",
    ),
    "labels twice": (
        "fasta", ">a\nMKV\n", ["--letter-labels", ">a\nHHH\n>a\nEEE\n"],
        "l.fa:3: labels of 'a' are at ",
    ),
    "three lines of other lengths": (
        "fasta", ">a\nMKV\nHHH\n>b\nMK\nHHH\n", ["--three-lines"],
        "{}:6: has 3 labels, its sequence 2 letters",
    ),
    "two lines": (
        "fasta", ">a\nMKV\n>b\nMK\nHH\n", ["--three-lines"],
        "{}:3: the labels in one line is wanted",
    ),
    "cut short": (
        "fasta", ">a\nMKV\nHHH\n>b\nMK\n", ["--three-lines"],
        "{}:4: the last record has 2 of three lines",
    ),
    "no column": ("conll", "M H\nK\n", [], "{}:2: has 1 columns, so there is no column 2"),
    "two letters": ("conll", "M H\n\nMK H\n", [], "{}:3: 'MK' is not one letter"),
    "no class": (
        "conll", "M H\nK X\n", ["--classes", "H,E"],
        "{}:1: letter 2 has the label 'X', which is not among",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_name_file_and_line(tmp_path: Path, fault: str) -> None:
    kind, content, more, words = FAULTS[fault]
    train = tmp_path / "t.txt"
    train.write_text(content)
    if "--letter-labels" in more:
        (tmp_path / "l.fa").write_text(more[1])
        more = [more[0], str(tmp_path / "l.fa")]
    done = seqbench(
        "datasets", "import", kind, train, *more, "--split", "0.5/0.5", "--out", tmp_path / "d/set"
    )
    assert done.exit_code == 2
    assert words.format(train) in done.output.replace("\n", " ").replace("  ", " "), done.output
    assert not (tmp_path / "d/set").exists()
