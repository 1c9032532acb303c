"""A run of the commit 0c7acf5 goes on: its store and catalog open, nothing is done again, and it is reported.

`run_0c7acf5.tar.xz` is what `make.py` made with that commit: a tiny checkpoint and two controls on two
planted data sets, and all kinds of heads, of some with settings that are not the default.
"""

import hashlib
import tarfile
from pathlib import Path

import pytest

from seqbench.catalog import Catalog
from seqbench.config import Config, load_config
from seqbench.core.progress import Silent
from seqbench.report.analyse import analyse
from seqbench.report.selection import Selection
from seqbench.schedule.run import run
from seqbench.store import open_store
from tests.old.make import CHANGED

PROBES = "SELECT * FROM probes ORDER BY probe_id"
SCORES = "FROM metrics ORDER BY ALL"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    with tarfile.open(Path(__file__).parent / "run_0c7acf5.tar.xz") as packed:
        packed.extractall(tmp_path, filter="data")
    return tmp_path


def loaded(folder: Path, *changed: str) -> Config:
    return load_config(folder / "run.yaml", overrides=changed).config


def files(folder: Path) -> dict[str, str]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def test_no_sequence_is_embedded_again(old: Path) -> None:
    before = files(old / "embeddings.zarr")
    assert run(loaded(old), Silent(), "extract").failed == ()
    assert files(old / "embeddings.zarr") == before


@pytest.mark.parametrize("changed", [(), CHANGED], ids=["defaults", "settings"])
def test_no_probe_is_trained_again(old: Path, changed: tuple[str, ...]) -> None:
    catalog = Catalog(old / "catalog.duckdb")
    before = catalog.query(PROBES).rows, catalog.query(SCORES).rows
    summary = run(loaded(old, *changed), Silent(), "probe")
    assert (summary.probes, summary.probes_known, summary.failed) == (0, 16 if changed else 40, ())
    assert (catalog.query(PROBES).rows, catalog.query(SCORES).rows) == before


def test_what_is_added_stands_beside_it(old: Path) -> None:
    wanted = loaded(old, "extract.layers=[0,1,2]", "probe.heads=[knn]")
    summary = run(wanted, Silent(), "run")
    assert (summary.probes, summary.failed) == (2, ())
    entry = open_store(old / "embeddings.zarr")["tiny/planted_motif"]
    assert entry.complete_layers("test") == (0, 1, 2)


def test_it_is_reported(old: Path) -> None:
    datasets = ("planted_composition", "planted_motif")
    asked = Selection(models=("tiny", "onehot", "kmer-2"), datasets=datasets, heads=("mlp", "linear", "knn"))
    found = analyse(Catalog(old / "catalog.duckdb"), asked, Silent())
    assert {(row.dataset, row.model) for row in found.leaderboard} == {
        (dataset, model) for dataset in datasets for model in asked.models
    }
