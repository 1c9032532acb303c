"""SIGTERM, as schedulers send it seconds before they kill: what is done is stored, nothing stays behind."""

import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from seqbench.catalog import Catalog, open_catalog
from seqbench.catalog.check import check
from seqbench.schedule.heartbeat import last_beat
from seqbench.store import open_store
from tests.data import write_split
from tests.processes import Marked, seqbench_process, until

STOPPED = "seqbench: stopped; what is done is stored, the same command goes on from there"
SECONDS = 60
"""Longer than the grace of 10 s, as it also waits for a busy machine."""
CONFIG = """
models: [{{path: {model}, name: tiny, dtype: float32}}]
datasets: {{root: {data}}}
store: {{path: embeddings.zarr}}
catalog: catalog.duckdb
probe: {{heads: [mlp], mlp: {{epochs: {epochs}, patience: null}}}}
schedule: {{workers: {workers}}}
"""


@pytest.fixture
def place(tiny_model: Callable[[str], Path], tmp_path: Path) -> Callable[..., Path]:
    """Makes a folder with a config whose work takes long."""

    def make(items: int, epochs: int, workers: int) -> Path:
        for split in ("train", "eval", "test"):
            write_split(tmp_path / "data" / "gc", split, items=items)
        path = tmp_path / "run.yaml"
        path.write_text(
            CONFIG.format(model=tiny_model("bert"), data=tmp_path / "data", epochs=epochs, workers=workers)
        )
        return path

    return make


def ended_well(running: Marked, code: int = 143) -> None:
    found, out = running.ends(SECONDS)
    assert found == code, out
    assert STOPPED in out.splitlines()  # behind it Python may warn, where the grace was over
    assert "Traceback" not in out
    assert until(lambda: not running.members(), 10), running.members()


@pytest.mark.faults
@pytest.mark.parametrize("command", ["extract", "run"])
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("whom", ["process", "group"])
def test_sigterm_in_mid_block_ends_a_run_in_order(
    place: Callable[..., Path], command: str, workers: int, whom: str
) -> None:
    config = place(items=3000, epochs=2, workers=workers)
    folder = config.parent
    running = seqbench_process(command, config)
    try:
        catalog = folder / "catalog.duckdb"
        assert until(lambda: (beat := last_beat(catalog)) and sum(beat.done.values()) > 0, 400)
        if whom == "process":
            running.process.send_signal(signal.SIGTERM)
        else:
            running.signal_group(signal.SIGTERM)
        ended_well(running)
    finally:
        running.clean_up()
    recorded = open_catalog(catalog)
    assert recorded.query("SELECT status FROM runs").rows == [("interrupted",)]
    assert check(recorded).findings == ()
    store = open_store(folder / "embeddings.zarr")
    # What a split that did not begin lacks is missing; nothing that was written is damaged.
    assert {fault.what for fault in store.verify("tiny/gc")} <= {"missing"}
    assert store["tiny/gc"].missing_blocks("test", [0, 1, 2, 3])
    assert not [*folder.rglob("*.partial*"), *folder.glob(".*.json")]
    if workers == 1:  # a worker that ends as it holds the lock leaves its file, which locks nobody out
        assert not [*folder.rglob(".lock")]


@pytest.mark.faults
def test_sigterm_in_a_long_training_keeps_what_was_trained(place: Callable[..., Path]) -> None:
    config = place(items=60, epochs=1_000_000, workers=1)
    catalog = Catalog(config.parent / "catalog.duckdb")
    quick = seqbench_process("run", config, "--set", "probe.heads=[linear]")
    assert quick.ends()[0] == 0
    running = seqbench_process("probe", config)
    try:
        assert until(lambda: (beat := last_beat(catalog.path)) and beat.running)
        running.process.send_signal(signal.SIGTERM)
        ended_well(running)
    finally:
        running.clean_up()
    assert catalog.query("SELECT status FROM runs ORDER BY started_at").rows == [("done",), ("interrupted",)]
    assert len(catalog.known_spec_hashes()) == 1 * 4


@pytest.mark.faults
def test_sigterm_ends_an_audit(tmp_path: Path) -> None:
    for split in ("train", "test"):
        write_split(tmp_path / "data" / "gc", split, items=30_000, shortest=200, longest=300)
    running = seqbench_process("datasets", "audit", tmp_path / "data", "--out", tmp_path / "out")
    try:
        assert running.process.stdout is not None
        assert running.process.stdout.readline()  # it is at work
        running.process.send_signal(signal.SIGTERM)
        ended_well(running)
    finally:
        running.clean_up()
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


@pytest.mark.faults
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_in_the_midst_of_a_query_is_no_traceback(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    catalog = Catalog(tmp_path / "catalog.duckdb")
    catalog.append([])
    endless = "SELECT count(*) FROM range(1000000000000) t(i) WHERE hash(i) % 7 = 3"
    running = seqbench_process("sql", endless, "--catalog", catalog.path)
    try:
        assert until(lambda: _is_open(running, catalog.path))
        running.process.send_signal(number)
        ended_well(running, code)
    finally:
        running.clean_up()
    assert catalog.query("SELECT 1").rows == [(1,)]


def _is_open(running: Marked, path: Path) -> bool:
    """Whether a process has a file open."""
    for handle in Path(f"/proc/{running.process.pid}/fd").glob("*"):
        with suppress(FileNotFoundError):  # closed meanwhile
            if handle.readlink() == path:
                return True
    return False


DEAF = """
import signal, sys, threading, time
from seqbench.core import signals
signals.GRACE_SECONDS.update(dict.fromkeys(signals.GRACE_SECONDS, float(sys.argv[1])))
signals.install_handlers()
try:
    print("ready", flush=True)
    time.sleep(600)
finally:
    import ctypes
    lock = ctypes.create_string_buffer(64)  # a mutex, locked twice: no signal wakes it
    c = ctypes.CDLL(None)
    c.pthread_mutex_lock(lock)
    print("stuck", flush=True)
    c.pthread_mutex_lock(lock)
"""


def deaf(grace: float) -> subprocess.Popen[str]:
    """A process that hears the first signal and then is stuck in a library; stopped once."""
    command = [sys.executable, "-c", DEAF, str(grace)]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"
    started.terminate()
    assert started.stdout.readline() == "stuck\n"
    return started


def test_what_is_not_in_order_when_the_grace_is_over_is_left(tmp_path: Path) -> None:
    _, errors = (started := deaf(0.1)).communicate(timeout=SECONDS)
    assert (started.returncode, errors) == (143, f"{STOPPED}\n")


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_at_once(second: signal.Signals) -> None:
    started = deaf(600)
    started.send_signal(second)
    started.communicate(timeout=SECONDS)
    assert started.returncode == -second
