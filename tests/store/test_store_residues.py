"""Per-residue HDF5: joined by id to a data set, read back equal, refused where lengths or ids do not fit."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from seqbench.store import open_store
from tests.command import seqbench

SEQUENCES = {"train": ["MKVA", "GG", "MKVAT"], "eval": ["AC", "MMM"], "test": ["ACD", "KK", "WWWWWW"]}
H = 5


def name(split: str, item: int) -> str:
    return f"sp|{split}{item}|X"


def vectors(split: str, item: int) -> np.ndarray:
    rng = np.random.default_rng([item, *split.encode()])
    return rng.standard_normal((len(SEQUENCES[split][item]), H)).astype(np.float16)


@pytest.fixture
def world(tmp_path: Path) -> Path:
    (tmp_path / "data/d").mkdir(parents=True)
    with h5py.File(tmp_path / "r.h5", "w") as file:
        for split, texts in SEQUENCES.items():
            lines = []
            for item, text in enumerate(texts):
                lines.append(json.dumps({"id": name(split, item), "seq": text, "label": item % 2}) + "\n")
                made = file.create_dataset(f"{len(file)}", data=vectors(split, item))
                made.attrs["original_id"] = name(split, item)
            (tmp_path / f"data/d/{split}.jsonl").write_text("".join(lines))
    return tmp_path


def imported(world: Path) -> str:
    done = seqbench(
        "store", "import", world / "s.zarr", world / "r.h5", "--format", "residues",
        "--model", "prott5", "--dataset", "d", "--data", world / "data",
    )  # fmt: skip
    return f"{done.exit_code} {done.output} {done.exception or ''}"


def test_residues_are_joined_to_items_by_original_id(world: Path) -> None:
    assert imported(world).startswith("0 ")
    found = open_store(world / "s.zarr")["prott5@tokens/d"].tokens(0, "test")
    for item in range(3):
        np.testing.assert_array_equal(found[item], vectors("test", item).astype(np.float32))


def test_what_is_exported_is_imported_again(world: Path) -> None:
    imported(world)
    done = seqbench(
        "store", "export", world / "s.zarr", world / "out", "--format", "residues", "--data", world / "data"
    )
    assert done.exit_code == 0, done.output
    with h5py.File(world / "out/prott5@tokens/d-0layer_train.h5") as file:
        by_id = {each.attrs["original_id"]: each[()] for each in file.values()}
        assert [int(each.attrs["label"]) for each in file.values()] == [0, 1, 0]
    assert by_id.keys() == {name("train", item) for item in range(3)}
    np.testing.assert_array_equal(by_id[name("train", 2)], vectors("train", 2))


def test_another_number_of_residues_than_letters_is_named_by_line(world: Path) -> None:
    (world / "data/d/test.jsonl").write_text(json.dumps({"id": name("test", 0), "seq": "ACDEF", "label": 0}))
    assert "test.jsonl:1: the sequence of sp|test0|X has 5 letters" in imported(world).replace("\n", " ")
    assert not (world / "s.zarr").exists()


def test_ids_that_the_file_lacks_and_vectors_that_are_pooled_are_named(world: Path) -> None:
    with h5py.File(world / "r.h5", "r+") as file:
        del file["0"]
    assert "lacks 1 of 3 ids: sp|train0|X" in imported(world)
    with h5py.File(world / "r.h5", "r+") as file:
        file.create_dataset("0", data=np.zeros(H, dtype=np.float32)).attrs["original_id"] = name("train", 0)
    assert "should have a row a residue" in imported(world)


def test_a_damaged_file_is_told_in_one_line(world: Path) -> None:
    (world / "r.h5").write_bytes((world / "r.h5").read_bytes()[:700])
    assert imported(world).startswith("2 ") or "can't be read" in imported(world)


def test_exporting_residues_of_a_store_without_tokens_says_so(world: Path) -> None:
    from seqbench.store import create_store
    from tests.store.filled import fill

    fill(create_store(world / "p.zarr"))
    done = seqbench("store", "export", world / "p.zarr", world / "out", "--format", "residues")
    assert "has no tokens" in done.output.replace("\n", " ")


def test_labels_of_letters_come_with_the_residues(world: Path) -> None:
    (world / "info.yaml").write_text("d: {level: token, classes: [H, C]}\n")
    for split, texts in SEQUENCES.items():
        items = [
            {"id": name(split, item), "seq": text, "label": ("HC." * 3)[: len(text)]}
            for item, text in enumerate(texts)
        ]
        (world / f"data/d/{split}.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    done = seqbench(
        "store", "import", world / "s.zarr", world / "r.h5", "--format", "residues",
        "--model", "prott5", "--dataset", "d", "--data", world / "data", "--info", world / "info.yaml",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    entry = open_store(world / "s.zarr")["prott5@tokens/d"]
    found = entry.letters("test")
    assert found.lengths.tolist() == [3, 2, 6]
    assert found.item(2).tolist() == [0, 1, np.iinfo(np.int64).min] * 2
    assert not [*open_store(world / "s.zarr").verify("prott5@tokens/d")]
