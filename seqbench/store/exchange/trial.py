"""HDF5 files are tried in a process of their own before this one opens them.

The HDF5 library checks little: a flipped byte can make it crash, run for ever, or ask for gigabytes. What
another process has read without that, this one can read as well.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from seqbench.errors import StoreError

SECONDS = 30.0
"""A try of a small file takes one."""
SECONDS_PER_BYTE = 1e-7
"""What a larger one may take more: labels and item facts are read whole."""


def try_files(paths: Sequence[Path]) -> None:
    """See that HDF5 files can be read.

    Raises:
        StoreError: One can't be read; names it.
    """
    for path in paths:
        size = path.stat().st_size
        command = [sys.executable, "-m", "seqbench.store.exchange.h5ad_trial", str(path)]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=SECONDS + SECONDS_PER_BYTE * size
            )
        except subprocess.TimeoutExpired as error:
            raise _unreadable(path, "the HDF5 library does not come to an end") from error
        if done.returncode == 2:
            raise StoreError(done.stdout.strip())
        if done.returncode != 0:
            raise _unreadable(path, "it brings the HDF5 library down")


def _unreadable(path: Path, what: str) -> StoreError:
    return StoreError(f"{path}: can't be read as AnnData: {what} (damaged? export or copy it again)")
