"""How far a run is, in a small file beside the catalog, for `seqbench status` in another terminal."""

import json
import os
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from seqbench.core.atomic import write_atomically
from seqbench.core.json_records import read_record
from seqbench.schedule import host
from seqbench.schedule.events import WorkerLoad
from seqbench.schedule.graph import Graph, Group, Node

SECONDS = 2.0
"""Between two writings."""
STALE_SECONDS = 60.0
"""A file that was not written for so long is of a run that was killed, or of a machine that is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """What a running command last said."""

    command: str
    host: str
    pid: int
    began: float
    """Seconds since 1970, as is `written`."""
    written: float
    done: dict[str, float]
    """Items or probes by `stage model dataset`, of what has begun."""
    total: dict[str, float]
    running: list[str]
    """`stage model dataset`, of what runs now."""
    workers: list[WorkerLoad]

    @property
    def is_alive(self) -> bool:
        """Whether the command still runs, as far as that can be told."""
        if self.host == host.host():
            return Path(f"/proc/{self.pid}").exists() or not Path("/proc").exists()
        return time.time() - self.written < STALE_SECONDS


def beat_path(catalog: Path) -> Path:
    """The file that belongs to a catalog."""
    return catalog.with_name(f".{catalog.name}.running.json")


def last_beat(catalog: Path) -> Beat | None:
    """What the command that writes to a catalog last said; None where none runs."""
    try:
        beat = read_record(Beat, json.loads(beat_path(catalog).read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError):  # none, damaged, or of another version
        return None
    return beat if beat.is_alive else None


def forget_dead(catalog: Path) -> None:
    """Take away what a command that was killed said last."""
    if last_beat(catalog) is None:
        with suppress(OSError):
            beat_path(catalog).unlink(missing_ok=True)


class Heartbeat:
    """Writes the file while a run goes on, and takes it away at the end."""

    def __init__(self, catalog: Path, command: str, graph: Graph) -> None:
        self._path = beat_path(catalog)
        self._command = command
        self._began = time.time()
        self._next = 0.0
        self._done: dict[Group, float] = defaultdict(float)
        self._total: dict[Group, float] = defaultdict(float)
        self.add(graph.nodes)
        self._running: dict[str, Group] = {}
        self._workers: Sequence[WorkerLoad] = ()

    def add(self, nodes: Sequence[Node]) -> None:
        """Note more work."""
        for node in nodes:
            self._total[node.group] += node.amount

    def started(self, node: Node) -> None:
        """Note that a task runs."""
        self._running[node.key] = node.group
        self._write()

    def advanced(self, node: Node, amount: float) -> None:
        """Note how much of it is done."""
        self._done[node.group] += amount
        self._write()

    def ended(self, node: Node) -> None:
        """Note that it runs no more."""
        self._running.pop(node.key, None)
        self._write()

    def workers(self, loads: Sequence[WorkerLoad]) -> None:
        """Note who works."""
        self._workers = loads
        self._write()

    def _write(self) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + SECONDS
        beat = Beat(
            command=self._command,
            host=host.host(),
            pid=os.getpid(),
            began=self._began,
            written=time.time(),
            done={group.text(): amount for group, amount in self._done.items()},
            total={group.text(): amount for group, amount in self._total.items()},
            running=[group.text() for group in dict.fromkeys(self._running.values())],
            workers=list(self._workers),
        )
        with suppress(OSError):  # a full disk ends the run where results are written, not here
            write_atomically(self._path, json.dumps(asdict(beat)), synced=False)

    def close(self) -> None:
        """Take the file away."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
