"""How many CPU threads a training step is worth.

Threads that work on one small product wait for each other by spinning. Measured on 2 cores, 7 networks of 256
inputs, batches of 64 (116 MFLOP a step), ten epochs of 10,000 items: two threads took 2.0 s with the cores to
themselves and 45 to 190 s beside other work, where one thread took 3 to 7 s.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

FLOP_PER_THREAD = 200_000_000
"""Work of a step that keeps a thread busy for about two milliseconds, next to which waiting is small."""


def worthwhile_threads(flop_per_step: int, available: int) -> int:
    """As many threads as have enough to do in a step, at least one."""
    return max(1, min(available, flop_per_step // FLOP_PER_THREAD))


@contextmanager
def threads_for(flop_per_step: int) -> Iterator[None]:
    """Let torch use `worthwhile_threads` of its threads within the block; the setting is the process's."""
    available = torch.get_num_threads()
    torch.set_num_threads(worthwhile_threads(flop_per_step, available))
    try:
        yield
    finally:
        torch.set_num_threads(available)
