"""`seqbench status`: what is done, running and left, from another terminal."""

from typing import TYPE_CHECKING

from seqbench.cli.options import ConfigPath, Overrides, console, load, reporter
from seqbench.core.progress import human

if TYPE_CHECKING:
    from rich.table import Table

    from seqbench.schedule.heartbeat import Beat
    from seqbench.schedule.plan import Plan, Share
    from seqbench.schedule.stage import Stages


def status(config: ConfigPath, set_: Overrides = None) -> None:
    """Tell what is done, running and left. Changes nothing.

    Counts whole blocks in the store and probes in the catalog; a running command adds what it works on.
    """
    from seqbench.schedule.heartbeat import last_beat
    from seqbench.schedule.run import look

    told = reporter()
    loaded = load(config, set_, told)
    plan, stages = look(loaded, told, "run")
    beat = last_beat(loaded.catalog)
    out = console()
    out.print(_table(plan, stages, set(beat.running) if beat else set()))
    for line in _running(beat):
        out.print(line, markup=False, highlight=False, soft_wrap=True)


def _table(plan: "Plan", stages: "Stages", running: set[str]) -> "Table":
    """A row a model and data set, with what each stage has done of it."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in ("model", "data set"):
        table.add_column(name, overflow="fold")
    for stage in stages.values():
        table.add_column(f"{stage.kind.unit} done", justify="right")
        table.add_column("left", justify="right")
    table.add_column("now")
    rows: dict[tuple[str, str], dict[str, Share]] = {}
    for share in plan.shares:
        rows.setdefault((share.model, share.dataset), {})[share.group.stage] = share
    for names, shares in rows.items():
        numbers = [number for name in stages for number in _numbers(shares.get(name))]
        now = [stages[name].doing for name, share in shares.items() if share.group.text() in running]
        table.add_row(*names, *numbers, ", ".join(now))
    return table


def _numbers(share: "Share | None") -> tuple[str, str]:
    return ("", "") if share is None else (f"{share.done:,}", f"{share.left:,}")


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
