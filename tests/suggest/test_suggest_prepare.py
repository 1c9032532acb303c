"""What becomes of a person's file: nothing near-identical on both sides, names kept, nothing done twice."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from seqbench.core.progress import Silent
from seqbench.core.types import Task
from seqbench.datasets.dataset import open_dataset
from seqbench.datasets.registry import resolve
from seqbench.errors import DataError
from seqbench.suggest.columns import Choices
from seqbench.suggest.describe import described
from seqbench.suggest.prepare import Prepared, prepare

AMINO = list("ACDEFGHIKLMNPQRSTVWY")


def write(path: Path, rows: list[tuple[str, ...]], *columns: str) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([columns, *rows])
    return path


def families(count: int, members: int) -> list[tuple[str, int]]:
    """Sequences of 40 residues in families of one or two substitutions, and their family."""
    rng = np.random.default_rng(5)
    found = []
    for family in range(count):
        parent = rng.choice(AMINO, 40)
        for _ in range(members):
            child = parent.copy()
            child[rng.choice(40, 2, replace=False)] = rng.choice(AMINO, 2)
            found.append(("".join(child), family))
    return found


def items(made: Prepared) -> dict[str, list[dict]]:
    return {
        path.stem: [json.loads(line) for line in path.read_text().splitlines()]
        for path in made.folder.glob("*.jsonl")
    }


def test_families_stay_on_one_side_and_classes_keep_their_names(tmp_path: Path) -> None:
    members = families(40, 4)
    rows = [(seq, ["cytosol", "membrane"][family % 2]) for seq, family in members]
    path = write(tmp_path / "my proteins.csv", rows, "sequence", "place")
    made = prepare(path, tmp_path / "out", Choices(), Silent())
    family_of = dict(members)
    found = items(made)
    sides = [{family_of[item["seq"]] for item in split} for split in found.values()]
    assert len(found) == 3
    assert not set.intersection(*sides)
    assert sum(map(len, sides)) == 40  # no family in two splits
    assert {name: len(split) / 160 for name, split in found.items()} == pytest.approx(
        {"train": 0.7, "eval": 0.1, "test": 0.2}, abs=0.05
    )
    dataset = open_dataset(resolve(made.root, made.root / "datasets_info.yaml", [made.name]).specs[0])
    assert (dataset.spec.name, dataset.task) == ("my-proteins", Task.CLASSIFICATION)
    assert dataset.class_names == ("cytosol", "membrane")
    said = dict(described(made, Silent()))
    assert "2 classes: cytosol (80), membrane (80)" in said["labels"]
    assert "protein, 40 letters" in said["sequences"]


def test_variants_of_one_sequence_are_split_by_copies_and_that_is_said(tmp_path: Path) -> None:
    variants = families(1, 60)
    rows = [(seq, f"{number / 7:.3f}") for number, (seq, _) in enumerate(variants)]
    rows += [(rows[0][0], "5.5"), (rows[1][0], rows[1][1]), ("", "1.5"), ("ACDEF", "NA")]
    path = write(tmp_path / "variants.csv", rows, "seq", "activity")
    made = prepare(path, tmp_path / "out", Choices(), Silent())
    found = items(made)
    places = [{item["seq"] for item in split} for split in found.values()]
    assert sum(map(len, places)) == len(set.union(*places))
    assert made.why_alike is not None
    text = " ".join(" ".join(each) for each in described(made, Silent()))
    assert "only copies stay on one side" in text
    assert "2 of 62 items repeat an earlier sequence, 1 of them with another label" in text
    assert "left out 1 empty sequence, 1 no label" in text


def test_a_split_in_the_file_is_taken(tmp_path: Path) -> None:
    splits = ["train", "train", "test", "valid"]
    rows = [(seq.lower(), str(n % 2), splits[n % 4]) for n, (seq, _) in enumerate(families(40, 1))]
    path = write(tmp_path / "x.csv", rows, "seq", "label", "set")
    made = prepare(path, tmp_path / "out", Choices(), Silent())
    assert made.split is None
    expected = {"train": set(), "eval": set(), "test": set()}
    for seq, _, split in rows:
        expected["eval" if split == "valid" else split].add(seq.upper())
    assert {name: {item["seq"] for item in split} for name, split in items(made).items()} == expected
    assert dict(described(made, Silent()))["split"] == "20 train, 10 eval, 10 test, as column set says"


def test_again_it_is_taken_as_it_is_and_another_file_is_refused(tmp_path: Path) -> None:
    rows = [(seq, str(family % 2)) for seq, family in families(40, 2)]
    path = write(tmp_path / "x.csv", rows, "seq", "kind")
    made = prepare(path, tmp_path / "out", Choices(), Silent())
    first = {file: file.stat().st_mtime_ns for file in made.folder.iterdir()}
    again = prepare(path, tmp_path / "out", Choices(labels=("kind",)), Silent())
    assert {file: file.stat().st_mtime_ns for file in again.folder.iterdir()} == first
    write(path, rows[:-1], "seq", "kind")
    with pytest.raises(DataError, match=r"out: was made of another x\.csv or with other options"):
        prepare(path, tmp_path / "out", Choices(), Silent())


def test_data_of_others_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "out" / "data" / "x").mkdir(parents=True)
    path = write(
        tmp_path / "x.csv", [(seq, str(n % 2)) for n, (seq, _) in enumerate(families(40, 1))], "seq", "y"
    )
    with pytest.raises(DataError, match=r"x: is there already \(choose another folder"):
        prepare(path, tmp_path / "out", Choices(), Silent())


def test_jsonl_fasta_and_a_table_give_the_same_items(tmp_path: Path) -> None:
    rows = [(seq, ["no", "yes"][family % 2]) for seq, family in families(30, 2)]
    write(tmp_path / "t.csv", rows, "seq", "kind")
    (tmp_path / "j.jsonl").write_text("".join(json.dumps({"seq": s, "kind": k}) + "\n" for s, k in rows))
    (tmp_path / "f.fa").write_text("".join(f">kind={kind}\n{seq}\n" for seq, kind in rows))
    found = []
    for name in ("t.csv", "j.jsonl", "f.fa"):
        made = prepare(tmp_path / name, tmp_path / name[0], Choices(), Silent())
        found.append(
            {split: [(item["seq"], item["label"]) for item in each] for split, each in items(made).items()}
        )
    assert found[0] == found[1] == found[2]
    assert sorted(label for split in found[0].values() for _, label in split) == [0] * 30 + [1] * 30


def test_a_file_that_failed_may_be_mended(tmp_path: Path) -> None:
    rows = [(seq, str(n % 2)) for n, (seq, _) in enumerate(families(40, 1))]
    path = write(tmp_path / "x.csv", [(rows[0][0], label) for _, label in rows], "seq", "y")
    with pytest.raises(DataError, match=r"x\.csv: holds too few different sequences"):
        prepare(path, tmp_path / "out", Choices(), Silent())
    write(path, rows, "seq", "y")
    assert sum(map(len, items(prepare(path, tmp_path / "out", Choices(), Silent())).values())) == 40


def test_without_rapidfuzz_copies_stay_together_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqbench.suggest.prepare.find_spec", lambda name: None)
    rows = [(seq, str(family % 2)) for seq, family in families(40, 1)] * 2
    made = prepare(write(tmp_path / "x.csv", rows, "seq", "y"), tmp_path / "out", Choices(), Silent())
    places = [{item["seq"] for item in split} for split in items(made).values()]
    assert sum(map(len, places)) == 40
    assert made.why_alike is not None
    assert "pip install 'seqbench[audit]'" in made.why_alike
