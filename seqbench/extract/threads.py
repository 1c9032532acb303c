"""Two helpers that let reading and writing go on beside compute."""

import queue
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

SWITCH_SECONDS = 0.0005
"""How long a thread may keep Python's lock while others want it. At the default of 5 ms a thread that issues
hundreds of short operations a batch waits that long for each, whenever another thread is busy in Python."""


@contextmanager
def quick_switching() -> Iterator[None]:
    """Let threads take turns more often than Python's default."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(min(before, SWITCH_SECONDS))
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@contextmanager
def ahead(source: Iterable[T], depth: int) -> Iterator[Iterator[T]]:
    """Run an iterable in a thread, some entries ahead of its consumer.

    Args:
        source: What to iterate over.
        depth: Entries that wait at most.

    Yields:
        Its entries, in order. What it raises is raised to the consumer in its place.
    """
    waiting: queue.Queue[tuple[T | None, BaseException | None, bool]] = queue.Queue(maxsize=depth)
    stopped = threading.Event()

    def put(entry: tuple[T | None, BaseException | None, bool]) -> bool:
        while not stopped.is_set():
            try:
                waiting.put(entry, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def produce() -> None:
        try:
            for entry in source:
                if not put((entry, None, False)):
                    return
            put((None, None, True))
        except BaseException as error:  # handed over: the consumer raises it
            put((None, error, True))

    def consume() -> Iterator[T]:
        while True:
            entry, error, ended = waiting.get()
            if error is not None:
                raise error
            if ended:
                return
            yield entry  # type: ignore[misc]

    thread = threading.Thread(target=produce, name="seqbench-reader", daemon=True)
    thread.start()
    try:
        yield consume()
    finally:
        stopped.set()
        thread.join()


class Behind:
    """One thread that does jobs in order, with a bound on how far it may lag."""

    def __init__(self, depth: int) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="seqbench-writer")
        self._waiting: list[Future[None]] = []
        self._depth = depth
        self._failed = False

    def submit(self, job: Callable[[], None]) -> None:
        """Hand over a job; waits while too many are waiting.

        Raises:
            BaseException: What an earlier job raised.
        """
        while len(self._waiting) >= self._depth:
            self._waiting.pop(0).result()
        while self._waiting and self._waiting[0].done():
            self._waiting.pop(0).result()
        self._waiting.append(self._pool.submit(self._do, job))

    def _do(self, job: Callable[[], None]) -> None:
        """Do a job, unless one before it failed."""
        if self._failed:
            return
        try:
            job()
        except BaseException:
            self._failed = True
            raise

    def finish(self) -> None:
        """Wait for all jobs; raises what one of them raised."""
        while self._waiting:
            self._waiting.pop(0).result()

    def close(self) -> None:
        """End the thread; jobs that did not begin are dropped."""
        self._pool.shutdown(wait=True, cancel_futures=True)
