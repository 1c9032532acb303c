"""Blocks of several chunks: one file each, read in part, and their damage found."""

from pathlib import Path

import numpy as np
import pytest
import zarr

from seqbench.errors import StoreError
from seqbench.store import Block, Embeddings, LayerRows, Store, create_store, open_store
from tests.store.store_samples import ROWS, SHARDED, H, N, S, facts, fill, identity, items, rows


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = create_store(tmp_path / "embeddings.zarr")
    fill(made.require(identity(), "d", facts(splits={"train": SHARDED})), [0, 2])
    return made


def shard(store: Store, number: int) -> Path:
    return Path(store.path, f"m/d/2/train/c.{number}.0.0")


def test_a_block_is_one_file_of_several_chunks(store: Store) -> None:
    array = zarr.open_group(Path(store.path), mode="r")["m/d/2/train"]
    assert (array.shards, array.chunks) == ((ROWS, S, H), (2, S, H))
    assert len(list(Path(store.path, "m/d/2/train").glob("c.*"))) == 3
    np.testing.assert_array_equal(open_store(store.path)["m/d"].load(2, "train"), rows(2))


@pytest.mark.parametrize("wanted", [[3], [0, 1, 2], [9, 0, 9, 4], [], list(range(N))])
def test_rows_are_read_in_any_order(store: Store, wanted: list[int]) -> None:
    entry = open_store(store.path)["m/d"]
    np.testing.assert_array_equal(entry.read_rows("train", -1, np.array(wanted, dtype=int)), rows(2)[wanted])


def test_only_the_chunks_of_the_wanted_rows_are_read(store: Store) -> None:
    content = bytearray(shard(store, 0).read_bytes())
    content[5] ^= 1  # in the chunk of rows 0 and 1
    shard(store, 0).write_bytes(content)
    entry = open_store(store.path)["m/d"]
    np.testing.assert_array_equal(entry.read_rows("train", 2, np.array([2, 3])), rows(2)[2:4])
    with pytest.raises(StoreError, match="can't be read"):
        entry.read_rows("train", 2, np.array([1]))


def test_rows_of_a_missing_block_are_not_read(store: Store) -> None:
    entry = store["m/d"]
    entry.clear_block("train", Block(1, 4, 8), [2])
    np.testing.assert_array_equal(entry.read_rows("train", 2, np.array([0, 9])), rows(2)[[0, 9]])
    with pytest.raises(StoreError, match="m/d layer 2 train misses 1 of 3 blocks"):
        entry.read_rows("train", 2, np.array([0, 5]))
    with pytest.raises(IndexError, match="rows 0 to 9, asked for 3 to 10"):
        entry.read_rows("train", 2, np.array([3, 10]))


def test_a_lost_shard_is_never_read_as_nan(store: Store) -> None:
    shard(store, 1).unlink()
    entry = open_store(store.path)["m/d"]
    for read in (lambda: entry.load(2, "train"), lambda: entry.read_rows("train", 2, np.array([5]))):
        with pytest.raises(StoreError, match="lacks files that were written once"):
            read()
    np.testing.assert_array_equal(entry.read_rows("train", 2, np.array([0])), rows(2)[[0]])


def test_items_that_were_left_out_are_nan_and_no_damage(store: Store) -> None:
    entry = store["m/d"]
    nan = np.full((4, S, H), np.nan, dtype=np.float32)
    entry.write_block("train", Block(0, 0, 4), [LayerRows(layer=2, rows_NSH=nan)], items(4))
    fresh = open_store(store.path)["m/d"]
    assert np.isnan(fresh.load(2, "train")[:4]).all()
    assert np.isnan(fresh.read_rows("train", 2, np.array([1]))).all()
    assert list(store.verify("m/d")) == []


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("damage", ["flip", "index", "cut", "empty", "gone"])
def test_every_damage_of_a_shard_is_found_repaired_and_only_that_block_made_again(
    store: Store, damage: str, number: int
) -> None:
    break_file(shard(store, number), damage)
    start = number * ROWS
    assert [fault.where for fault in store.verify("m/d")] == [f"m/d/2/train rows {start}+"]
    assert store["m/d"].missing_blocks("train", [0, 2]) == []
    assert [fault.repaired for fault in store.verify("m/d", repair=True)] == [True]
    entry = store["m/d"]
    assert entry.missing_blocks("train", [0]) == []
    assert [block.index for block in entry.missing_blocks("train", [0, 2])] == [number]
    fill(entry, [0, 2])
    check_sound(store)


def break_file(path: Path, damage: str) -> None:
    content = bytearray(path.read_bytes())
    if damage == "gone":
        path.unlink()
    elif damage in ("flip", "index"):
        content[20 if damage == "flip" else -10] ^= 1
        path.write_bytes(content)
    else:
        path.write_bytes(content[: len(content) // 2 if damage == "cut" else 0])


def check_sound(store: Store) -> None:
    assert list(store.verify("m/d")) == []
    entry: Embeddings = open_store(store.path)["m/d"]
    np.testing.assert_array_equal(entry.load(2, "train"), rows(2))
    np.testing.assert_array_equal(entry.load(0, "train"), rows(0))


@pytest.mark.parametrize("path", ["items/train/tokens/c.2.0", "items/train/hash/c.0", "blocks/train/c.1.0"])
@pytest.mark.parametrize("damage", ["flip", "cut", "empty"])
def test_damage_beside_the_layers_costs_one_layer_of_a_block_at_most(
    store: Store, path: str, damage: str
) -> None:
    break_file(Path(store.path, "m/d", path), damage)
    assert len(list(store.verify("m/d"))) == 1
    assert [fault.repaired for fault in store.verify("m/d", repair=True)] == [True]
    entry = store["m/d"]
    assert len(entry.missing_blocks("train", [0, 2])) == 1
    assert (entry.missing_blocks("train", [2]) == []) == path.startswith("items")
    fill(entry, [0, 2])
    check_sound(store)


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "gone"])
def test_damaged_labels_are_written_again(store: Store, damage: str) -> None:
    break_file(Path(store.path, "m/d/labels/train/c.0"), damage)
    assert [fault.where for fault in store.verify("m/d", repair=True)] == ["m/d/labels/train"]
    assert [block.index for block in store["m/d"].missing_blocks("train", [0, 2])] == [2]
    fill(store["m/d"], [0, 2])
    check_sound(store)
    assert store["m/d"].labels("train").tolist() == [0, 1] * 5


@pytest.mark.parametrize("path", ["2/train", "items/train/hash", "labels/train", "blocks/train"])
@pytest.mark.parametrize("content", ["", '{"zarr_format": 3}', '{"zarr_format": 3, "node_type": "group"}'])
def test_damaged_metadata_of_an_array_is_repaired(store: Store, path: str, content: str) -> None:
    Path(store.path, "m/d", path, "zarr.json").write_text(content)
    reopened = open_store(store.path, writable=True)
    assert [fault.repaired for fault in reopened.verify("m/d", repair=True)] == [True]
    fill(reopened["m/d"], [0, 2])
    check_sound(reopened)
