"""Ctrl-C stays what the command made of it, whatever a library does when it is imported."""

import signal
import subprocess
import sys

import pytest

from seqbench.core.signals import kept_handlers


def test_handlers_that_change_within_the_block_are_put_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with kept_handlers():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    assert signal.getsignal(signal.SIGINT) is before


def test_slurm_leaves_ctrl_c_as_it_was() -> None:
    """dask-jobqueue 0.9.0 sets a handler of its own when it is imported: the command would end with 0."""
    pytest.importorskip("dask_jobqueue")
    program = (
        "import signal; before = signal.getsignal(signal.SIGINT)\n"
        "from seqbench.schedule.executors import slurm; slurm._jobqueue()\n"
        "print(signal.getsignal(signal.SIGINT) is before)"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "True"
