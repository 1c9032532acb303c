"""Audits and splits of data sets whose labels are of letters."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqbench.audit.audit import audit_dataset
from seqbench.audit.settings import AuditSettings
from seqbench.core.progress import Silent
from seqbench.datasets.spec import DatasetSpec
from tests.audit.making import finding, random_dna, reverse_complement, write
from tests.command import seqbench


def purines(sequence: str) -> str:
    return "".join("R" if letter in "AG" else "Y" for letter in sequence)


def items(rng: np.random.Generator, count: int) -> list[dict[str, Any]]:
    found = []
    for number in range(count):
        sequence = random_dna(rng, 40 + number % 7)
        found.append({"seq": sequence, "label": purines(sequence), "id": str(number)})
    return found


@pytest.mark.parametrize("form", ["string", "list", "lists"])
def test_copies_and_contradicting_letters_are_found(tmp_path: Path, form: str) -> None:
    rng = np.random.default_rng(0)
    train, test = items(rng, 40), items(rng, 40)
    same = [dict(train[number]) for number in range(6)]
    same[0]["label"] = "." * 20 + same[0]["label"][20:]  # what is not known contradicts nothing
    same[1]["label"] = ("Y" if same[1]["label"][0] == "R" else "R") + same[1]["label"][1:]
    reverse = [{**train[9], "seq": reverse_complement(train[9]["seq"])}]
    made = {"train": train, "test": test + same + reverse}
    values: dict[str, Any] = {"string": None, "list": {"R": 1, "Y": 0}, "lists": {"R": [2.5], "Y": [0.5]}}
    if form != "string":
        for each in [*train, *made["test"]]:
            if isinstance(each["label"], str):
                each["label"] = [values[form].get(letter) for letter in each["label"]]
    folder = write(tmp_path / "purines", made)
    spec = DatasetSpec(name="purines", folder=folder, level="token")
    record = audit_dataset(spec, AuditSettings(resamples=200), Silent())
    assert finding(record, "copies").measured.startswith("7 of 47")
    assert finding(record, "conflicting labels").measured.startswith("1 of 47")
    assert np.flatnonzero(record.marks["test"].conflict_N).tolist() == [41]
    told = record.splits[0].labels
    if form != "lists":
        counts = Counter("".join(purines(each["seq"]) for each in train))
        assert set(told.values()) == set(counts.values())
    assert [control.reason for control in record.controls] == [
        "labels are of letters (level: token), and controls learn those of items"
    ]


def test_splits_keep_labels_of_letters_and_share_out_what_is_rare(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    made = items(rng, 100)
    for number in range(0, 100, 10):  # a class that a tenth of the items have
        made[number]["label"] = "X" + made[number]["label"][1:]
    source = write(tmp_path / "in", {"all": made}) / "all.jsonl"
    out = tmp_path / "out"
    shown = seqbench("datasets", "split", source, out, "--fractions", "0.6,0.2,0.2", "--level", "token")
    assert shown.exit_code == 0, shown.output
    lines = {json.dumps(item) for item in made}
    manifest = json.loads((out / "manifest.json").read_text())
    for split, rare in (("train", 6), ("eval", 2), ("test", 2)):
        written = (out / f"{split}.jsonl").read_text().splitlines()
        assert set(written) <= lines
        labels = [json.loads(line)["label"] for line in written]
        assert sum("X" in label for label in labels) == rare
        counts = Counter("".join(labels))
        # Classes are numbered as their names are sorted.
        assert manifest["splits"][split]["labels"] == {"0": counts["R"], "1": counts["X"], "2": counts["Y"]}
    wrong = write(tmp_path / "bad", {"all": [*made, {"seq": "ACGT", "label": "RRR"}]}) / "all.jsonl"
    refused = seqbench("datasets", "split", wrong, tmp_path / "out2", "--level", "token")
    assert refused.exit_code == 2
    assert "all.jsonl:101: 'label' has 3 entries, the sequence 4 letters" in refused.output


def test_check_tells_letters(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    write(tmp_path / "purines", {"train": items(rng, 40), "test": items(rng, 10)})
    (tmp_path / "info.yaml").write_text("purines: {level: token, classes: [R, Y]}\n")
    shown = seqbench("datasets", "check", tmp_path, "--info", tmp_path / "info.yaml")
    assert shown.exit_code == 0, shown.output
    assert "a label a letter" in " ".join(shown.output.split())
    assert "test has 10 sequences, too few to tell models apart" in shown.output
    audited = seqbench("datasets", "audit", tmp_path, "--info", tmp_path / "info.yaml")
    assert audited.exit_code == 0, audited.output
