"""One process at a time: a lock on a store, for what is read, changed and written back."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seqbench.store.location import LocalFolder, Location, faults

LOCK = ".lock"
"""File that is there while someone holds the lock, in the store's folder."""

_UNSUPPORTED = {errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK}


@contextmanager
def exclusive(store: Location) -> Iterator[None]:
    """Hold a store for a moment; others wait. Not re-entrant.

    On a local disk this is `flock` on a file, which the system releases when a process dies, however it dies;
    a file that is left so locks nobody out. Object stores, and file systems without `flock`, have no lock:
    there only what is made in one step is safe (see `Location.create`), and of two changes to one object the
    later stands.

    Raises:
        StoreError: The store's folder can't be written.
    """
    if not isinstance(store, LocalFolder):
        yield
        return
    path = store.path / LOCK
    with faults(store, "written"):
        handle = _acquire(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def _acquire(path: Path) -> int:
    """Open and lock the file; once more where its last holder took it away in between."""
    while True:
        handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if _is_there(path, handle):
                return handle
        except OSError as error:
            if error.errno in _UNSUPPORTED:
                return handle
            os.close(handle)
            raise
        os.close(handle)


def _is_there(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False
