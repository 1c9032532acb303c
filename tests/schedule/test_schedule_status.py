"""What another terminal is told: the file beside the catalog, and `seqbench status`."""

import json
import os
import time
from pathlib import Path

import pytest

from seqbench.schedule import heartbeat, host
from seqbench.schedule.events import WorkerLoad
from seqbench.schedule.heartbeat import Heartbeat, beat_path, last_beat
from tests.command import seqbench
from tests.data import write_split
from tests.schedule.test_schedule_graph import graph, pair


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(heartbeat, "SECONDS", 0.0)
    return tmp_path / "catalog.duckdb"


def test_a_running_command_says_how_far_it_is_and_takes_the_file_away(catalog: Path) -> None:
    made = graph(pair("m", "d", 2))
    beat = Heartbeat(catalog, "run", made)
    beat.started(made.nodes[0])
    beat.advanced(made.nodes[0], 40)
    beat.workers([WorkerLoad(name="cpu-0", used=2, power=5, running=(made.nodes[0].group,))])
    said = last_beat(catalog)
    assert said is not None
    assert (said.command, said.pid, said.running) == ("run", os.getpid(), ["extract m d"])
    assert (said.done["extract m d"], said.total["extract m d"]) == (40, 200)
    assert said.workers[0].running == (made.nodes[0].group,)
    beat.close()
    assert last_beat(catalog) is None


def test_what_a_dead_process_left_counts_for_nothing(catalog: Path) -> None:
    beat = Heartbeat(catalog, "run", graph(pair("m", "d", 2)))
    beat.workers([])
    content = json.loads(beat_path(catalog).read_text())
    beat_path(catalog).write_text(json.dumps(content | {"pid": 2**22 + 1}))
    assert last_beat(catalog) is None
    beat_path(catalog).write_text(json.dumps(content | {"host": "elsewhere"}))
    assert last_beat(catalog) is not None
    beat_path(catalog).write_text(json.dumps(content | {"host": "elsewhere", "written": time.time() - 1e4}))
    assert last_beat(catalog) is None
    beat_path(catalog).write_text("{")
    assert last_beat(catalog) is None


def test_status_tells_what_is_done_running_and_left(tmp_path: Path, catalog: Path) -> None:
    for split in ("train", "test"):
        write_split(tmp_path / "data" / "gc", split)
    config = tmp_path / "run.yaml"
    config.write_text("models: [{kind: kmer, k: 2}]\ndatasets: {root: data}\nprobe: {heads: [knn, linear]}")
    assert seqbench("extract", config).exit_code == 0
    assert seqbench("probe", config, "--set", "probe.heads=[knn]").exit_code == 0
    shown = seqbench("status", config)
    assert shown.exit_code == 0, shown.output
    row = next(line.split() for line in shown.stdout.splitlines() if line.startswith("kmer-2"))
    assert row == ["kmer-2", "gc", "120", "0", "1", "1"]
    assert "Nothing is running." in shown.stdout
    made = graph(pair("kmer-2", "gc", 2))
    beat = Heartbeat(catalog, "run", made)
    beat.started(made.nodes[-1])
    beat.advanced(made.nodes[-1], 1)
    shown = seqbench("status", config)
    assert "probing" in shown.stdout
    assert f"`seqbench run` runs on {host.host()}" in shown.stdout
    assert "probe kmer-2 × gc: 1 of 2" in shown.stdout
