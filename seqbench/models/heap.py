"""Keeping freed memory in the process, so that tensors of the next batch need not be asked for again.

glibc gives large blocks back to the kernel when they are freed and gets them anew, page by page and zeroed,
for the next tensor: some thousand page faults a batch, a quarter of the time on two cores. It also keeps a
heap a thread, so that what one thread freed is of no use to the others.
"""

import ctypes
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
def keep_freed_memory() -> bool:
    """Tell glibc to keep what is freed, in one heap, for the rest of the process; elsewhere nothing changes.

    Returns:
        Whether it was told and agreed.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    mallopt.argtypes, mallopt.restype = (ctypes.c_int, ctypes.c_int), ctypes.c_int
    options = ((M_MMAP_THRESHOLD, LARGEST_FROM_HEAP), (M_TRIM_THRESHOLD, KEPT), (M_ARENA_MAX, 1))
    agreed = [bool(mallopt(option, value)) for option, value in options]
    return all(agreed)


def give_back() -> None:
    """Let glibc return what is free, also in the middle; after a large piece of work, not after a batch.

    Without it the pieces that blocks of many sizes leave behind add up with the size of a data set.
    """
    if platform.libc_ver()[0] == "glibc":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
