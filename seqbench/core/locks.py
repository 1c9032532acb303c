"""One process at a time, for what is read, changed and written back."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_UNSUPPORTED = {errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK}
"""What file systems say that know no locks, as some network file systems."""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock for a moment; other processes and threads wait. Not re-entrant.

    It is `flock` on a file, which the system releases when a process dies, however it dies; a file that is
    left so locks nobody out. A file system without `flock` has no lock: there only what is made in one step
    is safe, and of two changes at one moment the later stands.

    Args:
        path: The file, in a folder that is there; it goes when the lock is released.

    Raises:
        OSError: The folder can't be written.
    """
    from filelock import FileLock

    # A marker in a file, to which filelock would fall back, outlives a killed process.
    lock = FileLock(path, poll_interval=0.01, thread_local=False, fallback_to_soft=False)
    try:
        lock.acquire()
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        yield
        return
    try:
        yield
    finally:
        # While no one else can hold it: who waits for it sees that it is gone, and makes another.
        path.unlink(missing_ok=True)
        lock.release()
