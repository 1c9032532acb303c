"""What becomes of a run: records for the catalog, learning curves, counts, and what failed.

Only the process that called `run` has a ledger, and only it opens the catalog. What is recorded of a task is
for its stage to say.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from seqbench.catalog.records import Record
from seqbench.catalog.training_records import TrainingRecord
from seqbench.core.redaction import redact
from seqbench.schedule.display import Display
from seqbench.schedule.events import WorkerLoad
from seqbench.schedule.graph import Graph, Group, Node
from seqbench.schedule.heartbeat import Heartbeat
from seqbench.schedule.pending import Pending
from seqbench.schedule.plan import PlanProblem
from seqbench.schedule.stage import Stages, Told
from seqbench.tracking import Tracker


class Ledger:
    """Listens to an executor and writes down what it tells."""

    def __init__(
        self,
        stages: Stages,
        note: Callable[[str], None],
        pending: Pending,
        trackers: Sequence[Tracker],
        graph: Graph,
        display: Display,
        heartbeat: Heartbeat,
    ) -> None:
        self._stages = stages
        self._note = note
        self._pending = pending
        self._trackers = trackers
        self._display = display
        self._heartbeat = heartbeat
        self._left = Counter(node.group for node in graph.nodes)
        self._results: dict[Group, list[tuple[Any, Any]]] = defaultdict(list)
        self._drawn: set[Group] = set()
        self._failed: set[Group] = set()
        self._told: set[str] = set()
        self.counts: Counter[str] = Counter()
        """What was done, by stage, in its unit."""
        self.problems: list[PlanProblem] = []

    def started(self, node: Node) -> None:
        """Show it."""
        self._display.started(node)
        self._heartbeat.started(node)

    def advanced(self, node: Node, amount: float) -> None:
        """Show it."""
        self._display.advanced(node, amount)
        self._heartbeat.advanced(node, amount)

    def paused(self, node: Node) -> None:
        """Show it."""
        self._heartbeat.ended(node)

    def unfolded(self, node: Node, found: Sequence[Node]) -> None:
        """Count what is to be done in its place."""
        self._left.update(each.group for each in found)
        self._left[node.group] -= 1
        self._display.add(found)
        self._display.ended(node, done=True)
        self._heartbeat.add(found)

    def records(self, node: Node, records: Sequence[Record]) -> None:
        """Hand the results on to catalog and trackers."""
        self._take(node.group, self._stages[node.kind.stage].received(node.task, records))

    def done(self, node: Node, result: object, device: str) -> None:
        """Count it; with the last of a group, record what the whole group made."""
        group, stage = node.group, self._stages[node.kind.stage]
        told = stage.done(node.task, result)
        self._display.tokens(node, told.tokens)
        self._take(group, told)
        self._results[group].append((node.task, result))
        if self._left[group] == 1:
            self._take(group, stage.finished(group, self._results.pop(group), device))
            self._pending.flush()
        self._end(node, done=True)

    def _take(self, group: Group, told: Told) -> None:
        self._pending.add(told.records)
        self.counts[group.stage] += told.done
        if told.curves:
            self._drawn.add(group)
            trainings = [record for record in told.records if isinstance(record, TrainingRecord)]
            for tracker in self._trackers:
                tracker.log(told.curves, trainings)
        for text in told.notes:
            self._note(text)
        for reason in told.problems:
            self._list(group, reason)

    def gave_up(self, node: Node, reason: str) -> None:
        """List it."""
        self._list(node.group, reason)
        self._end(node, done=False)

    def skipped(self, node: Node) -> None:
        """List what waits for what failed; the rest of the failed group goes without a word of its own."""
        if node.group not in self._failed:
            self._list(node.group, self._stages[node.kind.stage].when_skipped)
        self._end(node, done=False)

    def _list(self, group: Group, reason: str) -> None:
        self._failed.add(group)
        problem = PlanProblem(model=group.model, dataset=group.dataset, reason=redact(reason))
        if problem not in self.problems:  # the tasks of a group fail alike
            self.problems.append(problem)

    def _end(self, node: Node, *, done: bool) -> None:
        self._left[node.group] -= 1
        self._display.ended(node, done=done)
        self._heartbeat.ended(node)
        if node.group in self._drawn and not self._left[node.group]:
            for tracker in self._trackers:
                tracker.finish(node.model, node.dataset)

    def note(self, text: str) -> None:
        """Tell the user; what several workers find alike, once."""
        if text not in self._told:
            self._told.add(text)
            self._note(text)

    def workers(self, loads: Sequence[WorkerLoad]) -> None:
        """Show them."""
        self._display.workers(loads)
        self._heartbeat.workers(loads)
