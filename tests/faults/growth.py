"""Long work in a process of its own, and what of it grows: memory, handles, threads, time a unit."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tests.faults.warm import server

TENTHS = 10


@dataclass(kw_only=True)
class Course:
    """What was seen after each stretch of units."""

    seconds: list[float] = field(default_factory=list)
    """Of a stretch, by this process's clock of computing: others on the machine do not count."""
    memory: list[int] = field(default_factory=list)
    """Bytes that are resident."""
    handles: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)

    @contextmanager
    def stretch(self) -> Iterator[None]:
        """Do one stretch."""
        began = time.process_time()
        yield
        self.seconds.append(time.process_time() - began)
        self.memory.append(int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
        self.handles.append(len(os.listdir("/proc/self/fd")))
        self.threads.append(threading.active_count())

    def told(self) -> str:
        """First tenth against last, for people."""
        first, last = self.ends(self.seconds)
        return (
            f"{last / first:.2f} times the time a unit, {self.grown_megabytes():+.1f} MB, "
            f"{self.handles[-1] - self.handles[len(self.handles) // TENTHS]:+d} handles"
        )

    def grown_megabytes(self) -> float:
        """Of the last tenth over the second, which is after the warm-up."""
        tenth = len(self.memory) // TENTHS
        return float(np.median(self.memory[-tenth:]) - np.median(self.memory[tenth : 2 * tenth])) / 1e6

    @staticmethod
    def ends(values: list[float]) -> tuple[float, float]:
        """Medians of the second tenth and the last."""
        tenth = len(values) // TENTHS
        return float(np.median(values[tenth : 2 * tenth])), float(np.median(values[-tenth:]))


def course_of(work: Callable[[Path, Course], None], folder: Path) -> Course:
    """Do long work in a child."""
    context = server()
    mine, its = context.Pipe(duplex=False)
    child = context.Process(target=_do, args=(work, folder, its))
    child.start()
    its.close()
    found: Course = mine.recv()
    child.join()
    return found


def _do(work: Callable[[Path, Course], None], folder: Path, to: object) -> None:
    course = Course()
    work(folder, course)
    to.send(course)  # type: ignore[attr-defined]
