"""The GPUs of this machine that a config lets us use."""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

from seqbench.config.schedule import ScheduleConfig

DRIVER = Path("/proc/driver/nvidia")


def local_gpus(schedule: ScheduleConfig, note: Callable[[str], None]) -> tuple[str, ...]:
    """What `CUDA_VISIBLE_DEVICES` is to say for each worker, one GPU each; empty where there is none.

    Args:
        schedule: The config's section; GPUs are numbered as this process sees them.
        note: Told of GPUs that are asked for and not there.
    """
    seen = _visible()
    if schedule.gpus == "all":
        return seen
    missing = [str(gpu) for gpu in schedule.gpus if gpu >= len(seen)]
    if missing:
        note(f"warning: schedule.gpus: there is no GPU {', '.join(missing)} here, going on without")
    return tuple(seen[gpu] for gpu in schedule.gpus if gpu < len(seen))


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
