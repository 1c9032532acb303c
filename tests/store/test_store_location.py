"""Paths and URLs of stores: what they mean, what is refused, and what is never shown."""

import uuid
from pathlib import Path

import numpy as np
import pytest

from seqbench.errors import ConfigError, StoreError
from seqbench.store import create_store, open_store
from seqbench.store.location import LocalFolder, Location, RemoteFolder, faults, locate, location_of
from tests.store.store_samples import SHARDED, facts, fill, identity, rows


@pytest.mark.parametrize(("given", "means"), [
    ("emb.zarr", LocalFolder(Path("emb.zarr"))),
    ("/data/a:b/emb.zarr", LocalFolder(Path("/data/a:b/emb.zarr"))),
    ("c:/emb.zarr", LocalFolder(Path("c:/emb.zarr"))),
    ("file:///data/emb.zarr", LocalFolder(Path("/data/emb.zarr"))),
    ("s3://bucket/emb.zarr/", RemoteFolder("s3://bucket/emb.zarr")),
    (Path("s3://bucket/emb.zarr"), RemoteFolder("s3://bucket/emb.zarr")),
    ("GS://Bucket/a@b", RemoteFolder("gs://Bucket/a@b")),
    ("memory://x", RemoteFolder("memory://x")),
])  # fmt: skip
def test_a_path_or_url_means_a_place(given: str | Path, means: Location) -> None:
    assert locate(given) == means


@pytest.mark.parametrize(("given", "said"), [
    ("ftp://host/emb", r"ftp:// can't hold a store: give a local path, or a URL with s3://, gs://"),
    ("s3://", "names no bucket"),
    ("s3://key:secret@bucket/emb", "must hold no credentials"),
    ("s3://key:sec/ret@bucket/emb", "must hold no credentials"),
    ("s3://bucket/emb?X-Amz-Signature=secret", "must hold no credentials"),
])  # fmt: skip
def test_a_url_that_cannot_be_used_is_one_line_without_its_secrets(given: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        open_store(given)
    assert "sec" not in str(caught.value).replace("AWS_SECRET_ACCESS_KEY", "")
    assert "\n" not in str(caught.value)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec

    def absent(*arguments: object, **options: object) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec, "filesystem", absent)
    with pytest.raises(StoreError, match=r"s3://b/e: needs s3fs \(pip install 'seqbench\[remote\]'\)"):
        create_store("s3://b/e")


def test_what_clients_say_is_shown_without_credentials_and_on_one_line() -> None:
    said = "Could not connect to http://me:secret@host/bucket?X-Amz-Signature=secret\nat line 7"
    with pytest.raises(StoreError) as caught, faults("s3://b/e", "read"):
        raise OSError(said)
    assert "can't be read: Could not connect to http://***@host/bucket?*** (check" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.fixture(params=["disk", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    return locate(tmp_path / "new" if request.param == "disk" else f"memory://{uuid.uuid4().hex}/new")


def test_places_of_both_kinds_behave_alike(folder: Location) -> None:
    assert (folder.names(), folder.folders(), folder.sizes(), folder.is_file()) == ([], [], {}, False)
    folder.create("a.json", b"one")
    folder.create("a.json", b"other")
    folder.create("b/c/d", b"four")
    assert (folder.names(), folder.folders()) == (["a.json", "b"], ["b"])
    assert folder.sizes() == {"a.json": 3, "b/c/d": 4}
    assert ((folder / "b").sizes(), (folder / "a.json").is_file()) == ({"c/d": 4}, True)
    assert location_of(folder.zarr_store(read_only=False)) == folder
    (folder / "b").remove()
    (folder / "b").remove()
    assert folder.names() == ["a.json"]


def test_a_store_in_memory_is_a_store(folder: Location) -> None:
    fill(create_store(folder).require(identity(), "d", facts(splits={"train": SHARDED})), [0])
    opened = open_store(folder)
    np.testing.assert_array_equal(opened["m/d"].load(0, "train"), rows(0))
    assert list(opened.verify("m/d")) == []
    assert ".lock" not in folder.names()


def test_a_folder_that_may_not_be_written_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(StoreError, match=r"e.zarr: can't be written: Permission denied \(make room or mend"):
        create_store(tmp_path / "e.zarr")
