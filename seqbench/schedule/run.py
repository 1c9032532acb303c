"""Running a plan in this process, task by task; what fails is listed, the rest goes on.

A scheduler for several devices takes the place of `_Run.execute`: same tasks in, same records out.
"""

import os
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from itertools import groupby
from typing import Literal

from seqbench.catalog import Catalog
from seqbench.catalog.records import ProbeRecord, Record, RunRecord, RunStatus
from seqbench.config import Config
from seqbench.errors import SeqbenchError
from seqbench.extract.blocks import Work
from seqbench.heap import keep_freed_memory, one_heap
from seqbench.progress import Reporter
from seqbench.schedule import host, tasks
from seqbench.schedule.pending import Pending
from seqbench.schedule.plan import ExtractTask, Plan, ProbeTask, Task, make_plan
from seqbench.schedule.survey import Problem, Survey, survey
from seqbench.schedule.workspace import Workspace
from seqbench.tracking import Tracker, make_trackers
from seqbench.vocabulary import SplitName

Command = Literal["extract", "probe", "run"]

RECORDED_SPLITS = "SELECT model, dataset, split FROM embeddings"


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
    return _look(workspace, known, command)


def _look(workspace: Workspace, known: set[str], command: Command) -> tuple[Survey, Plan]:
    for warning in workspace.resolved.warnings:
        workspace.reporter.note(f"warning: {warning}")
    found = survey(workspace, known, extracting=command != "probe")
    if found.failed and not found.pairs:
        raise SeqbenchError(found.failed[0].reason)
    plan = make_plan(found.pairs, extract=command != "probe", probe=command != "extract")
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
        SeqbenchError: Nothing can be worked on, or the catalog or store can't be used.
    """
    one_heap()
    if command != "extract":
        keep_freed_memory()  # half the time of scoring a small split went into page faults
    workspace = Workspace(config, reporter)
    catalog = Catalog(config.catalog)
    known = catalog.known_spec_hashes()
    found, plan = _look(workspace, known, command)
    trackers = make_trackers(config, reporter.note) if plan.probe else []
    running = _Run(workspace, catalog, known, trackers)
    if plan.extract or plan.probe:
        with running.recorded(command):
            running.execute(plan)
    probes_known = sum(pair.probes_known for pair in found.pairs) if command != "extract" else 0
    return Outcome(
        items=running.items,
        probes=running.probes,
        probes_known=probes_known,
        not_applicable=found.not_applicable,
        failed=(*found.failed, *running.failed),
    )


class _Run:
    """One execution: counts, failures, and the run's record."""

    def __init__(
        self, workspace: Workspace, catalog: Catalog, known: set[str], trackers: Sequence[Tracker]
    ) -> None:
        self._workspace = workspace
        self._catalog = catalog
        self._pending = Pending(catalog)
        self._known = known
        self._trackers = trackers
        self._id = uuid.uuid4().hex
        self._described: set[tuple[str, str]] = set()
        self.items = 0
        self.probes = 0
        self.failed: list[Problem] = []

    @contextmanager
    def recorded(self, command: Command) -> Iterator[None]:
        """Write the run to the catalog when it starts and when it ends, however it ends."""
        record = RunRecord(
            run_id=self._id,
            command=command,
            status="running",
            config=self._workspace.config.model_dump(mode="json"),
            versions=host.versions(),
            host=host.host(),
            device=host.device(),
            started_at=datetime.now(UTC),
            finished_at=None,
            pid=os.getpid(),
        )
        self._pending.add([record])
        self._pending.flush()
        status: RunStatus = "failed"
        try:
            yield
            status = "failed" if self.failed else "done"
        except KeyboardInterrupt:
            status = "interrupted"
            raise
        finally:
            ended = replace(record, status=status, device=host.device(), finished_at=datetime.now(UTC))
            self._pending.add([ended])
            self._pending.flush()
            for tracker in self._trackers:
                tracker.close()

    def execute(self, plan: Plan) -> None:
        """Do every task in order; the tasks of one stage of one pair share a progress bar."""
        groups = [
            list(group)
            for _, group in groupby(plan.in_order(), key=lambda task: (type(task), task.model, task.dataset))
        ]
        broken: set[tuple[str, str]] = set()
        for number, group in enumerate(groups, start=1):
            pair = (group[0].model, group[0].dataset)
            if pair in broken:
                continue
            try:
                self._do(group, f"[{number}/{len(groups)}]")
            except SeqbenchError as error:
                broken |= {pair, *((name, pair[1]) for name in _entries(group))}
                self.failed.append(Problem(model=pair[0], dataset=pair[1], reason=str(error)))

    def _do(self, group: Sequence[Task], place: str) -> None:
        extractions = [task for task in group if isinstance(task, ExtractTask)]
        if extractions:
            self._extract(extractions, place)
        for task in group:
            if isinstance(task, ProbeTask):
                self._probe(task, place)

    def _extract(self, group: Sequence[ExtractTask], place: str) -> None:
        first = group[0]
        done: dict[SplitName, Work] = defaultdict(Work)
        label = f"{place} extract {first.model} × {first.dataset}"
        with self._workspace.reporter.task(label, sum(task.items for task in group), "items") as advance:
            for task in group:
                done[task.split] += tasks.extract(task, self._workspace, advance)
        self.items += sum(work.items for work in done.values())
        for name in first.entries:
            self._describe(name, first.dataset, done)
        self._pending.flush()
        self._remark(first, sum(done.values(), Work()))

    def _remark(self, task: ExtractTask, work: Work) -> None:
        """Tell what the embeddings do not hold."""
        if work.truncated:
            self._workspace.reporter.note(
                f"warning: {task.model} × {task.dataset}: {work.truncated:,} sequences were cut to the "
                "model's limit (extract.overlong: window takes all of them)"
            )
        self.failed += [
            Problem(model=task.model, dataset=task.dataset, reason=f"skipped: {place}")
            for place in work.skipped
        ]

    def _probe(self, task: ProbeTask, place: str) -> None:
        self._describe(task.model, task.dataset, {})
        label = f"{place} probe {task.model} × {task.dataset}"
        dead = []
        with self._workspace.reporter.task(label, task.probes, "probes") as advance:
            for records in tasks.probe(task, self._workspace, self._known, self._id, advance):
                self._pending.add(records)
                for tracker in self._trackers:
                    tracker.log(records)
                self.probes += len(records)
                dead += [record for record in records if record.status == "failed"]
        for record in dead:
            self.failed.append(Problem(model=task.model, dataset=task.dataset, reason=_why(record)))

    def _describe(self, model: str, dataset: str, done: dict[SplitName, Work]) -> None:
        """Record model, data set and embeddings: what was just extracted, and what the catalog lacks."""
        if not done and (model, dataset) in self._described:
            return
        self._described.add((model, dataset))
        entry = self._workspace.store[f"{model}/{dataset}"]
        device = "cpu" if entry.model.kind in ("kmer", "onehot", "precomputed") else host.device()
        records: list[Record] = [
            tasks.model_record(entry, self._workspace.parameters(model)),
            tasks.dataset_record(entry, self._workspace),
        ]
        records += [
            tasks.embedding_record(entry, split, done.get(split, Work()), device)
            for split in entry.splits
            if split in done or (model, dataset, split) not in self._recorded_splits
        ]
        self._pending.add(records)

    @cached_property
    def _recorded_splits(self) -> set[tuple[object, ...]]:
        """Model, data set and split of every embedding that the catalog knew when this was first asked."""
        return set(self._catalog.query(RECORDED_SPLITS).rows)


def _why(record: ProbeRecord) -> str:
    """Which probe failed, and why."""
    of_design = {
        "fold": record.fold,
        "subset": record.subset and f"{record.subset} (draw {record.repeat})",
        "control": record.control,
    }
    more = "".join(f", {name} {value}" for name, value in of_design.items() if value is not None)
    return f"{record.head} on layer {record.layer}, seed {record.seed}{more}: {record.error}"


def _entries(group: Sequence[Task]) -> set[str]:
    """Names in the store that a group of tasks fills: probes of a broken one would fail as well."""
    return {name for task in group if isinstance(task, ExtractTask) for name in task.entries}
