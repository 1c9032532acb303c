"""`seqbench store`: export, import, prune and repair as a user gives them."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from seqbench.cli.main import app
from seqbench.store import open_store
from tests.data import write_split
from tests.store.filled import fill, filled_store, labels, rows


def seqbench(*arguments: object, text: str | None = None) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=text)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    fill(filled_store(tmp_path / "s.zarr"), model="n")
    return tmp_path / "s.zarr"


@pytest.mark.parametrize("kind", ["npy", "parquet", "anndata"])
def test_a_store_goes_out_and_comes_back(store: Path, tmp_path: Path, kind: str) -> None:
    pytest.importorskip({"parquet": "pyarrow"}.get(kind, "anndata"))
    out = seqbench("store", "export", store, tmp_path / "out", "--format", kind, "--model", "m")
    assert (out.exit_code, "files written" in out.stdout) == (0, True), out.output
    done = seqbench(
        "store", "import", tmp_path / "t.zarr", tmp_path / "out/m", "--format", kind, "--model", "m"
    )
    assert done.exit_code == 0, done.output
    assert "imported m/d" in done.stdout
    np.testing.assert_array_equal(open_store(tmp_path / "t.zarr")["m/d"].load(2, "test"), rows(2, "test"))


def test_pt_files_come_back_but_not_where_a_split_lacks_a_layer(store: Path, tmp_path: Path) -> None:
    arguments = ("--format", "pt", "--model", "theirs")
    assert seqbench("store", "export", store, tmp_path / "out", "--format", "pt").exit_code == 0
    (tmp_path / "out/m/d-2layer_test.pt").rename(tmp_path / "away.pt")
    lacking = seqbench("store", "import", tmp_path / "t.zarr", tmp_path / "out/m", *arguments)
    assert lacking.exit_code == 2
    assert "d-2layer_test.pt is missing" in lacking.stderr
    assert not (tmp_path / "t.zarr").exists()
    (tmp_path / "away.pt").rename(tmp_path / "out/m/d-2layer_test.pt")
    done = seqbench("store", "import", tmp_path / "t.zarr", tmp_path / "out/m", *arguments)
    assert done.exit_code == 0, done.output
    entry = open_store(tmp_path / "t.zarr")["theirs/d"]
    assert entry.layers == (0, 2)
    np.testing.assert_array_equal(entry.load(-1, "train"), rows(2, "train"))
    np.testing.assert_array_equal(entry.labels("train"), labels("train"))


def test_imported_pt_files_are_what_extract_makes_of_them(store: Path, tmp_path: Path) -> None:
    seqbench("store", "export", store, tmp_path / "out", "--format", "pt", "--layer", "0")
    folder = tmp_path / "out/m"
    done = seqbench("store", "import", tmp_path / "t.zarr", folder, "--format", "pt", "--model", "theirs")
    assert done.exit_code == 0, done.output
    (tmp_path / "run.yaml").write_text(
        f"models: [{{kind: precomputed, name: theirs, path: {folder}, n_layers: 1}}]\n"
        "store: {path: t.zarr}\n"
    )
    again = seqbench("extract", tmp_path / "run.yaml")
    assert again.exit_code == 0, again.output
    assert open_store(tmp_path / "t.zarr")["theirs/d"].layers == (0,)


def test_a_pt_file_of_another_width_is_named(store: Path, tmp_path: Path) -> None:
    import torch

    seqbench("store", "export", store, tmp_path / "out", "--format", "pt", "--layer", "0")
    wide = {"embeddings": torch.zeros(23, 9), "labels": torch.zeros(23, dtype=torch.int64)}
    torch.save(wide, tmp_path / "out/m/d-1layer_train.pt")
    torch.save(wide, tmp_path / "out/m/d-1layer_test.pt")
    done = seqbench(
        "store", "import", tmp_path / "t.zarr", tmp_path / "out/m", "--format", "pt", "--model", "m"
    )
    assert done.exit_code == 2
    assert "d-1layer_train.pt: shape or labels differ" in done.stderr


def test_export_asks_before_it_overwrites(store: Path, tmp_path: Path) -> None:
    export = ("store", "export", store, tmp_path, "--format", "npy")
    assert seqbench(*export).exit_code == 0
    refused = seqbench(*export)
    assert (refused.exit_code, len(refused.stderr.splitlines())) == (2, 1)
    assert "is there already (--force overwrites)" in refused.stderr
    assert seqbench(*export, "--force").exit_code == 0


def test_prune_says_what_goes_and_in_a_pipe_wants_yes(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prune = ("store", "prune", store, "--model", "n", "--layer", "-1")
    dry = seqbench(*prune, "--dry-run")
    assert (dry.exit_code, dry.stdout.splitlines()[0].split(":")[0]) == (0, "n/d layer 2")
    assert "would be removed" in dry.stdout
    piped = seqbench(*prune, text="y\n")
    assert (piped.exit_code, piped.stderr.count("\n")) == (2, 1)
    assert "add --yes" in piped.stderr
    assert open_store(store)["n/d"].layers == (0, 2)
    assert seqbench(*prune, "--yes").exit_code == 0
    assert (open_store(store)["n/d"].layers, open_store(store)["m/d"].layers) == ((0,), (0, 2))


@pytest.mark.parametrize(("answer", "left"), [("n", ["m/d", "n/d"]), ("y", ["n/d"])])
def test_prune_asks_on_a_terminal(
    store: Path, monkeypatch: pytest.MonkeyPatch, answer: str, left: list[str]
) -> None:
    monkeypatch.setattr("seqbench.cli.store._is_terminal", lambda: True)
    done = seqbench("store", "prune", store, "--model", "m", text=f"{answer}\n")
    assert "Remove" in done.output
    assert done.exit_code == (0 if answer == "y" else 1)
    assert list(open_store(store).keys()) == left


def test_prune_needs_to_know_what(store: Path) -> None:
    done = seqbench("store", "prune", store, "--yes")
    assert done.exit_code == 2
    assert "name what to remove with --model, --dataset or --layer" in done.stderr


def test_extract_computes_again_just_what_verify_repaired(tmp_path: Path) -> None:
    for split in ("train", "test"):
        write_split(tmp_path / "data" / "gc", split)
    (tmp_path / "run.yaml").write_text("models: [{kind: kmer, k: 3}]\ndatasets: {root: data}\n")
    assert seqbench("extract", tmp_path / "run.yaml").exit_code == 0
    store = tmp_path / "embeddings.zarr"
    before = open_store(store)["kmer-3/gc"].load(0, "train")
    chunk = store / "kmer-3/gc/0/train/c.0.0.0"
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 1
    chunk.write_bytes(content)
    found = seqbench("store", "verify", store)
    assert (found.exit_code, "--repair marks" in found.stdout) == (3, True)
    repaired = seqbench("store", "verify", store, "--repair")
    assert (repaired.exit_code, "computes just those blocks again" in repaired.stdout) == (0, True), (
        repaired.output
    )
    assert seqbench("extract", tmp_path / "run.yaml").exit_code == 0
    assert seqbench("store", "verify", store).exit_code == 0
    np.testing.assert_array_equal(open_store(store)["kmer-3/gc"].load(0, "train"), before)


def test_stores_at_urls_are_listed_exported_and_pruned(tmp_path: Path) -> None:
    url = f"memory://{tmp_path.name}/s.zarr"
    filled_store(url)
    assert "m" in seqbench("store", "list", url).stdout
    assert seqbench("store", "export", url, tmp_path, "--format", "npy").exit_code == 0
    assert (
        seqbench("store", "import", f"{url}2", tmp_path / "m", "--format", "npy", "--model", "k").exit_code
        == 0
    )
    assert seqbench("store", "prune", url, "--model", "m", "--yes").exit_code == 0
    assert list(open_store(url).keys()) == []
    assert list(open_store(f"{url}2").keys()) == ["k/d"]
