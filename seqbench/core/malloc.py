"""Keeping freed memory in the process, so that tensors of the next batch need not be asked for again.

glibc gives large blocks back to the kernel when they are freed and gets them anew, page by page and zeroed,
for the next tensor: some thousand page faults a batch, a quarter of the time on two cores. It also keeps a
heap a thread, so that what one thread freed is of no use to the others, nor is the top of it ever given back.
"""

import ctypes
import os
import platform
from contextlib import suppress
from functools import cache

M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3
M_ARENA_MAX = -8
"""Numbers of the options in glibc's malloc.h; see mallopt(3)."""

LARGEST_FROM_HEAP = 32 * 1024**2
"""Bytes up to which blocks come from the heap: the most that glibc allows."""

KEPT = 2**31 - 1
"""Bytes at the top of the heap that are kept: the most that mallopt takes."""


@cache
def one_heap() -> bool:
    """Tell glibc to keep one heap for all threads; of use only before other threads have theirs.

    Returns:
        Whether it was told and agreed; elsewhere nothing changes.
    """
    return _tell({M_ARENA_MAX: 1})


@cache
def keep_freed_memory() -> bool:
    """Tell glibc to keep what is freed for the rest of the process.

    Returns:
        Whether it was told and agreed; elsewhere nothing changes.
    """
    return _tell({M_MMAP_THRESHOLD: LARGEST_FROM_HEAP, M_TRIM_THRESHOLD: KEPT})


def _tell(options: dict[int, int]) -> bool:
    if platform.libc_ver()[0] != "glibc":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    mallopt.argtypes, mallopt.restype = (ctypes.c_int, ctypes.c_int), ctypes.c_int
    agreed = [bool(mallopt(option, value)) for option, value in options.items()]
    return all(agreed)


def release_free_memory() -> None:
    """Let glibc return what is free, also in the middle; after a large piece of work, not after a batch.

    Without it the pieces that blocks of many sizes leave behind add up with the size of a data set.
    """
    if platform.libc_ver()[0] == "glibc":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


def free_memory() -> int:
    """Bytes of memory that nothing uses; 0 where the system does not tell."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 0
