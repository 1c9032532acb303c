"""What becomes of a run: records for the catalog, learning curves, counts, and what failed.

Only the process that called `run` has a ledger, and only it opens the catalog.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from types import MappingProxyType

from seqbench.catalog import Catalog
from seqbench.catalog.records import ProbeRecord, Record
from seqbench.core.redaction import redact
from seqbench.core.types import SplitName
from seqbench.extract.blocks import Work
from seqbench.schedule import tasks
from seqbench.schedule.catching_up import recorded_splits
from seqbench.schedule.display import Display
from seqbench.schedule.events import WorkerLoad
from seqbench.schedule.graph import Graph, Group, Node
from seqbench.schedule.heartbeat import Heartbeat
from seqbench.schedule.pending import Pending
from seqbench.schedule.plan import ExtractTask
from seqbench.schedule.survey import Problem
from seqbench.schedule.workspace import Workspace
from seqbench.tracking import Tracker


class Ledger:
    """Listens to an executor and writes down what it tells."""

    def __init__(
        self,
        workspace: Workspace,
        catalog: Catalog,
        pending: Pending,
        trackers: Sequence[Tracker],
        graph: Graph,
        display: Display,
        heartbeat: Heartbeat,
    ) -> None:
        self._workspace = workspace
        self._catalog = catalog
        self._pending = pending
        self._trackers = trackers
        self._display = display
        self._heartbeat = heartbeat
        self._left = Counter(node.group for node in graph.nodes)
        self._work: dict[Group, list[tuple[Node, Work]]] = defaultdict(list)
        self._described: set[tuple[str, str]] = set()
        self._told: set[str] = set()
        self.items = 0
        self.probes = 0
        self.problems: list[Problem] = []

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

    def records(self, node: Node, records: Sequence[ProbeRecord]) -> None:
        """Hand the results on to catalog and trackers."""
        self._describe(node.task.model, node.task.dataset)
        self._pending.add(records)
        for tracker in self._trackers:
            tracker.log(records)
        self.probes += len(records)
        for record in records:
            if record.status == "failed":
                self._list(node.group, _why(record))

    def extracted(self, node: Node, work: Work, device: str) -> None:
        """Count the shard; with the last of a data set, record the embeddings and say what they lack."""
        self.items += work.items
        self._work[node.group].append((node, work))
        self._display.tokens(node, work.tokens)
        if self._left[node.group] == 1:
            self._complete(node.group, device)
        self._end(node, done=True)

    def _complete(self, group: Group, device: str) -> None:
        done: dict[SplitName, Work] = defaultdict(Work)
        entries: dict[str, None] = {}
        for node, work in self._work.pop(group):
            if isinstance(node.task, ExtractTask):
                done[node.task.split] += work
                entries |= dict.fromkeys(node.task.entries)
        for name in entries:
            self._describe(name, group.dataset, done, device)
        self._pending.flush()
        self._remark(group, sum(done.values(), Work()))

    def probed(self, node: Node) -> None:
        """Show it."""
        self._end(node, done=True)

    def gave_up(self, node: Node, reason: str) -> None:
        """List it."""
        self._list(node.group, reason)
        self._end(node, done=False)

    def skipped(self, node: Node) -> None:
        """List probes that wait for what failed; shards go without a word of their own."""
        if node.group.stage == "probe":
            self._list(node.group, "not probed, as not all of it was extracted")
        self._end(node, done=False)

    def _list(self, group: Group, reason: str) -> None:
        problem = Problem(model=group.model, dataset=group.dataset, reason=redact(reason))
        if problem not in self.problems:  # the heads of a data set fail alike
            self.problems.append(problem)

    def _end(self, node: Node, *, done: bool) -> None:
        self._left[node.group] -= 1
        self._display.ended(node, done=done)
        self._heartbeat.ended(node)
        if node.group.stage == "probe" and not self._left[node.group]:
            for tracker in self._trackers:
                tracker.finish(node.task.model, node.task.dataset)

    def note(self, text: str) -> None:
        """Tell the user; what several workers find alike, once."""
        if text not in self._told:
            self._told.add(text)
            self._workspace.reporter.note(text)

    def workers(self, loads: Sequence[WorkerLoad]) -> None:
        """Show them."""
        self._display.workers(loads)
        self._heartbeat.workers(loads)

    def _remark(self, group: Group, work: Work) -> None:
        """Tell what the embeddings do not hold."""
        if work.truncated:
            self._workspace.reporter.note(
                f"warning: {group.model} × {group.dataset}: {work.truncated:,} sequences were cut to "
                "the model's limit (extract.overlong: window takes all of them)"
            )
        for place in work.skipped:
            self._list(group, f"skipped: {place}")

    def _describe(
        self,
        model: str,
        dataset: str,
        done: Mapping[SplitName, Work] = MappingProxyType({}),
        device: str = "cpu",
    ) -> None:
        """Record model, data set and embeddings: what was just extracted, and what the catalog lacks."""
        if not done and (model, dataset) in self._described:
            return
        self._described.add((model, dataset))
        entry = self._workspace.store[f"{model}/{dataset}"]
        where = "cpu" if entry.model.kind in ("kmer", "onehot", "precomputed") else device
        records: list[Record] = [
            tasks.model_record(entry, self._workspace.parameters(model)),
            tasks.dataset_record(entry, self._workspace),
        ]
        records += [
            tasks.embedding_record(entry, split, done.get(split, Work()), where)
            for split in entry.splits
            if (split in done or (model, dataset, split) not in self._recorded_splits)
            and entry.complete_layers(split)  # not where a shard of it was given up
        ]
        self._pending.add(records)

    @cached_property
    def _recorded_splits(self) -> set[tuple[object, ...]]:
        """Model, data set and split of every embedding that the catalog knew when this was first asked."""
        return recorded_splits(self._catalog)


def _why(record: ProbeRecord) -> str:
    """Which probe failed, and why."""
    of_design = {
        "fold": record.fold,
        "subset": record.subset and f"{record.subset} (draw {record.repeat})",
        "control": record.control,
    }
    more = "".join(f", {name} {value}" for name, value in of_design.items() if value is not None)
    return f"{record.head} on layer {record.layer}, seed {record.seed}{more}: {record.error}"
