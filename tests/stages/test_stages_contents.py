"""What a run records of the splits of its data sets."""

import json
from pathlib import Path
from statistics import quantiles
from typing import Any

import numpy as np
import pytest
import torch

from seqbench.catalog import Catalog
from seqbench.config import Config
from seqbench.core.progress import Silent
from seqbench.schedule.run import run
from seqbench.stages.contents import length_quartiles

SPLITS = {"train": 24, "eval": 9, "test": 8}


def write(folder: Path, label: Any, n_seqs: int = 1) -> dict[str, list[Any]]:
    """Splits whose items have the label of their number; returns the lines of each."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(3)
    found: dict[str, list[Any]] = {}
    for split, count in SPLITS.items():
        keys = ["seq"] if n_seqs == 1 else [f"seq{number + 1}" for number in range(n_seqs)]
        lines = [
            {key: "".join(rng.choice(list("ACGT"), rng.integers(4, 40))) for key in keys}
            | {"label": label(item)}
            for item in range(count)
        ]
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        found[split] = lines
    return found


def config(root: Path, model: dict[str, Any]) -> Config:
    return Config.model_validate(
        {
            "models": [model],
            "datasets": {"root": root / "data"},
            "store": {"path": root / "embeddings.zarr"},
            "catalog": root / "catalog.duckdb",
        }
    )


def facts(root: Path) -> dict[str, Any]:
    ((text,),) = Catalog(root / "catalog.duckdb").query("SELECT facts FROM datasets").rows
    return json.loads(text)


def extracted(root: Path) -> dict[str, Any]:
    assert run(config(root, {"kind": "kmer", "k": 1}), Silent(), "extract").failed == ()
    return facts(root)


def test_classes_are_counted_in_the_order_of_their_numbers_with_those_that_a_split_lacks(tmp_path: Path):
    lines = write(tmp_path / "data" / "d", lambda item: (7, 3, 5)[item % 3] if item < 9 else 3)
    found = extracted(tmp_path)
    assert list(found) == ["train", "eval", "test"]
    for split, items in lines.items():
        labels = [line["label"] for line in items]
        assert found[split]["n_items"] == len(items)
        assert found[split]["label_counts"] == [labels.count(3), labels.count(5), labels.count(7)]
        assert found[split]["targets"] is None


def test_lengths_are_those_of_all_sequences_of_the_items(tmp_path: Path):
    lines = write(tmp_path / "data" / "d", lambda item: item % 2, n_seqs=2)
    found = extracted(tmp_path)
    lengths = sorted(len(line[key]) for line in lines["train"] for key in ("seq1", "seq2"))
    assert len(lengths) == 48
    assert found["train"]["lengths"] == [lengths[0], lengths[11], lengths[23], lengths[35], lengths[47]]
    assert length_quartiles(np.array([[7]])) == (7, 7, 7, 7, 7)


def test_labels_are_counted_one_by_one(tmp_path: Path):
    write(tmp_path / "data" / "d", lambda item: [1, item % 2, int(item == 0)])
    assert extracted(tmp_path)["test"]["label_counts"] == [8, 4, 1]


def test_targets_of_a_regression_have_quartiles_each(tmp_path: Path):
    lines = write(tmp_path / "data" / "d", lambda item: [item * 0.5, -1.5])
    found = extracted(tmp_path)["train"]
    values = [line["label"][0] for line in lines["train"]]
    expected = [min(values), *quantiles(values, n=4, method="inclusive"), max(values)]
    assert found["label_counts"] is None
    assert found["targets"] == [pytest.approx(expected), [-1.5] * 5]


def test_a_bare_number_is_one_target(tmp_path: Path):
    write(tmp_path / "data" / "d", lambda item: item + 0.25)
    assert extracted(tmp_path)["eval"]["targets"] == [[0.25, 2.25, 4.25, 6.25, 8.25]]


@pytest.mark.parametrize(
    ("combine", "shape", "warns"), [("mean", (8,), 1), ("mean", (2, 4), 0), ("concat", (8,), 0)]
)
def test_pairs_that_were_flattened_are_told_to_stay_concatenated_where_they_should_be_averaged(
    tmp_path: Path, combine: str, shape: tuple[int, ...], warns: int
):
    lines = write(tmp_path / "data" / "d", lambda item: item % 2, n_seqs=2)
    given = tmp_path / "given"
    given.mkdir()
    for split, items in lines.items():
        labels = torch.tensor([line["label"] for line in items])
        content = {"embeddings": torch.zeros(len(items), *shape), "labels": labels}
        torch.save(content, given / f"d-0layer_{split}.pt")
    asked = config(tmp_path, {"kind": "precomputed", "name": "theirs", "path": given, "n_layers": 1})
    asked = asked.model_copy(update={"probe": asked.probe.model_copy(update={"combine": combine})})
    notes = Silent()
    assert run(asked, notes, "extract").failed == ()
    said = [line for line in notes.notes if "stay concatenated" in line]
    assert len(said) == warns
    assert all("theirs × d: items have 2 sequences" in line for line in said)


@pytest.mark.parametrize("files", ["none", "theirs", "others", "faulty"])
def test_lengths_of_imported_embeddings_are_known_where_their_data_set_is_there(tmp_path: Path, files: str):
    lines = write(tmp_path / "data" / "d", lambda item: item % 2)
    given = tmp_path / "given"
    given.mkdir()
    for split, items in lines.items():
        content = {
            "embeddings": torch.zeros(len(items), 1, 4),
            "labels": torch.tensor([line["label"] for line in items]),
        }
        for layer in (0, 1):
            torch.save(content, given / f"d-{layer}layer_{split}.pt")
    path = tmp_path / "data" / "d" / "test.jsonl"
    if files == "none":
        for split in SPLITS:
            (tmp_path / "data" / "d" / f"{split}.jsonl").unlink()
    elif files == "others":
        path.write_text(path.read_text().replace('"label": 1', '"label": 0'))
    elif files == "faulty":
        path.write_text("nonsense\n")
    model = {"kind": "precomputed", "name": "theirs", "path": given, "n_layers": 1}
    assert run(config(tmp_path, model), Silent(), "extract").failed == ()
    found = facts(tmp_path)
    assert found["train"]["label_counts"] == [12, 12]
    assert (found["train"]["lengths"] is not None) == (files == "theirs")
