"""Two extractions into one store at once: real processes, and what each of them is left with."""

import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqbench.errors import StoreMismatchError
from seqbench.store import Store, create_store, open_store
from seqbench.store.location import LOCK, exclusive, locate
from tests.store.store_samples import LABELS, SHARDED, facts, fill, identity, rows

SPAWN = multiprocessing.get_context("spawn")
PROCESSES, ROUNDS = 3, 5


def settings(number: int, *, same: bool) -> dict[str, Any]:
    return {"splits": {"train": SHARDED}, "settings": {"pooling": "mean" if same else f"pooling-{number}"}}


def extract(number: int, folder: str, gate: Any, told: Any, same: bool) -> None:
    """Create, require, prepare and write in one store a round, all processes at the same moment."""
    for turn in range(ROUNDS):
        gate.wait()
        try:
            entry = create_store(Path(folder, f"{turn}.zarr")).require(
                identity(), "d", facts(**settings(number, same=same))
            )
            fill(entry, [0, 1, 2] if number % 2 else [2, 0])
            entry.add_notes(**{f"process-{number}": os.getpid()})
            told.put((turn, number, "done"))
        except StoreMismatchError as error:
            told.put((turn, number, str(error)))


def race(folder: Path, *, same: bool) -> dict[int, dict[int, str]]:
    """What came of each process in each round."""
    gate, told = SPAWN.Barrier(PROCESSES), SPAWN.Queue()
    started = [
        SPAWN.Process(target=extract, args=(number, str(folder), gate, told, same))
        for number in range(PROCESSES)
    ]
    for process in started:
        process.start()
    found: dict[int, dict[int, str]] = {turn: {} for turn in range(ROUNDS)}
    for _ in range(ROUNDS * PROCESSES):
        turn, number, outcome = told.get(timeout=60)
        found[turn][number] = outcome
    for process in started:
        process.join(timeout=60)
        assert process.exitcode == 0
    return found


def check_whole(store: Store) -> None:
    assert list(store.verify("m/d")) == []
    entry = store["m/d"]
    for layer in entry.complete_layers("train"):
        np.testing.assert_array_equal(entry.load(layer, "train"), rows(layer))
    assert entry.labels("train").tolist() == LABELS.tolist()


def test_processes_with_the_same_facts_end_with_one_whole_store(tmp_path: Path) -> None:
    for turn, outcomes in race(tmp_path, same=True).items():
        assert set(outcomes.values()) == {"done"}
        store = open_store(tmp_path / f"{turn}.zarr")
        check_whole(store)
        assert store["m/d"].complete_layers("train") == (0, 1, 2)
        assert len(store["m/d"].facts.notes) == PROCESSES
        left = {path.name for path in Path(store.path).rglob("*") if not path.is_dir()}
        assert not [name for name in left if name == LOCK or name.endswith(".partial")]


def test_of_processes_with_different_facts_exactly_one_wins(tmp_path: Path) -> None:
    for turn, outcomes in race(tmp_path, same=False).items():
        store = open_store(tmp_path / f"{turn}.zarr")
        check_whole(store)
        (winner,) = [number for number, outcome in outcomes.items() if outcome == "done"]
        assert store["m/d"].facts.settings == {"pooling": f"pooling-{winner}"}
        lost = [outcome for outcome in outcomes.values() if outcome != "done"]
        assert all(f"was computed with pooling=pooling-{winner}, the config says" in text for text in lost)


def hold(folder: str, ready: Any) -> None:
    with exclusive(locate(folder)):
        ready.set()
        time.sleep(600)


def test_a_process_that_is_killed_locks_nobody_out(tmp_path: Path) -> None:
    ready = SPAWN.Event()
    holder = SPAWN.Process(target=hold, args=(str(tmp_path), ready))
    holder.start()
    assert ready.wait(timeout=60)
    os.kill(holder.pid, signal.SIGKILL)
    holder.join(timeout=60)
    assert (tmp_path / LOCK).exists()
    fill(create_store(tmp_path).require(identity(), "d", facts()), [0])
    check_whole(open_store(tmp_path))
    assert not (tmp_path / LOCK).exists()


def test_a_file_system_without_locks_can_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno
    import fcntl

    def unsupported(*arguments: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    fill(create_store(tmp_path / "s.zarr").require(identity(), "d", facts()), [0])
    check_whole(open_store(tmp_path / "s.zarr"))


def test_threads_wait_for_each_other(tmp_path: Path) -> None:
    inside, most = [], []

    def change() -> None:
        with exclusive(locate(tmp_path)):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.01)
            inside.pop()

    threads = [threading.Thread(target=change) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1, 1]
