"""The store: what is written is read, what differs is refused, what is damaged is found."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import zarr

from seqbench.core.identity import ModelIdentity
from seqbench.errors import StoreError, StoreMismatchError, StoreNotFoundError
from seqbench.store import Block, EmbeddingFacts, SplitFacts, Store, create_store, open_store
from tests.store.store_samples import (
    LABELS,
    LAYERS,
    ROWS,
    SPLIT,
    H,
    N,
    S,
    facts,
    fill,
    identity,
    items,
    layer_rows,
    rows,
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = create_store(tmp_path / "embeddings.zarr")
    fill(made.require(identity(), "d", facts()), [0, 2])
    return made


def test_what_was_written_is_read_back(store: Store) -> None:
    entry = open_store(store.path)["m/d"]
    np.testing.assert_array_equal(entry.load(layer=2, split="train"), rows(2))
    np.testing.assert_array_equal(entry.load(layer=-1, split="train"), rows(2))
    np.testing.assert_array_equal(entry.labels("train"), LABELS)
    assert entry.items("train").tokens_NS.sum() == 7 * N * S
    assert (entry.model, entry.facts, entry.layers) == (identity(), facts(), (0, 2))


def test_any_zarr_reader_finds_the_documented_layout(store: Store) -> None:
    root = zarr.open_group(Path(store.path), mode="r")
    assert root.attrs["seqbench_format"] == 1
    assert root["m/d/2/train"].shape == (N, S, H)
    assert root["m/d/2/train"].chunks == (ROWS, S, H)
    assert root["m/d/blocks/train"][:].tolist() == [[1, 0, 1]] * 3
    assert root["m"].attrs["identity"]["fingerprint"] == "f" * 64


def test_a_further_layer_is_added_to_the_blocks_that_lack_it(store: Store) -> None:
    entry = store["m/d"]
    assert entry.missing_blocks("train", [0, 2]) == []
    assert entry.missing_blocks("train", [0, 1]) == [Block(0, 0, 4), Block(1, 4, 8), Block(2, 8, 10)]
    fill(entry, [1])
    assert entry.complete_layers("train") == (0, 1, 2)
    np.testing.assert_array_equal(entry.load(0, "train"), rows(0))


def test_an_incomplete_layer_is_not_read(tmp_path: Path) -> None:
    entry = create_store(tmp_path / "s.zarr").require(identity(), "d", facts())
    entry.prepare("train", LABELS, [0])
    entry.write_block("train", Block(1, 4, 8), layer_rows([0], slice(4, 8)), items(4))
    assert entry.missing_blocks("train", [0]) == [Block(0, 0, 4), Block(2, 8, 10)]
    with pytest.raises(StoreError, match="m/d layer 0 train misses 2 of 3 blocks"):
        entry.load(0, "train")


@pytest.mark.parametrize(("model", "data", "differs"), [
    (identity(fingerprint="e" * 64), facts(), "fingerprint f+, now it is e+"),
    (identity(), facts(settings={"pooling": "max"}), "pooling=mean, the config says pooling=max"),
    (identity(), facts(splits={"train": replace(SPLIT, sha256="b")}), "another train split"),
    (identity(), facts(hidden=9), "hidden 8, now 9"),
    (identity(), facts(splits={"test": SPLIT}), "has a split train, the data set has none any more"),
])  # fmt: skip
def test_other_weights_data_or_settings_are_refused(
    store: Store, model: ModelIdentity, data: EmbeddingFacts, differs: str
) -> None:
    with pytest.raises(StoreMismatchError, match=differs):
        store.require(model, "d", data)


def test_the_same_weights_elsewhere_are_the_same_model(store: Store) -> None:
    moved = store.require(identity(path="elsewhere"), "d", facts())
    assert moved.missing_blocks("train", [0, 2]) == []


def test_a_split_that_comes_later_joins_the_others(store: Store) -> None:
    test = SplitFacts(n_items=4, sha256="c" * 64, block_rows=4)
    later = facts(splits={"train": SPLIT, "test": test})
    assert store.require(identity(), "d", later).splits == ("train", "test")


def test_verify_passes_a_sound_store_and_finds_a_flipped_byte(store: Store) -> None:
    assert list(store.verify("m/d")) == []
    chunk = Path(store.path, "m/d/2/train/c.1.0.0")
    content = bytearray(chunk.read_bytes())
    content[20] ^= 1
    chunk.write_bytes(content)
    faults = list(store.verify("m/d"))
    assert [fault.where for fault in faults] == ["m/d/2/train rows 4+"]
    with pytest.raises(StoreError, match="m/d/2/train in the store can't be read"):
        store["m/d"].load(2, "train")


def test_verify_finds_a_chunk_that_is_gone(store: Store) -> None:
    Path(store.path, "m/d/0/train/c.0.0.0").unlink()
    assert [fault.what for fault in store.verify("m/d")] == ["chunks that were written once are missing"]


def test_labels_that_are_lost_are_never_read_as_zeros(store: Store) -> None:
    Path(store.path, "m/d/labels/train/c.0").unlink()
    with pytest.raises(StoreError, match="m/d/labels/train lacks chunks that were written once"):
        store["m/d"].labels("train")
    assert [fault.where for fault in store.verify("m/d")] == ["m/d/labels/train"]


@pytest.mark.parametrize("broken", ["m", "m/d", "m/d/0/train", "m/d/blocks/train"])
@pytest.mark.parametrize(
    "content", ["", "{", '{"zarr_format": 3}', '{"zarr_format": 3, "node_type": "group"}']
)
def test_damaged_metadata_is_a_fault_and_no_traceback(store: Store, broken: str, content: str) -> None:
    Path(store.path, broken, "zarr.json").write_text(content)
    reopened = open_store(store.path)
    for key in reopened.keys():  # noqa: SIM118 -- a Store is no mapping
        assert list(reopened.verify(key))
    with pytest.raises(StoreError):
        reopened["m/d"].load(0, "train")


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("items/train/tokens", {"shape": [2**62, S]}),
        ("items/train/hash", {"shape": [N - 1]}),
        ("2/train", {"shape": [N, S, H + 1]}),
        ("2/train", {"data_type": "int32", "fill_value": 0}),
        ("labels/train", {"shape": [N + 1]}),
        ("blocks/train", {"shape": [2**40, LAYERS]}),
    ],
)
def test_an_array_that_tells_of_another_is_told_and_made_again(
    store: Store, path: str, change: dict[str, object]
) -> None:
    place = Path(store.path, "m/d", path, "zarr.json")
    place.write_text(json.dumps(json.loads(place.read_text()) | change))
    faults = list(open_store(store.path).verify("m/d"))
    assert [fault.where for fault in faults] == [f"m/d/{path}"]
    assert "tells of another array than was written" in faults[0].what
    assert [fault.repaired for fault in store.verify("m/d", repair=True)] == [True]
    again = create_store(store.path)
    fill(again["m/d"], [0, 2])
    assert list(again.verify("m/d")) == []


def test_an_array_that_hides_from_zarr_is_told_by_who_makes_it(store: Store) -> None:
    place = Path(store.path, "m/d/blocks/train/zarr.json")
    told = json.loads(place.read_text())
    del told["zarr_format"]
    place.write_text(json.dumps(told))
    with pytest.raises(StoreError, match=r"m/d/blocks/train/zarr.json in the store can't be read"):
        create_store(store.path)["m/d"].prepare("train", LABELS, [0, 2])


def test_a_full_disk_is_one_line(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zarr.Array, "__setitem__", full)
    with pytest.raises(StoreError, match="can't be written: No space left on device"):
        fill(store["m/d"], [1])


def test_names_that_lead_out_of_the_store_are_refused(store: Store) -> None:
    for name in ("../d", "a/b", "", ".hidden"):
        with pytest.raises(ValueError, match="can't be used"):
            store.require(identity(), name, facts())


def test_what_is_missing_or_newer_is_named(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreNotFoundError, match="no embedding store there"):
        open_store(tmp_path / "nothing.zarr")
    with pytest.raises(StoreNotFoundError, match=r"has no 'm/x' \(it has m/d\)"):
        store["m/x"]
    zarr.open_group(Path(store.path)).attrs["seqbench_format"] = 2
    with pytest.raises(StoreError, match="store format 2 is newer"):
        open_store(store.path)


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(StoreError, match="holds other things"):
        create_store(tmp_path)


def test_the_package_offers_open_store_without_loading_zarr_early(store: Store) -> None:
    import seqbench

    assert seqbench.open_store(store.path)["m/d"].splits == ("train",)
