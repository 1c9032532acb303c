"""Ctrl-C and SIGTERM: the first ends a command in order, with what is done stored; a second one at once."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM)

GRACE_SECONDS = {signal.SIGINT: 30.0, signal.SIGTERM: 9.0}
"""What is not in order by then is left as after a kill: a library may have swallowed the signal. Schedulers
kill 10 s or more after SIGTERM; after Ctrl-C there is time to take back a cluster's jobs."""

_TOGETHER_SECONDS = 0.2
"""Signals that come so soon after one are the same wish: `timeout` sends to a process and to its group."""

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
"""Exit codes, as shells have them."""

STOPPED = "stopped; what is done is stored, the same command goes on from there"

_heard: list[int] = []


class Terminated(KeyboardInterrupt):
    """The system asked the process to end; like Ctrl-C in all but the exit code."""


def install_handlers() -> None:
    """Hear both signals in this process, which must be in its main thread; what is ignored stays so."""
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)


@contextmanager
def kept_handlers() -> Iterator[None]:
    """Put handlers back that a library changes within the block, such as when it is imported.

    dask-jobqueue 0.9 makes Ctrl-C end the process with exit code 0 as soon as it is imported. Only the main
    thread can set handlers, so elsewhere nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:  # one that was not set in Python can't be put back
                signal.signal(number, handler)


def last_signal() -> KeyboardInterrupt:
    """What the last signal raised, for where a library made an error of its own of it."""
    return Terminated() if signal.SIGTERM in _heard else KeyboardInterrupt()


def end_with_parent() -> None:
    """See to it that this process, started by another, does not outlive it: a killed one ends nobody."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=(parent,), daemon=True).start()


def _follow(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


def _end(number: int, frame: FrameType | None) -> None:
    _heard.append(number)
    for each in ENDING:
        signal.signal(each, _nothing)
    time.sleep(_TOGETHER_SECONDS)
    for each in ENDING:
        signal.signal(each, signal.SIG_DFL)  # a second one: at once, even within a library's long computation
    timer = threading.Timer(GRACE_SECONDS[signal.Signals(number)], _give_up, [CODES[signal.Signals(number)]])
    timer.daemon = True
    timer.start()
    raise Terminated if number == signal.SIGTERM else KeyboardInterrupt


def _nothing(number: int, frame: FrameType | None) -> None:
    """Unlike SIG_IGN it is not inherited by what is started."""


def _give_up(code: int) -> None:
    """End although something is still at it; files are whole or not there at any moment."""
    sys.stderr.write(f"seqbench: {STOPPED}\n")
    sys.stderr.flush()
    os._exit(code)


class Postponed:
    """Whether a signal to end came that was not obeyed yet."""

    heard = False


@contextmanager
def postponed(wanted: bool = True) -> Iterator[Postponed]:
    """Let both signals wait for the end of the block, for work that is whole only at certain places.

    The block looks whether one was heard and ends itself; the signal then does what it would have done. A
    second one does so at once. Only the main thread hears signals; elsewhere, and where it is not wanted,
    nothing is changed.
    """
    waiting = Postponed()
    if not wanted or threading.current_thread() is not threading.main_thread():
        yield waiting
        return
    before = {number: signal.getsignal(number) for number in ENDING}
    heard: list[int] = []
    heard_at: list[float] = []

    def note(number: int, frame: FrameType | None) -> None:
        again = bool(heard) and time.monotonic() - heard_at[0] > _TOGETHER_SECONDS
        heard.append(number)
        heard_at.append(time.monotonic())
        waiting.heard = True
        if again:
            restore()
            heard.clear()
            signal.raise_signal(number)

    def restore() -> None:
        for number, handler in before.items():
            if handler is not None:  # one that was not set in Python can't be put back
                signal.signal(number, handler)

    for number, handler in before.items():
        if handler not in (None, signal.SIG_IGN):
            signal.signal(number, note)
    try:
        yield waiting
    finally:
        restore()
        if heard:
            signal.raise_signal(heard[0])


@contextmanager
def blocked() -> Iterator[None]:
    """Put both signals off until the end of the block.

    That they are blocked is inherited by threads and processes that are started meanwhile, which a signal to
    the whole group reaches too. This process hears it, and ends them.
    """
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # started later, by one of those threads, it would unblock it there
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
