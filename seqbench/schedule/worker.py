"""What runs in a worker process of a cluster: tasks, and what they share as long as the process lives.

A worker keeps one context for a config: what stages open, such as models, stays open from task to task. It
never opens the catalog; how far a task is goes out as events, results when the client asks for them.
"""

import pickle
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import seqbench
from seqbench.catalog.records import Record
from seqbench.config import Config
from seqbench.core.malloc import keep_freed_memory, one_heap
from seqbench.core.progress import Silent
from seqbench.core.redaction import redact
from seqbench.errors import ConfigError, SeqbenchError
from seqbench.schedule import host
from seqbench.schedule.context import Context
from seqbench.schedule.stage import Doing, load_stage

if TYPE_CHECKING:
    from distributed import Worker

SECONDS = 0.25
"""Between two events of one task: a scheduler passes them all on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerJob:
    """One task, as it is sent to a worker."""

    config: bytes
    """The pickled `Config`: unpacked once, though it comes with every task."""
    digest: str
    """Of the config: a worker keeps what belongs to it."""
    run_id: str
    key: str
    """Of this attempt: events carry it, and records are asked for by it."""
    stage: str
    """The `module:Class` of the stage that does it."""
    task: Any
    version: str = seqbench.__version__
    """Of the package where the work was planned: another one may cut blocks in another way."""

    @property
    def topic(self) -> str:
        """Of its events."""
        return topic(self.run_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How a task ended."""

    result: object = None
    """What the stage returned."""
    first: int = 0
    """Number of the first of `records`, where earlier ones were asked for already."""
    records: tuple[Record, ...] = ()
    advanced: float = 0.0
    """What no event has told."""
    device: str = "cpu"
    error: str | None = None
    """What the user's input is at fault for, in one line."""
    bug: str | None = None
    """The traceback of what is not."""


def topic(run_id: str) -> str:
    """The topic of a run's events."""
    return f"seqbench-{run_id}"


def work(job: WorkerJob) -> Report | None:
    """Do a task; see `_Wire.report`."""
    from distributed import get_worker

    one_heap()
    keep_freed_memory()
    wire = _Wire(get_worker(), job)
    with _lock:
        _wires[job.key] = wire
    _here.wire = wire
    try:
        _check_version(job)  # before the config is unpacked, which another version may have in another form
        with _context_of(job) as context:
            stage = context.shared(load_stage(job.stage))
            result = stage.do(job.task, Doing(run_id=job.run_id, advance=wire.advance, give=wire.add))
        return wire.report(result=result)
    except SeqbenchError as error:
        return wire.report(error=str(error))
    except Exception:  # goes into the run's list of failures, and other tasks go on
        return wire.report(bug=redact(traceback.format_exc()))
    finally:
        with _lock:
            del _wires[job.key]


def _check_version(job: WorkerJob) -> None:
    if job.version != seqbench.__version__:
        raise ConfigError(
            f"schedule.cluster: workers on {host.host()} have seqbench {seqbench.__version__}, this is "
            f"{job.version}: install the same"
        )


def take(key: str, first: int) -> list[Record]:
    """The records of a running task from a number on; those before it have arrived and are let go."""
    with _lock:
        wire = _wires.get(key)
    return [] if wire is None else wire.take(first)


class _Wire:
    """How a running task is heard of."""

    def __init__(self, worker: "Worker", job: WorkerJob) -> None:
        self._worker = worker
        self._job = job
        self._lock = threading.Lock()
        self._next = time.monotonic() + SECONDS
        self._advanced = 0.0
        self._first = 0
        self._records: list[Record] = []

    def advance(self, amount: float) -> None:
        """Tell how far it is, now and then."""
        self._advanced += amount
        if time.monotonic() >= self._next:
            self._send(advanced=self._advanced, records=self._first + len(self._records))
            self._advanced = 0.0
            self._next = time.monotonic() + SECONDS

    def note(self, text: str) -> None:
        """Tell the user something."""
        self._send(note=text)

    def _send(self, **content: Any) -> None:
        self._worker.log_event(self._job.topic, {"key": self._job.key, **content})

    def add(self, records: Sequence[Record]) -> None:
        """Keep records until they are asked for."""
        with self._lock:
            self._records += records

    def take(self, first: int) -> list[Record]:
        """See `worker.take`."""
        with self._lock:
            self._records = self._records[max(0, first - self._first) :]
            self._first = max(self._first, first)
            return list(self._records)

    def report(
        self, *, result: object = None, error: str | None = None, bug: str | None = None
    ) -> Report | None:
        """What is left to tell at the end; None where it went out as an event, which spares a round trip."""
        with self._lock:
            report = Report(
                result=result,
                first=self._first,
                records=tuple(self._records),
                advanced=self._advanced,
                device=host.device(),
                error=error,
                bug=bug,
            )
        if report.records:
            return report
        self._send(report=pickle.dumps(report))
        return None


class _ToClient(Silent):
    """A reporter that tells the client what a task remarks."""

    def note(self, text: str) -> None:
        _here.wire.note(text)


@dataclass(slots=True)
class _Shared:
    """The context of one config, and how many tasks use it now."""

    context: Context
    users: int = field(default=0)


class _Here(threading.local):
    """What belongs to the thread of a task."""

    wire: _Wire


_here = _Here()
_lock = threading.Lock()
_wires: dict[str, _Wire] = {}
_contexts: dict[str, _Shared] = {}


@contextmanager
def _context_of(job: WorkerJob) -> Iterator[Context]:
    """The context of a job's config; those of other runs are let go, unless they are at work too."""
    with _lock:
        if job.digest not in _contexts:
            for digest in [digest for digest, shared in _contexts.items() if not shared.users]:
                del _contexts[digest]
            config: Config = pickle.loads(job.config)  # noqa: S301 -- Dask's own messages are pickles too
            _contexts[job.digest] = _Shared(Context(config, _ToClient()))
        shared = _contexts[job.digest]
        shared.users += 1
    try:
        yield shared.context
    finally:
        with _lock:
            shared.users -= 1
