"""What a benchmark found: figures with their targets, as a table on the terminal, as Markdown and as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal

from rich import box
from rich.console import Console
from rich.table import Table

COLUMNS = ("benchmark", "figure", "measured", "lowest – highest", "target", "verdict")

COUNT = ",.0f"
FORMATS = {
    "×": ".3f",
    "%": ".1f",
    "s": ",.2f",
    "tokens/s": COUNT,
    "GFLOP/s": COUNT,
    "MB": COUNT,
    "ms": ",.2f",
    "": ".1e",
}
"""How a value of each unit is written."""

PIPE_WIDTH = 160
"""Characters of a line where the output is no terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured quantity, a value each round."""

    benchmark: str
    what: str
    values: tuple[float, ...]
    unit: Literal["×", "%", "tokens/s", "GFLOP/s", "s", "MB", "ms", ""]
    target: float | None = None
    """What the issue asks for; None for figures that are only told."""
    better: Literal["more", "less"] = "more"
    note: str = ""

    @property
    def value(self) -> float:
        """The median of the rounds."""
        return median(self.values)

    @property
    def verdict(self) -> Literal["pass", "falls short", ""]:
        """Whether the median reaches the target."""
        if self.target is None:
            return ""
        reached = self.value >= self.target if self.better == "more" else self.value <= self.target
        return "pass" if reached else "falls short"

    def cells(self) -> tuple[str, ...]:
        """What stands in a table's row, in the order of `COLUMNS`."""
        low, high = min(self.values), max(self.values)
        span = f"{self._show(low)} – {self._show(high)}" if len(self.values) > 1 else ""
        sign = "≥" if self.better == "more" else "≤"
        target = "" if self.target is None else f"{sign} {self._show(self.target)} {self.unit}".strip()
        measured = f"{self._show(self.value)} {self.unit}".strip()
        return (self.benchmark, self.what, measured, span, target, self.verdict)

    def _show(self, value: float) -> str:
        return format(value, FORMATS[self.unit])


def show(figures: Sequence[Figure]) -> None:
    """Print a table, targets reached in green and missed in red, and the notes under it."""
    terminal = Console()
    console = terminal if terminal.is_terminal else Console(width=PIPE_WIDTH)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in COLUMNS:
        table.add_column(column, justify="right" if column in COLUMNS[2:5] else "left", overflow="fold")
    for figure in figures:
        style = {"pass": "green", "falls short": "red", "": None}[figure.verdict]
        table.add_row(*figure.cells(), style=style)
    console.print(table)
    for note in _notes(figures):
        console.print(note, markup=False, highlight=False)


def write(folder: Path, name: str, figures: Sequence[Figure], about: dict[str, Any]) -> list[Path]:
    """Write `<name>.json` and `<name>.md`; what is in the folder under these names is replaced.

    Args:
        folder: Made where it is missing.
        name: Of the files.
        figures: In the order in which they are to stand.
        about: Machine, versions, date, command.

    Returns:
        The two files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "about": about,
        "figures": [
            {**asdict(figure), "value": figure.value, "verdict": figure.verdict} for figure in figures
        ],
    }
    made = [folder / f"{name}.json", folder / f"{name}.md"]
    made[0].write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    made[1].write_text(markdown(figures, about), encoding="utf-8")
    return made


def markdown(figures: Sequence[Figure], about: dict[str, Any]) -> str:
    """A paragraph on the machine, a table and the notes, ready for docs/benchmarks.md."""
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    lines = [
        f"`{about['command']}`, {about['date']}, {about['commit']}. {about['machine']}. {versions}.",
        "",
        f"| {' | '.join(COLUMNS)} |",
        "|" + "---|" * len(COLUMNS),
        *(f"| {' | '.join(figure.cells())} |" for figure in figures),
        "",
        *(f"- {note}" for note in _notes(figures)),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _notes(figures: Sequence[Figure]) -> list[str]:
    """Each note once, with the benchmark that it belongs to."""
    notes = dict.fromkeys(f"{figure.benchmark}: {figure.note}" for figure in figures if figure.note)
    return list(notes)
