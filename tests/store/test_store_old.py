"""Stores of format 1 as the first version wrote them: no shards, no dtype, no notes, a folder a chunk."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec

from seqbench.store import Block, Store, create_store, open_store
from tests.store.store_samples import LABELS, LAYERS, ROWS, H, N, S, facts, fill, identity, rows

ATTRS: dict[str, Any] = {
    "task": "classification", "n_seqs": S, "n_targets": 1, "hidden": H, "classes": [0, 1], "alphabet": "dna",
    "ceiling": None, "group": None, "settings": {"pooling": "mean"}, "versions": {"zarr": "3.1.0"},
    "splits": {"train": {"n_items": N, "sha256": "a" * 64, "block_rows": ROWS}},
}  # fmt: skip


def write(group: zarr.Group, path: str, values: np.ndarray, first: int) -> None:
    """An array of chunks of some rows, with the codecs of the contract."""
    array = group.create_array(
        path,
        shape=values.shape,
        chunks=(first, *values.shape[1:]),
        dtype=values.dtype,
        serializer=BytesCodec(endian="little"),
        compressors=(BloscCodec(cname="lz4", shuffle="shuffle"), Crc32cCodec()),
        fill_value=float("nan") if values.dtype.kind == "f" else 0,
        config={"write_empty_chunks": True},
    )
    array[:] = values


@pytest.fixture
def store(tmp_path: Path) -> Store:
    root = zarr.open_group(tmp_path / "old.zarr", mode="a", attributes={"seqbench_format": 1})
    root.require_group("m").attrs.put(identity().attrs())
    entry = root.require_group("m/d")
    entry.attrs.put(ATTRS)
    for layer in (0, 2):
        write(entry, f"{layer}/train", rows(layer), ROWS)
    for key, dtype in (("tokens", "int64"), ("windows", "int32"), ("coverage", "float32")):
        write(entry, f"items/train/{key}", np.ones((N, S), dtype=dtype), ROWS)
    write(entry, "items/train/hash", np.arange(N, dtype=np.uint64), ROWS)
    write(entry, "blocks/train", np.tile(np.array([1, 0, 1], dtype=np.uint8), (3, 1)), 1)
    write(entry, "labels/train", LABELS, N)
    return open_store(tmp_path / "old.zarr", writable=True)


def test_it_is_read(store: Store) -> None:
    entry = store["m/d"]
    assert (entry.facts.dtype, entry.facts.notes, entry.facts.splits["train"].chunk_rows) == (
        "float32",
        {},
        4,
    )
    assert Path(store.path, "m/d/2/train/c/1/0/0").is_file()
    np.testing.assert_array_equal(entry.load(2, "train"), rows(2))
    np.testing.assert_array_equal(entry.read_rows("train", 0, np.array([7, 2])), rows(0)[[7, 2]])
    assert entry.labels("train").tolist() == LABELS.tolist()
    assert (entry.rounding_error("train", 0), entry.strand_cosine("train", 0)) == (None, None)
    assert list(store.verify("m/d")) == []


def test_it_is_gone_on_with(store: Store) -> None:
    entry = create_store(store.path).require(identity(), "d", facts(versions={"zarr": "4"}))
    assert entry.missing_blocks("train", [0, 2]) == []
    fill(entry, list(range(LAYERS)))
    entry.add_notes(budget=7)
    reopened = open_store(store.path)["m/d"]
    assert (reopened.complete_layers("train"), reopened.facts.notes) == ((0, 1, 2), {"budget": 7})
    np.testing.assert_array_equal(reopened.load(1, "train"), rows(1))
    assert list(store.verify("m/d")) == []


def test_its_damage_is_repaired(store: Store) -> None:
    Path(store.path, "m/d/2/train/c/1/0/0").write_bytes(b"")
    assert [fault.where for fault in store.verify("m/d", repair=True)] == ["m/d/2/train rows 4+"]
    assert store["m/d"].missing_blocks("train", [0, 2]) == [Block(1, 4, 8)]
    fill(store["m/d"], [0, 2])
    np.testing.assert_array_equal(open_store(store.path)["m/d"].load(2, "train"), rows(2))
