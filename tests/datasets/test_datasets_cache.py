import os

import numpy as np
import pytest

from seqbench.core.kept import cache_folder
from seqbench.datasets import dataset as module
from seqbench.datasets.cache import IndexCache
from seqbench.datasets.dataset import open_dataset
from seqbench.datasets.index import Reading, scan_split
from seqbench.errors import DataError

ASKED = Reading()
LONG = [{"seq": "ACGT" * 300_000, "label": i} for i in range(2)]


@pytest.fixture
def old(jsonl, monkeypatch):
    """A file over 1 MB whose last change counts as long ago."""
    monkeypatch.setattr("seqbench.core.kept.SETTLED_SECONDS", 0.0)
    return jsonl(LONG)


def load(cache, path, **asked):
    return IndexCache(cache).load(path, Reading(**asked))


def test_a_cached_index_is_the_scanned_one(old, cache):
    index = scan_split(old)
    IndexCache(cache).save(index, ASKED)
    again = load(cache, old)
    assert again is not None
    for name in type(index).__slots__:
        np.testing.assert_array_equal(getattr(again, name), getattr(index, name))


def test_a_changed_file_or_another_question_is_not_answered_from_the_cache(old, cache):
    IndexCache(cache).save(scan_split(old), ASKED)
    assert load(cache, old, label_key="y") is None
    assert load(cache, old, seq_keys=("seq",)) is None
    os.utime(old)
    assert load(cache, old) is None


def test_a_changed_file_of_the_same_size_and_time_is_scanned_again(old, cache):
    """As `cp --preserve` and `rsync --times` leave one behind."""
    before = old.stat()
    IndexCache(cache).save(scan_split(old), ASKED)
    old.write_bytes(old.read_bytes().replace(b'"label": 0', b'"label": 7'))
    os.utime(old, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (old.stat().st_size, old.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert load(cache, old) is None


@pytest.mark.parametrize("content", [b"", b"rubbish", None])
def test_a_damaged_cache_is_as_good_as_none(old, cache, content):
    IndexCache(cache).save(scan_split(old), ASKED)
    (entry,) = (cache / "index").iterdir()
    entry.write_bytes(entry.read_bytes()[:-300] if content is None else content)
    assert load(cache, old) is None


def test_small_and_just_changed_files_are_not_cached(jsonl, cache, monkeypatch):
    IndexCache(cache).save(scan_split(jsonl(LONG)), ASKED)
    monkeypatch.setattr("seqbench.core.kept.SETTLED_SECONDS", 0.0)
    IndexCache(cache).save(scan_split(jsonl([{"seq": "A", "label": 0}], "small.jsonl")), ASKED)
    assert not (cache / "index").exists()


def test_a_folder_that_cannot_be_written_is_no_error(old, cache):
    cache.write_text("a file where the folder should be")
    IndexCache(cache).save(scan_split(old), ASKED)
    assert load(cache, old) is None


def test_a_second_opening_scans_nothing(spec, monkeypatch):
    d = spec(train=LONG, test=LONG)
    monkeypatch.setattr("seqbench.core.kept.SETTLED_SECONDS", 0.0)
    first = open_dataset(d)
    monkeypatch.setattr(module, "scan_split", None)
    assert open_dataset(d).sha256 == first.sha256


def test_a_missing_file_is_not_found_in_the_cache(old, cache):
    IndexCache(cache).save(scan_split(old), ASKED)
    old.unlink()
    assert load(cache, old) is None
    with pytest.raises(DataError, match="no such file"):
        scan_split(old)


def test_the_cache_lies_where_the_environment_says(monkeypatch, tmp_path):
    assert cache_folder() == tmp_path / "cache"
    monkeypatch.delenv("SEQBENCH_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "seqbench"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "seqbench"
