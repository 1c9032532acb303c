"""What every benchmark is given."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rich.console import Console


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One run of the benchmarks."""

    LEAST: ClassVar[int] = 32
    """Of anything that is counted, however quick a run is."""

    folder: Path
    """For models, data sets, stores and catalogs; the caller deletes it."""
    rounds: int
    quick: bool
    """Whether sizes are so small that only the code is tried; figures then mean nothing."""
    console: Console

    def scaled(self, count: int) -> int:
        """A number of items or tokens, a fiftieth of it when quick, but `LEAST` at least."""
        return max(self.LEAST, count // 50) if self.quick else count
