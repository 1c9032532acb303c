"""Names are folders and files; none leads elsewhere, and no link or index that came with data does.

Promised is what lies in data, archives and models from elsewhere. A link that the user made, such as a root
of data sets on another disk, is followed. Windows' reserved names are allowed, as seqbench is for POSIX.
"""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from seqbench.config import load_config
from seqbench.core import types
from seqbench.core.progress import Silent
from seqbench.datasets.importing import folder as folder_module
from seqbench.datasets.importing.folder import FolderSource
from seqbench.datasets.importing.importing import ImportSettings, import_dataset
from seqbench.datasets.registry import resolve
from seqbench.errors import ConfigError, DataError, ModelError, SeqbenchError
from seqbench.models.fingerprint import weight_files
from seqbench.probe.saving import path_of
from tests.command import seqbench
from tests.data import write_split
from tests.security.attacks import change_json

NAMES = (
    "../x", "..", ".", "/etc/x", "a/b", "a\\b", "", " ", "a b", "x" * 129, ".hidden", "-rf", "a\nb", "a\0b",
    "a\u202eb", "ｍodel", "mоdel", "a;b", "$(x)", "a'b", 'a"b', "<b>", "=x", "a\x1b[2J",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_no_such_name_is_taken_anywhere(tmp_path: Path, name: str) -> None:
    models = [{"kind": "kmer", "name": name}]
    for content in (
        {"models": models, "datasets": {"root": "data"}},
        {"models": [{"kind": "kmer"}], "datasets": {"root": "data", "names": [name]}},
    ):
        (tmp_path / "c.yaml").write_text(yaml.safe_dump(content, allow_unicode=False))
        with pytest.raises(ConfigError) as caught:
            load_config(tmp_path / "c.yaml")
        assert str(caught.value).isprintable()
    for part in ("model", "dataset", "head"):
        names = {"model": "m", "dataset": "d", "head": "mlp", part: name}
        if (part, name) == ("dataset", "a/b"):  # target b of data set a, a folder below it
            assert str(path_of(**names, layer=0, spec_hash="0" * 12)).startswith("m/a/b/")
            continue
        with pytest.raises(SeqbenchError):
            path_of(**names, layer=0, spec_hash="0" * 12)
    with pytest.raises(SeqbenchError):
        resolve(tmp_path, None, [name])


def test_without_the_rule_for_names_they_lead_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_split(tmp_path / "outside", "train")
    (tmp_path / "root").mkdir()
    with pytest.raises(ConfigError, match=r"data set name '\.\./outside' can't be used"):
        resolve(tmp_path / "root", None, ["../outside"])
    monkeypatch.setattr(types, "_NAME", re.compile("(?s).*"))
    (found,) = resolve(tmp_path / "root", None, ["../outside"]).specs
    assert (found.folder / "train.jsonl").is_file()
    place = path_of(model="../../x", dataset="d", layer=0, head="mlp", spec_hash="0" * 12)
    assert not (tmp_path / place).resolve().is_relative_to(tmp_path)


def test_a_link_in_data_from_elsewhere_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "private.txt").write_text("ACGT\n")
    for split, label in (("train", "a"), ("train", "b"), ("test", "a"), ("test", "b")):
        (tmp_path / "in" / split / label).mkdir(parents=True)
        (tmp_path / "in" / split / label / "1.txt").write_text(f"{'ACGT' * 3}\n")
    (tmp_path / "in" / "train" / "a" / "2.txt").symlink_to(tmp_path / "private.txt")
    settings = ImportSettings(out=tmp_path / "root" / "d")
    with pytest.raises(DataError, match=r"2\.txt: is a link that leads out of"):
        import_dataset(FolderSource(folder=tmp_path / "in"), settings, Silent())
    assert not (tmp_path / "root").exists()
    monkeypatch.setattr(folder_module, "inside", lambda path, root: path)
    assert import_dataset(FolderSource(folder=tmp_path / "in"), settings, Silent()).items["train"] == 3


def test_a_link_that_the_user_made_is_followed(tmp_path: Path) -> None:
    """The promise's other side: roots and data sets often lie on another disk."""
    for split in ("train", "test"):
        write_split(tmp_path / "disk" / "d", split)
    (tmp_path / "root").symlink_to(tmp_path / "disk")
    (tmp_path / "disk" / "e").symlink_to(tmp_path / "disk" / "d")
    assert [spec.name for spec in resolve(tmp_path / "root", None, None).specs] == ["d", "e"]
    done = seqbench("datasets", "check", tmp_path / "root")
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("name", ["../evil.safetensors", "/evil.safetensors", "a/evil.safetensors"])
def test_an_index_of_weights_names_files_beside_it(
    tiny_model: Callable[[str], Path], tmp_path: Path, name: str
) -> None:
    folder = shutil.copytree(tiny_model("bert"), tmp_path / "m")
    (folder / "model.safetensors").rename(tmp_path / "evil.safetensors")
    change_json(folder / "model.safetensors.index.json", weight_map={"w": name})
    with pytest.raises(ModelError, match="which is not in its folder"):
        weight_files(folder)
    shutil.copy(tmp_path / "evil.safetensors", folder / "good.safetensors")
    change_json(folder / "model.safetensors.index.json", weight_map={"w": "good.safetensors"})
    assert weight_files(folder) == [folder / "good.safetensors"]


@pytest.mark.parametrize("make", ["zip", "tar", "gztar"])
def test_archives_are_refused_unopened(tmp_path: Path, make: str) -> None:
    """No archive is unpacked, so members with `..`, links, devices and bombs have no way in."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.fa").write_text(">a label=0\nACGT\n")
    path = shutil.make_archive(str(tmp_path / "x"), make, tmp_path / "in")
    options = ("--label-key", "label", "--split", "1/1", "--out", tmp_path / "root" / "d")
    done = seqbench("datasets", "import", "fasta", path, *options)
    assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1), done.output
    assert not (tmp_path / "root").exists()
    assert sorted(os.listdir(tmp_path)) == sorted(["in", Path(path).name])
