"""Hugging Face data sets: folders as they are downloaded or saved, and names through the real library."""

import json
import sys
from pathlib import Path

import datasets
import pytest

from tests.importing import do_import, manifest, refusal


@pytest.fixture
def splits() -> datasets.DatasetDict:
    features = datasets.Features(
        {
            "sequence": datasets.Value("string"),
            "label": datasets.ClassLabel(names=["no", "yes"]),
            "tags": datasets.List(datasets.Value("string")),
            "scores": datasets.List(datasets.Value("float32")),
        }
    )
    rows = {"sequence": ["AC", "GT", "CC"], "label": [1, 0, 1], "tags": [["a"], [], ["b", "a"]],
            "scores": [[0.5, 1], [2, 3], [4, 5]]}  # fmt: skip
    one = datasets.Dataset.from_dict(rows, features=features)
    return datasets.DatasetDict(train=one, validation=one, test=one)


def save(splits: datasets.DatasetDict, folder: Path, form: str) -> Path:
    if form == "saved":
        splits.save_to_disk(folder)
    for name, split in splits.items() if form == "parquet" else ():
        split.to_parquet(folder / "data" / f"{name}-00000-of-00001.parquet")
    return folder


def pairs(made: dict[str, list[dict]]) -> dict[str, list[tuple]]:
    return {split: [(item["seq"], item["label"]) for item in each] for split, each in made.items()}


CLASSES = [("AC", 1), ("GT", 0), ("CC", 1)]


@pytest.mark.parametrize("form", ["saved", "parquet"])
def test_local_folders_are_read_without_the_datasets_library(
    tmp_path: Path, splits: datasets.DatasetDict, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save(splits, tmp_path / "hf", form)
    monkeypatch.setitem(sys.modules, "datasets", None)
    made = do_import("hub", folder, out=tmp_path / "o" / "d")
    assert pairs(made) == {"train": CLASSES, "eval": CLASSES, "test": CLASSES}
    assert manifest(tmp_path / "o" / "d")["names"] == {"0": "no", "1": "yes"}
    tags = do_import("hub", folder, "--label", "tags", out=tmp_path / "o" / "t")
    assert [label for _, label in pairs(tags)["train"]] == [[1, 0], [0, 0], [1, 1]]
    scores = do_import("hub", folder, "--label", "scores", out=tmp_path / "o" / "s")
    assert [label for _, label in pairs(scores)["test"]] == [[0.5, 1.0], [2.0, 3.0], [4.0, 5.0]]


@pytest.mark.parametrize("offline", ["1", "0"])
def test_names_are_streamed_and_offline_read_from_the_cache(
    tmp_path: Path, splits: datasets.DatasetDict, monkeypatch: pytest.MonkeyPatch, offline: str
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", offline)
    asked = []

    def load(name: str, config: str | None, revision: str | None, streaming: bool) -> object:
        asked.append((name, config, revision, streaming))
        return {key: each.to_iterable_dataset() for key, each in splits.items()} if streaming else splits

    monkeypatch.setattr(datasets, "load_dataset", load)
    monkeypatch.setattr(
        "huggingface_hub.HfApi.dataset_info", lambda *_, **__: type("Info", (), {"sha": "c0ffee"})
    )
    made = do_import("hub", "owner/name", "--config", "small", "--revision", "main", out=tmp_path / "o" / "d")
    assert pairs(made) == {"train": CLASSES, "eval": CLASSES, "test": CLASSES}
    commit = None if offline == "1" else "c0ffee"
    assert asked == [("owner/name", "small", commit or "main", offline == "0")]
    found = manifest(tmp_path / "o" / "d")
    assert (found["settings"]["commit"], found["names"]) == (commit, {"0": "no", "1": "yes"})
    tags = do_import("hub", "owner/name", "--label", "tags", out=tmp_path / "o" / "t")
    assert [label for _, label in pairs(tags)["train"]] == [[1, 0], [0, 0], [1, 1]]


def test_what_can_not_be_loaded_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "o" / "d"
    # Both read the environment when they are imported, which may be before this test.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    assert refusal("hub", "../etc", out=out).startswith(
        "'../etc' is neither a folder nor the name of a data set"
    )
    assert refusal("hub", "nobody/nothing", out=out).startswith("nobody/nothing: can't be loaded: ")
    monkeypatch.setattr(datasets, "__version__", "3.6.0")
    assert "could run a data set's own code" in refusal("hub", "nobody/nothing", out=out)
    monkeypatch.setitem(sys.modules, "datasets", None)
    assert "pip install 'seqbench[hub]'" in refusal("hub", "nobody/nothing", out=out)


@pytest.mark.parametrize("name", ["../../secret.arrow", "..", "/etc/passwd", "a\\b", "link.arrow"])
def test_saved_data_sets_name_no_files_outside(
    tmp_path: Path, splits: datasets.DatasetDict, name: str
) -> None:
    folder = tmp_path / "hf"
    splits["train"].save_to_disk(folder)
    (tmp_path / "secret.arrow").write_bytes((folder / "data-00000-of-00001.arrow").read_bytes())
    (folder / "link.arrow").symlink_to(tmp_path / "secret.arrow")
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": name}]}))
    line = refusal("hub", folder, "--split", "1/1", out=tmp_path / "o" / "d")
    assert "leads out of" in line


@pytest.mark.parametrize("text", ["{", "[]", '{"_data_files": [1]}', '{"_data_files": []}', "[" * 9999])
def test_damaged_descriptions_are_faults(tmp_path: Path, text: str) -> None:
    (tmp_path / "hf").mkdir()
    (tmp_path / "hf" / "state.json").write_text(text)
    assert "state.json: is damaged" in refusal(
        "hub", tmp_path / "hf", "--split", "1/1", out=tmp_path / "o" / "d"
    )
