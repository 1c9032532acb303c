"""Commands in children of a process that has imported all there is to import: a start costs milliseconds.

It is Python's own fork server, so what is forked has one thread and has computed nothing. A child may be told
to kill itself at a moment that is counted rather than timed: before its n-th change of a file, or some
milliseconds after the catalog began to take records for the n-th time.
"""

import ctypes
import importlib
import itertools
import json
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_numbers = itertools.count()
CHANGES = {"os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When a child kills itself, never by default; and what else is odd where it runs."""

    change: int = 0
    """Before the change of a file of this number, from 1."""
    append: int = 0
    """While the catalog takes records for the time of this number, from 1,"""
    delay: float = 0.0
    """so many seconds after that began."""
    is_bound: bool = False
    """Whether modes of files hold for it even where it is root's."""
    behind: float = 0.0
    """Seconds that its clock is behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a child ended."""

    code: int
    """Minus the signal's number where one ended it."""
    seconds: float
    out: str


def server() -> Any:
    """The context whose processes are forked by the warm one."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.faults.preloaded"])
    return context


class Running:
    """A command in a child."""

    def __init__(self, arguments: Sequence[object], at: Moment = Moment()) -> None:
        """Start it.

        Args:
            arguments: Of the command line; the last is a path, beside which its output goes.
            at: When and how it is disturbed.
        """
        last = Path(str(arguments[-1]))
        number = next(_numbers)
        self._out = last.with_name(f"out-{number}.txt")
        self._out.touch()  # the child may be killed before it does anything
        given = ([str(each) for each in arguments], at, self._out, last.with_name("counted.json"))
        self.process = server().Process(target=_command, args=given)
        self._began = time.monotonic()
        self.process.start()

    def ends(self, within: float | None = None) -> Ended:
        """Wait for its end; after so many seconds it is killed."""
        self.process.join(within)
        if self.process.is_alive():
            self.process.kill()
        self.process.join()
        assert isinstance(self.process.exitcode, int)
        said = self._out.read_text()
        self._out.unlink()
        seconds = time.monotonic() - self._began
        return Ended(code=self.process.exitcode, seconds=seconds, out=said)


def seqbench(arguments: Sequence[object], at: Moment = Moment(), within: float | None = None) -> Ended:
    """Run a command in a child to its end, or until it is killed; see `Running`."""
    return Running(arguments, at).ends(within)


def counted(folder: Path) -> dict[str, int]:
    """How many changes and appends the last command of a folder made that was not killed."""
    return json.loads((folder / "counted.json").read_text())


def _command(arguments: list[str], at: Moment, out: Path, counts: Path) -> None:
    handle = os.open(out, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    _cut_small()
    if at.behind:
        _turn_back(at.behind)
    if at.is_bound:
        _obey_modes()
    found = {"changes": 0, "appends": 0}
    _count_changes(at, found)
    _count_appends(at, found)
    sys.argv = ["seqbench", *arguments]
    try:
        importlib.import_module("seqbench.cli.main").main()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        with suppress(OSError):
            counts.write_text(json.dumps(found))


def _obey_modes() -> None:
    """Give up what lets root pass modes of files: capabilities 1 (DAC_OVERRIDE) and 2 (DAC_READ_SEARCH)."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3 of the call, this process
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; twice
    assert libc.capget(header, sets) == 0
    sets[0] &= ~0b110
    assert libc.capset(header, sets) == 0


def _turn_back(seconds: float) -> None:
    """Set the clock of this process back, as far as Python reads it."""
    import datetime as times

    clock, real = time.time, times.datetime
    time.time = lambda: clock() - seconds

    class Behind(real):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return real.now(tz) - times.timedelta(seconds=seconds)

    for name in ("seqbench.schedule.run", "seqbench.catalog.columns"):  # those that ask for the time
        importlib.import_module(name).datetime = Behind  # type: ignore[attr-defined]


def _cut_small() -> None:
    """Give a small data set many moments to be killed in: blocks of two chunks, and records one by one."""
    import seqbench.schedule.pending as pending
    import seqbench.store.layout as layout

    layout.CHUNK_BYTES, layout.BLOCK_BYTES, layout.LARGEST_BLOCK_BYTES = 1024, 2048, 2048
    pending.SECONDS, pending.SHARE = 0.0, 1e9


def _count_changes(at: Moment, found: dict[str, int]) -> None:
    def hook(event: str, given: tuple[Any, ...]) -> None:
        if event in CHANGES or (event == "open" and _writes(given)):
            found["changes"] += 1
            if found["changes"] == at.change:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def _writes(given: tuple[Any, ...]) -> bool:
    flags = given[2] if isinstance(given[2], int) else 0
    return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


def _count_appends(at: Moment, found: dict[str, int]) -> None:
    from seqbench.catalog import Catalog

    append = Catalog.append

    def counting(self: Catalog, records: Any) -> None:
        found["appends"] += 1
        if found["appends"] == at.append:
            threading.Thread(target=_die, args=(at.delay,), daemon=True).start()
        append(self, records)

    Catalog.append = counting  # type: ignore[method-assign]


def _die(delay: float) -> None:
    time.sleep(delay)
    os.kill(os.getpid(), signal.SIGKILL)
