"""How many CPU threads a piece of work is worth.

Threads that share one small product wait for each other by spinning, which beside other work on the same
cores costs far more than it gains. Measured on 2 cores, ten epochs of 7 networks (256 inputs, 10,000 items,
batches of 64, 116 MFLOP a step): with the cores to themselves two threads took 2.0 s; beside other work two
took 45 to 190 s and one took 3 to 7 s. A logistic path (12,000 × 256, 5 labels) beside other work: 15.7 s
with two threads, 2.1 s with one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

FLOP_PER_THREAD = 200_000_000
"""Work between two waits that keeps a thread busy for some two milliseconds; waiting is small beside it."""


def worthwhile_threads(flop: int, available: int) -> int:
    """As many threads as have enough to do, at least one.

    Args:
        flop: Floating-point operations between two points where all threads wait for each other.
        available: Threads there are.
    """
    return max(1, min(available, flop // FLOP_PER_THREAD))


@contextmanager
def torch_threads(flop: int) -> Iterator[None]:
    """Let torch use `worthwhile_threads` of its threads within the block; the setting is the process's."""
    import torch

    available = torch.get_num_threads()
    torch.set_num_threads(worthwhile_threads(flop, available))
    try:
        yield
    finally:
        torch.set_num_threads(available)


def available_threads() -> int:
    """Threads that NumPy and SciPy may use: all cores, or what OMP_NUM_THREADS says."""
    return max((library["num_threads"] for library in _blas().info()), default=1)


@contextmanager
def blas_threads(limit: int) -> Iterator[None]:
    """Let a product of NumPy or SciPy use so many threads within the block; the setting is the process's."""
    with _blas().limit(limits=limit):
        yield


def _blas() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")
