"""Running what a config asks for: plan, execution, catalog; what fails is listed, the rest goes on.

Only this process opens the catalog. What there is to do is told by stages, and who does it is an `Executor`:
this process or a cluster.
"""

import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from seqbench.catalog import Catalog
from seqbench.catalog.records import RunRecord, RunStatus
from seqbench.config import Config
from seqbench.config.stages import STAGES
from seqbench.core.atomic import remove_stale
from seqbench.core.collecting import keep_loaded
from seqbench.core.malloc import keep_freed_memory, one_heap
from seqbench.core.progress import Reporter
from seqbench.core.redaction import redact_all
from seqbench.errors import SeqbenchError
from seqbench.schedule import host
from seqbench.schedule.context import Context
from seqbench.schedule.plan import Plan, PlanProblem
from seqbench.schedule.stage import Stages, chosen, load_stage

if TYPE_CHECKING:
    from seqbench.schedule.ledger import Ledger
    from seqbench.schedule.pending import Pending


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a run."""

    done: Mapping[str, int]
    """What was done by each stage of the command, in its unit: items of `extract`, probes of `probe`."""
    known: Mapping[str, int]
    """What was there before, alike."""
    summary: tuple[str, ...]
    """A sentence of each stage, without a stop."""
    has_results: bool
    """Whether there is anything to report on, new or from before."""
    not_applicable: tuple[PlanProblem, ...]
    failed: tuple[PlanProblem, ...]

    @property
    def items(self) -> int:
        """Items embedded or imported, all models together."""
        return self.done.get("extract", 0)

    @property
    def probes(self) -> int:
        """Probes trained."""
        return self.done.get("probe", 0)

    @property
    def probes_known(self) -> int:
        """Probes that were in the catalog already."""
        return self.known.get("probe", 0)


def look(
    config: Config, reporter: Reporter, command: str, *, registry: Mapping[str, str] = STAGES
) -> tuple[Plan, Stages]:
    """Find out what a command would do, without doing it.

    Args:
        config: With absolute paths.
        reporter: Shows remarks.
        command: `run`, or one stage's name.
        registry: The stages that there are.

    Returns:
        The plan, and the stages that made it.

    Raises:
        SeqbenchError: Nothing of what the config asks for can be worked on; the first reason.
    """
    context = Context(config, reporter)
    stages = _stages(context, command, registry)
    return _plan(stages, shared=False), stages


def _stages(context: Context, command: str, registry: Mapping[str, str]) -> Stages:
    found = chosen(context.config, command, registry)
    stages = {name: context.shared(load_stage(reference)) for name, reference in found}
    keep_loaded()
    return stages


def _plan(stages: Stages, *, shared: bool) -> Plan:
    plan = Plan(shared=shared)
    for stage in stages.values():
        plan.add(stage.plan(plan))
    if plan.failed and not plan.shares:
        raise SeqbenchError(plan.failed[0].reason)
    return plan


def run(config: Config, reporter: Reporter, command: str, *, registry: Mapping[str, str] = STAGES) -> Outcome:
    """Do what is missing, of all stages or of one.

    Args:
        config: With absolute paths.
        reporter: Shows progress and remarks.
        command: `run` for every stage that the config has a section for, or one stage's name.
        registry: The stages that there are.

    Returns:
        What was done and what failed; failures never stop the rest.

    Raises:
        SeqbenchError: Nothing can be worked on, or the catalog, the store or the cluster can't be used.
    """
    from seqbench.schedule.executors.choose import is_shared

    one_heap()
    context = Context(config, reporter)
    stages = _stages(context, command, registry)
    if any(stage.keeps_memory for stage in stages.values()):
        keep_freed_memory()
    catalog = Catalog(config.catalog)
    _tidy(config, stages, workers_ended=False)
    shared = is_shared(config.schedule, reporter.note)
    plan = _plan(stages, shared=shared)
    if records := [record for stage in stages.values() for record in stage.backfill(catalog)]:
        catalog.append(records)
    if not plan.nodes:
        return _outcome(stages, plan, {}, [])
    ledger = _execute(context, stages, catalog, plan, command)
    return _outcome(stages, plan, ledger.counts, ledger.problems)


def _outcome(stages: Stages, plan: Plan, done: Mapping[str, int], problems: list[PlanProblem]) -> Outcome:
    done = {name: done.get(name, 0) for name in stages}
    known = {name: sum(share.done for share in plan.shares if share.group.stage == name) for name in stages}
    return Outcome(
        done=done,
        known=known,
        summary=tuple(stage.summary(done[name], known[name]) for name, stage in stages.items()),
        has_results=any(stage.is_reported and done[name] + known[name] for name, stage in stages.items()),
        not_applicable=tuple(plan.not_applicable),
        failed=(*plan.failed, *problems),
    )


def _tidy(config: Config, stages: Stages, *, workers_ended: bool) -> None:
    """Take away what killed runs left half written."""
    from seqbench.schedule.heartbeat import forget_dead

    forget_dead(config.catalog)
    remove_stale(config.catalog.parent)
    for stage in stages.values():
        stage.tidy(workers_ended=workers_ended)


def _execute(context: Context, stages: Stages, catalog: Catalog, plan: Plan, command: str) -> "Ledger":
    """Do it; what only doing needs is loaded here."""
    from seqbench.schedule.display import Display
    from seqbench.schedule.executors.choose import executor_of
    from seqbench.schedule.graph import make_graph
    from seqbench.schedule.heartbeat import Heartbeat
    from seqbench.schedule.ledger import Ledger
    from seqbench.schedule.pending import Pending
    from seqbench.schedule.unfolding import unfolder
    from seqbench.tracking import make_trackers

    config, note = context.config, context.reporter.note
    graph = make_graph(plan.nodes, shared=plan.shared)
    unfold = unfolder(stages, plan)
    is_tracked = any(stages[node.kind.stage].has_curves for node in graph.nodes)
    trackers = make_trackers(config, note) if is_tracked else []
    pending = Pending(catalog)
    record = _record(config, command)
    heartbeat = Heartbeat(catalog.path, command, graph)
    try:
        with context.reporter.board() as board:
            display = Display(board, graph, side_by_side=plan.shared)
            ledger = Ledger(stages, note, pending, trackers, graph, display, heartbeat)
            with (
                _recorded(record, pending, lambda: bool(ledger.problems)) as end,
                executor_of(context, stages, unfold, record.run_id, shared=plan.shared) as executor,
            ):
                try:
                    executor.execute(graph, ledger)
                except KeyboardInterrupt:
                    end("interrupted")  # before the cluster is closed, which takes seconds
                    raise
    finally:
        heartbeat.close()
        for tracker in trackers:
            tracker.close()
        if plan.shared:  # a signal to the whole group ends workers in the midst of a file
            _tidy(config, stages, workers_ended=True)
    return ledger


def _required(config: Config) -> set[str]:
    """The packages that models of the config come from, besides transformers."""
    named = (getattr(model, "requires", None) for model in config.models)
    return {name for name in named if name is not None}


def _record(config: Config, command: str) -> RunRecord:
    return RunRecord(
        run_id=uuid.uuid4().hex,
        command=command,
        status="running",
        config=redact_all(config.model_dump(mode="json")),
        versions=host.versions(_required(config)),
        host=host.host(),
        device=host.device(),
        started_at=datetime.now(UTC),
        finished_at=None,
        pid=os.getpid(),
    )


@contextmanager
def _recorded(
    record: RunRecord, pending: "Pending", has_failed: Callable[[], bool]
) -> Iterator[Callable[[RunStatus], None]]:
    """Write the run to the catalog when it starts and when it ends, however it ends.

    Yields:
        What writes down that it ended in some way; what it says first, holds.
    """
    pending.add([record])
    pending.flush()
    is_written = False

    def end(status: RunStatus) -> None:
        nonlocal is_written
        if not is_written:
            ended = replace(record, status=status, device=host.device(), finished_at=datetime.now(UTC))
            pending.add([ended])
            pending.flush()
            is_written = True

    try:
        yield end
    except KeyboardInterrupt:
        end("interrupted")
        raise
    except BaseException:
        end("failed")
        raise
    else:
        end("failed" if has_failed() else "done")
