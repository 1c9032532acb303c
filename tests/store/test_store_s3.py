"""Stores in an object store, over S3's protocol: the same behaviour, and every fault one line."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from seqbench.cli.main import app
from seqbench.errors import StoreError, StoreMismatchError, StoreNotFoundError
from seqbench.store import Store, create_store, open_store
from seqbench.store.location import locate
from tests.data import write_split
from tests.store.conftest import S3Server
from tests.store.store_samples import LABELS, SHARDED, facts, fill, identity, rows

OPEN = "import sys; from seqbench.store import open_store, create_store; "


@pytest.fixture
def store(s3: S3Server) -> Store:
    made = create_store(f"{s3.bucket()}/some/folder/embeddings.zarr")
    fill(made.require(identity(), "d", facts(splits={"train": SHARDED}, dtype="float16")), [0, 2])
    return made


def test_what_was_written_is_read_back_by_url(store: Store) -> None:
    url = str(store.path)
    assert url.startswith("s3://bucket-")
    opened = open_store(url)
    entry = opened["m/d"]
    assert list(opened.keys()) == ["m/d"]
    assert (entry.layers, entry.complete_layers("train")) == ((0, 2), (0, 2))
    np.testing.assert_array_equal(entry.load(2, "train"), rows(2).astype(np.float16))
    np.testing.assert_array_equal(entry.read_rows("train", 0, np.array([9, 1])), rows(0).astype("f2")[[9, 1]])
    np.testing.assert_array_equal(entry.labels("train"), LABELS)
    assert entry.stored_bytes("train") > 0


def test_damage_in_a_bucket_is_found_and_repaired(store: Store) -> None:
    import s3fs

    files = s3fs.S3FileSystem()
    key = f"{store.path}/m/d/2/train/c.1.0.0"
    content = bytearray(files.cat_file(key))
    content[20] ^= 1
    files.pipe_file(key, bytes(content))
    files.rm(f"{store.path}/m/d/0/train/c.0.0.0")
    faults = list(store.verify("m/d", repair=True))
    assert [fault.where for fault in faults] == ["m/d/0/train rows 0+", "m/d/2/train rows 4+"]
    fill(store["m/d"], [0, 2])
    assert list(open_store(str(store.path)).verify("m/d")) == []


def test_a_record_that_is_there_is_not_replaced(s3: S3Server) -> None:
    location = locate(s3.bucket())
    location.create("zarr.json", b"first")
    location.create("zarr.json", b"second")
    assert location.sizes() == {"zarr.json": 5}


def test_of_several_at_once_with_different_weights_and_settings_exactly_one_wins(s3: S3Server) -> None:
    url, gate = f"{s3.bucket()}/e.zarr", threading.Barrier(3)

    def require(number: int) -> str | None:
        store = create_store(url)
        gate.wait()
        try:
            store.require(identity(fingerprint=str(number)), "d", facts(settings={"pooling": str(number)}))
        except StoreMismatchError:
            return None
        return str(number)

    with ThreadPoolExecutor(3) as pool:
        (winner,) = [found for found in pool.map(require, range(3)) if found]
    entry = open_store(url)["m/d"]
    assert (entry.model.fingerprint, entry.facts.settings) == (winner, {"pooling": winner})


def test_extraction_into_a_bucket_from_the_command_line(s3: S3Server, tmp_path: Path) -> None:
    write_split(tmp_path / "data/gc", "train")
    write_split(tmp_path / "data/gc", "test", items=20)
    url = f"{s3.bucket()}/embeddings.zarr"
    config = f"models: [{{kind: kmer, k: 2}}]\ndatasets: {{root: data}}\nstore: {{path: '{url}'}}"
    (tmp_path / "c.yaml").write_text(config)
    for command in (["extract", tmp_path / "c.yaml"], ["store", "verify", url], ["store", "list", url]):
        shown = CliRunner().invoke(app, [str(part) for part in command])
        assert shown.exit_code == 0, shown.output
    assert open_store(url)["kmer-2/gc"].complete_layers("test") == (0,)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.yaml", "catalog.duckdb", "data"]


def test_what_is_not_there_is_said(s3: S3Server) -> None:
    bucket = s3.bucket()
    with pytest.raises(StoreNotFoundError, match=f"{bucket}/e.zarr: no embedding store there"):
        open_store(f"{bucket}/e.zarr")
    with pytest.raises(StoreNotFoundError, match="no embedding store there"):
        open_store("s3://no-such-bucket/e.zarr")
    with pytest.raises(StoreError, match=r"can't be written: The specified bucket does not exist \("):
        create_store("s3://no-such-bucket/e.zarr")


def test_a_folder_of_other_things_is_left_alone(s3: S3Server) -> None:
    bucket = s3.bucket()
    (locate(bucket) / "folder").create("thesis.txt", b"mine")
    with pytest.raises(StoreError, match="holds other things"):
        create_store(f"{bucket}/folder")
    with pytest.raises(StoreError, match="is a file, not a store"):
        open_store(f"{bucket}/folder/thesis.txt")


@pytest.mark.parametrize(("changes", "said"), [
    ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "can't be read: Could not connect to the endpoint URL"),
    ({"AWS_ACCESS_KEY_ID": None}, "can't be read: Unable to locate credentials"),
])  # fmt: skip
def test_faults_of_the_network_are_one_line(s3: S3Server, changes: dict[str, str | None], said: str) -> None:
    environment = {key: value for key, value in {**os.environ, **changes}.items() if value is not None}
    code = OPEN + "\ntry: create_store(sys.argv[1])\nexcept Exception as error: print(type(error), error)"
    command = [sys.executable, "-c", code, f"{s3.bucket()}/e.zarr"]
    shown = subprocess.run(command, capture_output=True, text=True, env=environment, check=True).stdout
    assert said in shown
    assert "StoreError" in shown
    assert len(shown.strip().splitlines()) == 1


def test_credentials_that_are_wrong_are_one_line_that_does_not_tell_them(s3: S3Server, store: Store) -> None:
    s3.check_credentials(after=0)
    try:
        with pytest.raises(StoreError, match="Access Key Id you provided does not exist") as caught:
            open_store(str(store.path))["m/d"]
        with pytest.raises(StoreError, match="can't be written"):
            locate(str(store.path)).create("new", b"")
    finally:
        s3.check_credentials(after=float("inf"))
    assert "someone" not in str(caught.value)
    assert "hidden" not in str(caught.value)
