"""What is known of a checkpoint without asking transformers, and when it is asked again."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import transformers

from seqbench.core import kept
from seqbench.models import fingerprint
from seqbench.models.base import EmbedOptions
from seqbench.models.fingerprint import file_hash
from seqbench.models.huggingface import HuggingFace

BIG = b"ACGT" * 300_000


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEQBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(kept, "SETTLED_SECONDS", 0.0)
    return tmp_path / "cache"


@pytest.fixture
def folder(tiny_model: Callable[[str], Path], tmp_path: Path) -> Path:
    return shutil.copytree(tiny_model("bert"), tmp_path / "model")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    path.write_bytes(BIG)
    return path


def identify(folder: Path) -> tuple[int, int | None, str]:
    found = HuggingFace(name="m", path=str(folder), options=EmbedOptions()).identity()
    return found.n_layers, found.hidden, found.fingerprint


def no_more(monkeypatch: pytest.MonkeyPatch, owner: object, name: str) -> None:
    def asked(*_: object, **__: object) -> None:
        raise AssertionError(f"{name} was asked again")

    monkeypatch.setattr(owner, name, asked)


def test_a_second_identity_asks_no_transformers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = identify(folder)
    no_more(monkeypatch, transformers.AutoConfig, "from_pretrained")
    assert identify(folder) == first == (4, 32, first[2])


def test_a_changed_config_is_read_anew(folder: Path) -> None:
    identify(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 2}))
    assert identify(folder)[0] == 3


def test_another_version_of_transformers_reads_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    identify(folder)
    monkeypatch.setattr("seqbench.models.checkpoint.version", lambda _: "99.0")
    no_more(monkeypatch, transformers.AutoConfig, "from_pretrained")
    with pytest.raises(Exception, match="asked again"):
        identify(folder)


def test_a_cache_that_cannot_be_used_changes_nothing(folder: Path, cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    assert identify(folder) == identify(folder)


def test_damage_in_the_cache_is_found_and_mended(folder: Path, cache: Path) -> None:
    first = identify(folder)
    for entry in cache.rglob("*.json"):
        entry.write_text(entry.read_text()[:-9])
    assert identify(folder) == first


def test_an_unchanged_big_file_is_hashed_once(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = file_hash(weights)
    no_more(monkeypatch, fingerprint, "_hash")
    assert file_hash(weights) == first


def test_a_change_that_keeps_size_and_time_is_seen(weights: Path) -> None:
    before = weights.stat()
    first = file_hash(weights)
    weights.write_bytes(b"T" + BIG[1:])
    os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file_hash(weights) != first


def test_a_file_that_was_just_written_is_not_kept(
    weights: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "SETTLED_SECONDS", 60.0)
    file_hash(weights)
    assert not list(cache.rglob("*.json"))
