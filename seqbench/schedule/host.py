"""Where a run takes place: host, device and package versions, for the record."""

import platform
import socket
import sys
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

import seqbench
from seqbench.core.packages import package_version

RECORDED = ("torch", "transformers", "scikit-learn", "xgboost", "zarr", "duckdb", "numpy")


def versions(requires: Iterable[str] = ()) -> dict[str, str]:
    """Versions of seqbench, Python and the packages that results depend on.

    Args:
        requires: Packages that models come from, by their modules.
    """
    known = {"seqbench": seqbench.__version__, "python": platform.python_version()}
    for name in RECORDED:
        with suppress(PackageNotFoundError):  # each stage runs without the others' packages
            known[name] = version(name)
    found = {name: package_version(name) for name in requires}
    return known | {name: release for name, release in found.items() if release is not None}


def host() -> str:
    """The machine's name."""
    return socket.gethostname()


def device() -> str:
    """`cuda (NVIDIA H100)` or `cpu`; torch is asked only where something has loaded it."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return f"cuda ({torch.cuda.get_device_name(0)})"
    return "cpu"
