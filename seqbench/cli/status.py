"""`seqbench status`: what is done, running and left, from another terminal."""

from typing import TYPE_CHECKING

from seqbench.cli.options import ConfigPath, Overrides, console, load, reporter
from seqbench.core.progress import human

if TYPE_CHECKING:
    from rich.table import Table

    from seqbench.schedule.heartbeat import Beat
    from seqbench.schedule.plan import Pair
    from seqbench.schedule.survey import Survey


def status(config: ConfigPath, set_: Overrides = None) -> None:
    """Tell what is done, running and left. Changes nothing.

    Counts whole blocks in the store and probes in the catalog; a running command adds what it works on.
    """
    from seqbench.schedule.heartbeat import last_beat
    from seqbench.schedule.run import look

    told = reporter()
    loaded = load(config, set_, told)
    found, _ = look(loaded, told, "run")
    beat = last_beat(loaded.catalog)
    out = console()
    out.print(_table(found, set(beat.running) if beat else set()))
    for line in _running(beat):
        out.print(line, markup=False, highlight=False, soft_wrap=True)


def _table(found: "Survey", running: set[str]) -> "Table":
    """A row a model and data set."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in ("model", "data set"):
        table.add_column(name, overflow="fold")
    for name in ("items", "probes"):
        table.add_column(f"{name} done", justify="right")
        table.add_column("left", justify="right")
    table.add_column("now")
    for pair in found.pairs:
        items = sum(split.n_items for split in pair.splits)
        missing = sum(block.stop - block.start for split in pair.splits for block in split.missing)
        numbers = (items - missing, missing, pair.probes_known, pair.probes - pair.probes_known)
        table.add_row(pair.model, pair.dataset, *(f"{number:,}" for number in numbers), _now(pair, running))
    return table


def _now(pair: "Pair", running: set[str]) -> str:
    """What a running command does with a pair."""
    doing = []
    if f"extract {pair.computed_by} {pair.dataset}" in running:
        doing.append("extracting")
    if f"probe {pair.model} {pair.dataset}" in running:
        doing.append("probing")
    return ", ".join(doing)


def _running(beat: "Beat | None") -> list[str]:
    """Who works on what, as the running command last said."""
    if beat is None:
        return ["Nothing is running."]
    seconds = max(beat.written - beat.began, 1e-9)
    lines = [f"`seqbench {beat.command}` runs on {beat.host} (process {beat.pid}) for {seconds:.0f} s"]
    for group, done in beat.done.items():
        if group in beat.running:
            place = group.replace(" ", " × ").replace(" × ", " ", 1)
            lines.append(f"  {place}: {human(done)} of {human(beat.total.get(group, done))}")
    for worker in beat.workers:
        tasks = ", ".join(" ".join(group) for group in worker.running) or "idle"
        lines.append(f"  {worker.name}: {worker.used:g} of {worker.power:g} units, {tasks}")
    return lines
