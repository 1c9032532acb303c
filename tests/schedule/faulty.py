"""What a worker does in tests of faults, in the place of real tasks: the data set's name says what."""

import os
import signal
import time
from types import SimpleNamespace

from distributed import get_worker

from seqbench.extract.blocks import Work
from seqbench.schedule import worker
from seqbench.schedule.worker import Report, WorkerJob
from seqbench.stages.shards import ExtractTask


def work(job: WorkerJob) -> Report | None:
    """Sleep a moment, and then end well or badly."""
    time.sleep(0.02)
    name = job.task.dataset
    if name.startswith("poison"):
        os.kill(os.getpid(), signal.SIGKILL)
    if name.startswith("sleepy"):
        time.sleep(4)
    if name.startswith("hungry"):
        _eat()
    if name.startswith("bug"):
        return Report(bug=f"Traceback: a bug on {get_worker().name}")
    if name.startswith("wrong"):
        return Report(error="wrong/train.jsonl:3: label must be an int")
    if name.startswith("long") and not isinstance(job.task, ExtractTask):
        return _in_parts(job)
    if isinstance(job.task, ExtractTask):
        return Report(result=Work(items=job.task.items), advanced=job.task.items)
    return Report(advanced=2)


def _in_parts(job: WorkerJob) -> Report | None:
    """Two records, a second apart."""
    wire = worker._Wire(get_worker(), job)
    worker._wires[job.key] = wire
    for number in range(2):
        wire.add([SimpleNamespace(spec_hash=f"{job.key}-{number}", status="ok")])  # type: ignore[list-item]
        time.sleep(worker.SECONDS)
        wire.advance(1)
        time.sleep(1.0)
    del worker._wires[job.key]
    return wire.report()


def _eat() -> None:
    """Take memory until something ends the process, or a minute is over."""
    eaten = []
    until = time.monotonic() + 60
    while time.monotonic() < until:
        eaten.append(bytearray(b"x" * 2**24))
        time.sleep(0.02)
