"""What every benchmark of reports is given."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One run of the benchmarks."""

    folder: Path
    """For catalogs and reports; the caller deletes it."""
    rounds: int
    quick: bool
    """Whether sizes are so small that only the code is tried; figures then mean nothing."""
    console: Console
