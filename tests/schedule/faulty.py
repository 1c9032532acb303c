"""What a worker does in tests of faults, in the place of real tasks: the data set's name says what."""

import os
import signal
import time

from distributed import get_worker

from seqbench.extract.blocks import Work
from seqbench.schedule.plan import ExtractTask
from seqbench.schedule.worker import Job, Report


def work(job: Job) -> Report:
    """Sleep a moment, and then end well or badly."""
    time.sleep(0.02)
    name = job.task.dataset
    if name.startswith("poison"):
        os.kill(os.getpid(), signal.SIGKILL)
    if name.startswith("bug"):
        return Report(bug=f"Traceback: a bug on {get_worker().name}")
    if name.startswith("wrong"):
        return Report(error="wrong/train.jsonl:3: label must be an int")
    if isinstance(job.task, ExtractTask):
        return Report(work=Work(items=job.task.items), advanced=job.task.items)
    return Report(advanced=job.task.probes)
