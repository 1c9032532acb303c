"""Running what a config asks for: survey, plan, execution, catalog; what fails is listed, the rest goes on.

Only this process opens the catalog. Who does the tasks is an `Executor`: this process or a cluster.
"""

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from seqbench.catalog import Catalog
from seqbench.catalog.records import RunRecord, RunStatus
from seqbench.config import Config
from seqbench.core.atomic import remove_stale
from seqbench.core.malloc import keep_freed_memory, one_heap
from seqbench.core.progress import Reporter
from seqbench.core.redaction import redact_all
from seqbench.errors import SeqbenchError
from seqbench.schedule import host
from seqbench.schedule.catching_up import catch_up
from seqbench.schedule.display import Display
from seqbench.schedule.executors.choose import executor_of, is_shared
from seqbench.schedule.graph import make_graph
from seqbench.schedule.heartbeat import Heartbeat, forget_dead
from seqbench.schedule.ledger import Ledger
from seqbench.schedule.pending import Pending
from seqbench.schedule.plan import Plan, make_plan
from seqbench.schedule.survey import Problem, Survey, survey
from seqbench.schedule.tasks import CHECKPOINTS
from seqbench.schedule.workspace import Workspace
from seqbench.tracking import make_trackers

Command = Literal["extract", "probe", "run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a run."""

    items: int
    """Items embedded or imported, all models together."""
    probes: int
    """Probes trained."""
    probes_known: int
    """Probes that were in the catalog already."""
    not_applicable: tuple[Problem, ...]
    failed: tuple[Problem, ...]


def look(config: Config, reporter: Reporter, command: Command) -> tuple[Survey, Plan]:
    """Find out what a command would do, without doing it.

    Raises:
        SeqbenchError: Nothing of what the config asks for can be worked on; the first reason.
    """
    workspace = Workspace(config, reporter)
    known = Catalog(config.catalog).known_spec_hashes()
    return _look(workspace, known, command, shared=False)


def _look(workspace: Workspace, known: set[str], command: Command, *, shared: bool) -> tuple[Survey, Plan]:
    for warning in workspace.resolved.warnings:
        workspace.reporter.note(f"warning: {warning}")
    found = survey(workspace, known, extracting=command != "probe")
    if found.failed and not found.pairs:
        raise SeqbenchError(found.failed[0].reason)
    plan = make_plan(
        found.pairs,
        extract=command != "probe",
        probe=command != "extract",
        shard_items=workspace.config.schedule.shard_items,
        by_head=shared,
    )
    return found, plan


def run(config: Config, reporter: Reporter, command: Command) -> Outcome:
    """Do what is missing: extract, probe, or both.

    Args:
        config: With absolute paths.
        reporter: Shows progress and remarks.
        command: Which stages.

    Returns:
        What was done and what failed; failures never stop the rest.

    Raises:
        SeqbenchError: Nothing can be worked on, or the catalog, the store or the cluster can't be used.
    """
    one_heap()
    if command != "extract":
        keep_freed_memory()  # half the time of scoring a small split went into page faults
    workspace = Workspace(config, reporter)
    catalog = Catalog(config.catalog)
    _tidy(config)
    known = catalog.known_spec_hashes()
    shared = is_shared(config.schedule, reporter.note)
    found, plan = _look(workspace, known, command, shared=shared)
    if command != "probe":
        catch_up(workspace, catalog, found.pairs)
    probes_known = sum(pair.probes_known for pair in found.pairs) if command != "extract" else 0
    outcome = Outcome(
        items=0,
        probes=0,
        probes_known=probes_known,
        not_applicable=found.not_applicable,
        failed=found.failed,
    )
    if not plan.extract and not plan.probe:
        return outcome
    done = _execute(workspace, catalog, known, plan, command, shared=shared)
    return replace(outcome, items=done.items, probes=done.probes, failed=(*found.failed, *done.problems))


def _tidy(config: Config) -> None:
    """Take away what killed runs left half written; in the store, opening it does so."""
    forget_dead(config.catalog)
    remove_stale(config.catalog.parent)
    remove_stale(config.catalog.parent / CHECKPOINTS)
    if config.probe.save_heads is not None:
        remove_stale(config.probe.save_heads, depth=3)


def _execute(
    workspace: Workspace, catalog: Catalog, known: set[str], plan: Plan, command: Command, *, shared: bool
) -> Ledger:
    config = workspace.config
    trackers = make_trackers(config, workspace.reporter.note) if plan.probe else []
    graph = make_graph(
        plan,
        extract_power=config.schedule.extract_power,
        probe_power=config.schedule.probe_power,
        extraction_first=shared,
    )
    pending = Pending(catalog)
    record = _record(config, command)
    heartbeat = Heartbeat(catalog.path, command, graph)
    try:
        with workspace.reporter.board() as board:
            display = Display(board, graph, side_by_side=shared)
            ledger = Ledger(workspace, catalog, pending, trackers, graph, display, heartbeat)
            with (
                _recorded(record, pending, ledger) as end,
                executor_of(workspace, known, record.run_id, shared=shared) as executor,
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
        if shared:  # a signal to the whole group ends workers in the midst of a file
            _tidy(config)
            if isinstance(config.store.path, Path):
                remove_stale(config.store.path, depth=2)
    return ledger


def _required(config: Config) -> set[str]:
    """The packages that models of the config come from, besides transformers."""
    named = (getattr(model, "requires", None) for model in config.models)
    return {name for name in named if name is not None}


def _record(config: Config, command: Command) -> RunRecord:
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
def _recorded(record: RunRecord, pending: Pending, ledger: Ledger) -> Iterator[Callable[[RunStatus], None]]:
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
        end("failed" if ledger.problems else "done")
