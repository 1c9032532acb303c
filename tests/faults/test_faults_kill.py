"""Each stage killed a hundred times: a last undisturbed run ends with what one alone makes, byte for byte.

Moments are drawn by a seed, which is printed; SEQBENCH_FAULT_SEED repeats them, SEQBENCH_FAULT_KILLS sets
how many they are.
"""

import os
import random
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

from seqbench.catalog import open_catalog
from seqbench.catalog.check import check
from seqbench.store import open_store
from tests.data import write_split
from tests.faults.warm import Ended, Moment, counted, seqbench

KILLS = int(os.environ.get("SEQBENCH_FAULT_KILLS", "100"))
SEED = int(os.environ.get("SEQBENCH_FAULT_SEED", random.SystemRandom().randrange(10**6)))
CONFIG = """
models:
  - {{path: {model}, name: tiny, dtype: float32}}
  - {{kind: kmer, k: 2}}
datasets: {{root: {data}}}
store: {{path: embeddings.zarr, dtype: float16}}
catalog: catalog.duckdb
probe:
  heads: [linear, knn, mlp]
  mlp: {{epochs: 2, checkpoint_steps: 1}}
  save_heads: heads
report: {{figure_formats: [svg], table_formats: [tsv]}}
"""
TABLES = ("probes", "metrics", "class_metrics", "history", "predictions", "models", "datasets", "embeddings",
          "embedding_layers", "paired_comparisons")  # fmt: skip
OF_THE_RUN = ("run_id", "seconds", "tokens_per_s", "recorded_at")
"""Columns that tell of a run and its times."""


RUNS = re.compile(rb'"runs":\{.*?\]\},|"(seconds|tokens_per_s)":\[[^\]]*\]')


@pytest.fixture
def place(tiny_model: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    """Makes a folder with the config; its name is the folder's."""
    for split, items in (("train", 40), ("eval", 20), ("test", 20)):
        write_split(tmp_path / "data" / "gc", split, items=items)
    config = CONFIG.format(model=tiny_model("bert"), data=tmp_path / "data")

    def make(name: str) -> Path:
        folder = tmp_path / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / "run.yaml").write_text(config)
        return folder / "run.yaml"

    return make


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*")) if path.is_file()}  # fmt: skip


def recorded(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of the catalog, but for what tells of runs and times."""
    catalog = open_catalog(folder / "catalog.duckdb")
    found = {}
    for table in TABLES:
        columns = catalog.query(f"SELECT * FROM {table} LIMIT 0").columns
        wanted = ", ".join(column for column in columns if column not in OF_THE_RUN)
        found[table] = catalog.query(f"SELECT {wanted} FROM {table} ORDER BY ALL").rows
    return found


def saved(folder: Path) -> dict[str, tuple[dict[str, str], dict[str, bytes]]]:
    """What is in each saved head: safetensors writes the parts of its metadata in any order."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with safe_open(path, "np") as head:
                metadata = head.metadata()
            tensors = {key: values.tobytes() for key, values in load_file(path).items()}
            found[path.relative_to(folder).as_posix()] = (metadata, tensors)
    return found


def reported(folder: Path) -> dict[str, bytes]:
    """Every file of a report, but for what its page tells of the runs, and how long they took."""
    found = files(folder)
    made = found.pop(".made.json")  # lists the others, with their hashes
    assert b"index.html" in made
    found["index.html"] = RUNS.sub(b"", found["index.html"])
    return found


def assert_same(torn: Path, whole: Path) -> None:
    """See that what a torn run ended with is what a whole one made, and that both are sound."""
    store = files(torn / "embeddings.zarr")
    assert store == files(whole / "embeddings.zarr")
    assert [*open_store(torn / "embeddings.zarr").keys()] == ["kmer-2/gc", "tiny/gc"]
    assert recorded(torn) == recorded(whole)
    assert check(open_catalog(torn / "catalog.duckdb")).findings == ()
    assert saved(torn / "heads") == saved(whole / "heads")
    if (whole / "report").exists():
        assert reported(torn / "report") == reported(whole / "report")
    assert (torn / "report").exists() == (whole / "report").exists()
    left = {path.name for path in torn.iterdir()} - {path.name for path in whole.iterdir()}
    assert left <= {"catalog.duckdb.wal"}  # a killed commit's, where nothing was left to write afterwards


def drawn(chance: random.Random, seconds: float, counts: dict[str, int]) -> tuple[Moment, float | None]:
    """A moment to be killed at: more of them early, so that a run is killed often before it ends."""
    how = chance.random()
    if how < 0.4:
        return Moment(), seconds * chance.random()
    if how < 0.8 or not counts["appends"]:
        return Moment(change=1 + int(counts["changes"] * chance.random() ** 2)), None
    number = 1 + int(counts["appends"] * chance.random() ** 2)
    return Moment(append=number, delay=chance.uniform(0, 0.1)), None


@pytest.mark.faults
@pytest.mark.parametrize("command", ["extract", "probe", "run"])
def test_what_was_killed_a_hundred_times_ends_as_what_never_was(
    place: Callable[[str], Path], command: str
) -> None:
    print(f"SEQBENCH_FAULT_SEED={SEED}")
    chance = random.Random(f"{command} {SEED}")

    def begin(name: str) -> Path:
        config = place(name)
        if command == "probe":
            succeed("extract", config)
        return config

    whole = begin("whole")
    alone = succeed(command, whole)
    counts = counted(whole.parent)
    kills = 0
    torn = begin("torn")
    while kills < KILLS:
        at, within = drawn(chance, alone.seconds, counts)
        ended = seqbench([command, torn], at, within)
        if ended.code == -signal.SIGKILL:
            kills += 1
        else:
            assert ended.code == 0, f"after {kills} kills: {ended.out}"
            assert_same(torn.parent, whole.parent)
            torn = begin("torn")
    succeed(command, torn)
    assert_same(torn.parent, whole.parent)


def succeed(command: str, config: Path) -> Ended:
    """Run a command to its end."""
    ended = seqbench([command, config])
    assert ended.code == 0, ended.out
    return ended
