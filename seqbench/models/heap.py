"""Keeping freed memory in the process, so that tensors of the next batch need not be asked for again.

glibc gives large blocks back to the kernel when they are freed and gets them anew, page by page and zeroed, for
the next tensor: some thousand page faults a batch, a quarter of the time on two cores.
"""

import ctypes
import platform
from functools import cache

M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3
"""Numbers of the options in glibc's malloc.h; see mallopt(3)."""

LARGEST_FROM_HEAP = 32 * 1024**2
"""Bytes up to which blocks come from the heap: the most that glibc allows."""

KEPT = 2**31 - 1
"""Bytes at the top of the heap that are kept: the most that mallopt takes."""


@cache
def keep_freed_memory() -> bool:
    """Tell glibc to keep what is freed, for the rest of the process; elsewhere nothing is changed.

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
    return bool(mallopt(M_MMAP_THRESHOLD, LARGEST_FROM_HEAP)) and bool(mallopt(M_TRIM_THRESHOLD, KEPT))
