"""Two worker processes on this machine: the results of one, whatever is killed on the way."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from seqbench.catalog import Catalog
from seqbench.config import Config, load_config
from seqbench.core.progress import Silent
from seqbench.schedule.heartbeat import last_beat
from seqbench.schedule.run import run
from seqbench.store import open_store
from tests.data import write_split
from tests.processes import seqbench_process, until

CONFIG = """
models: [{{kind: kmer, k: 3}}, {{kind: kmer, k: 2}}]
datasets: {{root: {data}}}
store: {{path: {out}/embeddings.zarr}}
catalog: {out}/catalog.duckdb
report: {{out: {out}/report}}
probe: {{heads: [linear, knn], seeds: [1, 2]}}
schedule: {{workers: {workers}, power_per_gpu: 3, extract_power: 1, probe_power: 1, shard_items: 30}}
"""
RESULTS = "SELECT model, dataset, layer, head, seed, split, roc_auc FROM results ORDER BY ALL"


def write(folder: Path, data: Path, workers: int) -> Path:
    folder.mkdir()
    path = folder / "run.yaml"
    path.write_text(CONFIG.format(data=data, out=folder, workers=workers))
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    for name, items in {"one": 120, "two": 60}.items():
        for split in ("train", "eval", "test"):
            write_split(root / name, split, items=items)
    return root


@pytest.fixture(scope="module")
def alone(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Config:
    """What one process makes of it."""
    config = load_config(write(tmp_path_factory.mktemp("out") / "alone", data, 1)).config
    assert run(config, Silent(), "run").failed == ()
    return config


def assert_same(one: Config, other: Config) -> None:
    stores = [open_store(config.store.path) for config in (one, other)]
    keys = [list(store.keys()) for store in stores]
    assert keys[0] == keys[1]
    for key in keys[0]:
        for split in ("train", "eval", "test"):
            arrays = [store[key].load(0, split) for store in stores]
            np.testing.assert_array_equal(*arrays)
        assert list(stores[1].verify(key)) == []
    results = [Catalog(config.catalog).query(RESULTS).rows for config in (one, other)]
    assert results[0] == results[1]
    assert len(results[0]) == 2 * 2 * 2 * 2 * 2


def test_two_workers_make_what_one_process_makes(alone: Config, data: Path, tmp_path: Path) -> None:
    config = load_config(write(tmp_path / "shared", data, 2)).config
    outcome = run(config, Silent(), "run")
    assert (outcome.failed, outcome.items, outcome.probes) == ((), 2 * 3 * 180, 16)
    assert_same(alone, config)
    assert last_beat(config.catalog) is None
    again = run(config, Silent(), "run")
    assert (again.items, again.probes, again.probes_known) == (0, 0, 16)


@pytest.mark.slow
def test_ctrl_c_ends_the_run_and_its_workers_and_the_next_goes_on(
    alone: Config, data: Path, tmp_path: Path
) -> None:
    path = write(tmp_path / "stopped", data, 2)
    catalog = tmp_path / "stopped" / "catalog.duckdb"
    running = seqbench_process("run", path)
    try:
        assert until(lambda: (beat := last_beat(catalog)) and beat.running)
        assert len(running.workers()) == 2
        running.signal_group(signal.SIGINT)
        code, out = running.ends(60)
        assert (code, out.splitlines()[-1]) == (
            130, "seqbench: stopped; what is done is stored, the same command goes on from there",
        )  # fmt: skip
        assert "Traceback" not in out
        assert until(lambda: not running.members(), 10), running.members()
    finally:
        running.clean_up()
    assert seqbench_process("run", path).ends()[0] == 0
    assert_same(alone, load_config(path).config)


@pytest.mark.slow
def test_workers_end_with_a_client_that_is_killed_and_the_next_run_goes_on(
    alone: Config, data: Path, tmp_path: Path
) -> None:
    path = write(tmp_path / "torn", data, 2)
    running = seqbench_process("run", path)
    try:
        catalog = tmp_path / "torn" / "catalog.duckdb"
        assert until(lambda: (beat := last_beat(catalog)) and beat.running)
        running.process.kill()
        assert until(lambda: not running.workers(), 30), running.members()
    finally:
        running.clean_up()
    assert seqbench_process("run", path).ends()[0] == 0
    assert_same(alone, load_config(path).config)


@pytest.mark.slow
def test_killed_workers_are_replaced_and_nothing_is_missing(
    alone: Config, data: Path, tmp_path: Path
) -> None:
    path = write(tmp_path / "hurt", data, 2)
    running = seqbench_process("run", path)
    try:
        catalog = tmp_path / "hurt" / "catalog.duckdb"
        assert until(lambda: (beat := last_beat(catalog)) and beat.running)
        os.kill(running.workers()[0], signal.SIGKILL)
        code, out = running.ends()
        assert code == 0, out
    finally:
        running.clean_up()
    assert_same(alone, load_config(path).config)
