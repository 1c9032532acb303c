"""The GPUs of this machine that a config lets us use."""

import os
from functools import cache
from pathlib import Path

from seqbench.config.schedule import ScheduleConfig

DRIVER = Path("/proc/driver/nvidia")


def local_gpus(schedule: ScheduleConfig) -> tuple[str, ...]:
    """What `CUDA_VISIBLE_DEVICES` is to say for each worker, one GPU each; empty where there is none.

    Args:
        schedule: The config's section; GPUs are numbered as this process sees them.
    """
    seen = _visible()
    if schedule.gpus == "all":
        return seen
    return tuple(seen[gpu] for gpu in schedule.gpus if gpu < len(seen))


def missing_gpus(schedule: ScheduleConfig) -> tuple[int, ...]:
    """Those that the config asks for and that are not there."""
    wanted = () if schedule.gpus == "all" else schedule.gpus
    return tuple(gpu for gpu in wanted if gpu >= len(_visible()))


@cache
def _visible() -> tuple[str, ...]:
    """Names of the GPUs that torch would see, without torch where there is no driver."""
    if not DRIVER.exists():
        return ()
    import torch

    count = torch.cuda.device_count()
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = named.split(",") if named is not None else [str(number) for number in range(count)]
    return tuple(name.strip() for name in names[:count])
