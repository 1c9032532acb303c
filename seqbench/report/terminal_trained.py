"""Frozen, LoRA and full as a Rich table, for the end of a run."""

from itertools import groupby
from typing import TYPE_CHECKING

from seqbench.report.analysis import Analysis
from seqbench.report.figures.scales import count
from seqbench.report.phrases import MISSING, number, signed
from seqbench.report.terminal import UNCLEAR
from seqbench.report.ways import Apart, WayRow

if TYPE_CHECKING:
    from rich.table import Table

_COLUMNS = ("model", "way", "rank", "test", "over frozen", "trained", "time", "memory")
_LEFT = ("model", "way")


def trained_ways_table(analysis: Analysis) -> "Table | None":
    """Lay out the ways to use each trained model for a terminal: a block of lines a data set.

    A gain over the frozen model has a ≈ behind it where it is not clear at 5 %; ranks are among models that
    are used alike. None where no model was trained.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    if not analysis.ways:
        return None
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for name in _COLUMNS:
        table.add_column(name, justify="left" if name in _LEFT else "right", no_wrap=name != "model")
    for dataset, group in groupby(analysis.ways, key=lambda one: one.row.dataset):
        members = list(group)
        above = {"model": Text(dataset, style="bold"), "test": Text(members[0].row.metric, style="dim")}
        table.add_row(*(above.get(name, "") for name in _COLUMNS))
        before = None
        for index, one in enumerate(members):
            name = "" if one.row.model == before else f"  {one.row.model}"
            before = one.row.model
            table.add_row(Text(name), *map(Text, _cells(one)), end_section=index == len(members) - 1)
    return table


def _cells(one: WayRow) -> tuple[str, ...]:
    cost = one.cost
    return (
        one.way,
        "" if one.row.rank is None else str(one.row.rank),
        number(one.row.choice.test.value),
        _gain(one.over_frozen),
        MISSING if cost.trained_parameters is None else count(cost.trained_parameters),
        _time(cost.seconds, cost.device),
        MISSING if cost.peak_memory_bytes is None else f"{cost.peak_memory_bytes / 1e9:.1f} GB",
    )


def _gain(apart: Apart | None) -> str:
    if apart is None:
        return ""
    return f"{signed(apart.difference)} {UNCLEAR if apart.is_clear is False else ' '}"


def _time(seconds: float | None, device: str | None) -> str:
    """Hours, or minutes and seconds where it is less, with the device."""
    if seconds is None:
        return MISSING
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit} {device or ''}".rstrip()
    return f"{seconds:.0f} s {device or ''}".rstrip()
