"""What is read of a local store without zarr says what zarr says, or leaves it to zarr."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import zarr

from seqbench.errors import StoreError
from seqbench.store import SplitFacts, Store, create_store, open_store
from seqbench.store.groups import plain_attrs
from seqbench.store.location import LocalFolder, RemoteFolder
from seqbench.store.marks import plain_marks
from tests.store.store_samples import LAYERS, facts, fill, identity

BLOCKS = 3


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = create_store(tmp_path / "embeddings.zarr")
    fill(made.require(identity(), "d", facts()), [0, 2])
    return made


def marks_of(store: Store) -> LocalFolder:
    return LocalFolder(Path(store.path, "m/d/blocks/train"))


def by_zarr(store: Store) -> np.ndarray:
    return np.asarray(zarr.open_group(Path(store.path), mode="r")["m/d/blocks/train"]).astype(bool)


def test_marks_and_attributes_are_those_that_zarr_reads(store: Store) -> None:
    Path(marks_of(store).path, "c.1.0").unlink()
    found = plain_marks(marks_of(store), BLOCKS, LAYERS)
    assert found is not None
    np.testing.assert_array_equal(found, by_zarr(store))
    assert found.tolist() == [[True, False, True], [False] * 3, [True, False, True]]
    for path in ("", "m", "m/d", "m/d/blocks"):
        read = zarr.open_group(Path(store.path), path=path, mode="r").attrs
        assert plain_attrs(LocalFolder(Path(store.path, path))) == dict(read)


def test_a_changed_mark_is_seen_at_once(store: Store) -> None:
    entry = open_store(store.path, writable=True)["m/d"]
    assert entry.complete_layers("train") == (0, 2)
    array = zarr.open_group(Path(store.path), mode="r+")["m/d/blocks/train"]
    array[1, 2] = 0
    assert entry.complete_layers("train") == (0,)
    assert [block.index for block in entry.missing_blocks("train", (0, 2))] == [1]


@pytest.mark.parametrize("place", [3, 17, 20])
def test_damaged_marks_are_left_to_zarr_which_says_so(store: Store, place: int) -> None:
    file = Path(marks_of(store).path, "c.1.0")
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)
    assert plain_marks(marks_of(store), BLOCKS, LAYERS) is None
    with pytest.raises(StoreError, match=r"m/d/blocks/train in the store can't be read"):
        open_store(store.path)["m/d"].complete_layers("train")


@pytest.mark.parametrize(
    ("key", "value"), [("shape", [4, 3]), ("data_type", "int8"), ("fill_value", 1), ("codecs", [])]
)
def test_marks_that_are_described_otherwise_are_left_to_zarr(store: Store, key: str, value: object) -> None:
    place = Path(marks_of(store).path, "zarr.json")
    described = json.loads(place.read_text())
    place.write_text(json.dumps(described | {key: value}))
    assert plain_marks(marks_of(store), BLOCKS, LAYERS) is None


def test_marks_of_so_many_layers_that_they_are_compressed_are_read_by_zarr(tmp_path: Path) -> None:
    made = create_store(tmp_path / "embeddings.zarr")
    one = SplitFacts(n_items=10, sha256="a" * 64, block_rows=4)
    entry = made.require(replace(identity(), n_layers=300), "d", facts(splits={"train": one}))
    fill(entry, [0, 299])
    assert plain_marks(marks_of(made), BLOCKS, 300) is None
    assert open_store(made.path)["m/d"].complete_layers("train") == (0, 299)


@pytest.mark.parametrize("content", ['{"zarr_format": 2}', "rubbish", "[]", '{"attributes": {}}'])
def test_groups_that_are_described_otherwise_are_left_to_zarr(store: Store, content: str) -> None:
    Path(store.path, "m/d/zarr.json").write_text(content)
    assert plain_attrs(LocalFolder(Path(store.path, "m/d"))) is None
    with pytest.raises(StoreError, match=r"zarr\.json"):
        open_store(store.path)["m/d"]


def test_object_stores_are_left_to_zarr() -> None:
    assert plain_marks(RemoteFolder("memory://nowhere"), 1, 1) is None


def test_zarr_is_loaded_where_vectors_are_read_and_not_before(store: Store) -> None:
    program = (
        "import sys; from seqbench.store import open_store; "
        f"entry = open_store({str(store.path)!r})['m/d']; "
        "print(entry.complete_layers('train'), 'zarr' in sys.modules); "
        "print(entry.load(layer=0, split='train').shape, 'zarr' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines() == ["(0, 2) False", "(10, 2, 8) True"]
