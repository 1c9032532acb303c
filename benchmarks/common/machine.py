"""Where and of what a benchmark was run: machine, versions, commit, date, command."""

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from seqbench.schedule import host

ROOT = Path(__file__).parents[2]


def about() -> dict[str, Any]:
    """What a reader needs to judge the figures, and to get them again."""
    return {
        "machine": machine(),
        "versions": host.versions() | _version("sentence-transformers"),
        "commit": commit(),
        "date": datetime.now(UTC).date().isoformat(),
        "command": " ".join(["python", "benchmarks/" + Path(sys.argv[0]).name, *sys.argv[1:]]),
        "load_before": os.getloadavg()[0],
    }


def _version(package: str) -> dict[str, str]:
    try:
        return {package: version(package)}
    except PackageNotFoundError:
        return {}


def machine() -> str:
    """Processor, cores, threads, memory, device, and what else was running at the start."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    parts = [
        f"{len(os.sched_getaffinity(0))} cores of {_processor()}",
        f"{torch.get_num_threads()} torch threads",
        f"{memory_gib:.0f} GiB",
        host.device(),
        f"load {os.getloadavg()[0]:.1f} before the start",
    ]
    return ", ".join(parts)


def _processor() -> str:
    """`Intel(R) Xeon(R) Processor (amx_bf16)`; without the flag bfloat16 is no faster than float32."""
    facts: dict[str, str] = {}
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        facts.setdefault(key.strip(), value.strip())
    name = facts.get("model name", platform.machine())
    known = [flag for flag in ("amx_bf16", "avx512_bf16", "avx2") if flag in facts.get("flags", "").split()]
    return f"{name} ({known[0]})" if known else name


def commit() -> str:
    """Short hash of the checkout, with `+` where files differ from it; `no git` outside a checkout."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty=+", "--exclude=*"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "no git"
