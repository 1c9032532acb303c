"""What must hold whatever a file contains: success or one line that names it, soon, and nothing changed."""

import hashlib
import resource
import signal
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from seqbench.errors import SeqbenchError
from tests.fuzz.subjects import Subject

SECONDS = 45
"""No file of a few hundred bytes may keep a command busy for longer; most take some milliseconds."""

MEGABYTES = 400
"""Nor may the process's largest memory grow by more."""


class TooSlowError(BaseException):
    """The time is over."""


def check(subject: Subject, folder: Path, name: str) -> str | None:
    """Let the subject read a folder in which the file `name` was damaged.

    Returns:
        The line that was told, None where all went well.

    Raises:
        AssertionError: More or less than one line was told, it names nothing, or something was changed.
        BaseException: Whatever else came out; a bug.
    """
    refused, memory = False, _peak()
    before = None if subject.writes else snapshot(folder)
    try:
        with _limit(SECONDS), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            told: Sequence[str] = subject.read(folder)
    except SeqbenchError as error:
        told, refused = [str(error)], True
    if refused and before is not None:
        assert snapshot(folder) == before, f"changed although refused: {told[0]}"
    assert _peak() - memory < MEGABYTES, f"took {_peak() - memory} MB"
    for line in told:
        assert len(line.splitlines()) == 1, f"not one line: {line!r}"
        assert len(line) < 1500, f"long: {line[:2000]!r}"
        assert any(word in line for word in (*subject.names, Path(name).name)), f"names no place: {line!r}"
    return told[0] if told else None


def snapshot(folder: Path) -> dict[str, str]:
    """Every file and folder with a hash of what it holds."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in sorted(folder.rglob("*"))
        if path.name != ".lock"
    }


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


@contextmanager
def _limit(seconds: int) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TooSlowError(f"over {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
