"""What the benchmarks of responses are given."""

from dataclasses import dataclass
from pathlib import Path

from common import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting(setting.Setting):
    """One run of the benchmarks."""

    arc_python: Path | None
    """Python of an environment that has arc-state; None: it is not measured."""
