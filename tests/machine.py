"""The machine as tests see it: a bare one, whatever is installed and set on the real one.

Tests that are about a program which may be there find it by `program`, and are skipped where it is not.
"""

import os
import shutil
from pathlib import Path
from typing import Final

REAL_PATH: Final = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])

SEEN: Final = ("sh", "mount", "umount", "ip", "uname", "lscpu", "ldconfig")
"""The shell of stand-ins for programs, what makes disks and networks for tests, and what libraries ask."""

HIDDEN: Final = (
    "AWS_", "CUDA_", "DASK_", "GIT_", "HF_", "HUGGING", "MPL", "NVIDIA_", "PIP_", "SBATCH_", "SEQBENCH_",
    "SLURM_", "SQUEUE_", "TRANSFORMERS_", "WANDB_", "XDG_",
    "CLICOLOR", "COLUMNS", "FORCE_COLOR", "LINES", "NO_COLOR", "PYTHONWARNINGS",
)  # fmt: skip
"""How names of variables begin that would change what the program does or prints."""

_OURS: Final = ("SEQBENCH_FAULT_", "SEQBENCH_FUZZ")
"""Settings of the tests themselves."""


def hide_machine(folder: Path) -> None:
    """Give this process, and all that it starts, a PATH of links, an empty home, no GPU and no keys.

    Args:
        folder: Gets the links and the home.
    """
    for name in list(os.environ):
        if name.upper().startswith(HIDDEN) and not name.startswith(_OURS):
            del os.environ[name]
    programs, home = folder / "bin", folder / "home"
    programs.mkdir()
    home.mkdir()
    for name in SEEN:
        if (path := program(name)) is not None:
            (programs / name).symlink_to(path)
    os.environ |= {"PATH": str(programs), "HOME": str(home), "CUDA_VISIBLE_DEVICES": ""}


def program(*names: str) -> str | None:
    """The real machine's first program of several names, or None."""
    return next((path for name in names if (path := shutil.which(name, path=REAL_PATH))), None)
