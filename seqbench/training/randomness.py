"""Random numbers that depend on a seed and a place in the training alone.

What draws within a network (dropout) takes from torch's streams, which are the process's. They are set anew
before every batch and put back after it, so a resumed training draws as an undisturbed one, and the caller's
own draws do not change. Trainings in threads of one process would still disturb each other.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b

import torch


@contextmanager
def seeded(device: torch.device, seed: int, *place: int) -> Iterator[None]:
    """Let torch draw from a stream of its own within the block, on the CPU and on the device.

    Args:
        device: Where the network is.
        seed: Of the training.
        place: Where in it, such as the step and the batch.
    """
    number = int.from_bytes(blake2b(repr((seed, *place)).encode(), digest_size=8).digest(), "little") >> 1
    # torch.manual_seed would note the seed for every kind of device that was never used: half a millisecond.
    streams = [torch.default_generator]
    if device.type == "cuda":
        streams.append(torch.cuda.default_generators[device.index or 0])
    kept = [stream.get_state() for stream in streams]
    try:
        for stream in streams:
            stream.manual_seed(number)
        yield
    finally:
        for stream, state in zip(streams, kept, strict=True):
            stream.set_state(state)
