"""Killed at any moment, run again: the store's arrays are those of a run that was never disturbed."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqbench.catalog import open_catalog
from seqbench.store import open_store
from tests.data import write_split

# Small chunks give a small data set many blocks to be killed in.
PROGRAM = (
    "import seqbench.store.layout as layout; layout.CHUNK_BYTES = layout.BLOCK_BYTES = 2048;"
    "layout.LARGEST_BLOCK_BYTES = 2048;"
    "from seqbench.cli.main import main; main()"
)
CONFIG = """
models:
  - {{path: {model}, name: tiny, dtype: float32}}
  - {{kind: kmer, k: 3}}
datasets: {{root: {data}}}
store: {{path: {out}/embeddings.zarr}}
catalog: {out}/catalog.duckdb
probe: {{heads: [mlp, linear], mlp: {{epochs: 3}}}}
report: {{out: {out}/report}}
"""


def start(config: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", PROGRAM, "run", str(config)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def write_config(folder: Path, model: Path, data: Path) -> Path:
    folder.mkdir()
    path = folder / "run.yaml"
    path.write_text(CONFIG.format(model=model, data=data, out=folder))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_ends_with_the_arrays_of_an_undisturbed_one(
    tiny_model: Callable[[str], Path], tmp_path: Path, how: signal.Signals
) -> None:
    for split in ("train", "eval", "test"):
        write_split(tmp_path / "data" / "gc", split, items=400)
    whole = write_config(tmp_path / "whole", tiny_model("bert"), tmp_path / "data")
    torn = write_config(tmp_path / "torn", tiny_model("bert"), tmp_path / "data")
    began = time.monotonic()
    assert start(whole).wait() == 0
    lasts = time.monotonic() - began
    chance = random.Random(0)
    for _ in range(8):
        process = start(torn)
        try:
            process.wait(timeout=chance.uniform(0.3, 1.0) * lasts)
        except subprocess.TimeoutExpired:
            process.send_signal(how)
            # Before the command line is up, Python itself ends by the signal; shells show 130 for both.
            ends = {130, -signal.SIGINT} if how is signal.SIGINT else {-signal.SIGKILL}
            assert process.wait(timeout=60) in ends
    assert start(torn).wait() == 0
    stores = [open_store(config.parent / "embeddings.zarr") for config in (whole, torn)]
    keys = [list(store.keys()) for store in stores]
    assert keys[0] == keys[1] == ["kmer-3/gc", "tiny/gc"]
    for key in keys[0]:
        entries = [store[key] for store in stores]
        for split in ("train", "eval", "test"):
            for layer in entries[0].layers:
                arrays = [entry.load(layer, split) for entry in entries]
                np.testing.assert_array_equal(arrays[0], arrays[1])
        assert list(stores[1].verify(key)) == []
    query = "SELECT model, layer, head, seed, split, roc_auc FROM results ORDER BY ALL"
    results = [open_catalog(config.parent / "catalog.duckdb").query(query).rows for config in (whole, torn)]
    assert results[0] == results[1]
    assert len(results[0]) == 2 * 2 * (4 + 1)
