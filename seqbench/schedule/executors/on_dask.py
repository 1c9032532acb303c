"""Working on a Dask cluster: this process decides what runs where, Dask carries it there and back.

Everything happens in the caller's thread; `Hearing` brings answers and events there.
"""

import time
from collections import Counter

from distributed.scheduler import KilledWorker

from seqbench.config import Config
from seqbench.errors import SeqbenchError
from seqbench.schedule.allocation import Allocation
from seqbench.schedule.events import Listener, WorkerLoad
from seqbench.schedule.executors.cluster import Cluster
from seqbench.schedule.executors.hearing import Hearing
from seqbench.schedule.executors.sending import Attempt, Sender
from seqbench.schedule.frontier import Frontier
from seqbench.schedule.graph import Graph, Node
from seqbench.schedule.stage import Stages
from seqbench.schedule.unfolding import Unfold, unfold_ready
from seqbench.schedule.worker import Report, work

LOOK_SECONDS = 1.0
"""Between two looks at who works."""
RESULT_SECONDS = 10.0
"""Of waiting for a result, before it is asked whether its worker is still there."""
PATIENCE_SECONDS = 20.0
"""Without any worker, before the user is told what is waited for."""


class OnDask:
    """Hands tasks to workers as they have room, and writes nothing itself."""

    def __init__(self, cluster: Cluster, config: Config, stages: Stages, unfold: Unfold, run_id: str) -> None:
        self._cluster = cluster
        self._config = config
        self._stages = stages
        self._unfold = unfold
        self._run_id = run_id

    def execute(self, graph: Graph, listener: Listener) -> None:
        """Do the tasks; a task that kills its worker or raises is tried elsewhere, then given up.

        Raises:
            SeqbenchError: The scheduler is gone.
        """
        _Execution(
            self._cluster, self._config, self._stages, self._unfold, self._run_id, graph, listener
        ).run()


class _Execution:
    """One graph on its way through a cluster."""

    def __init__(
        self,
        cluster: Cluster,
        config: Config,
        stages: Stages,
        unfold: Unfold,
        run_id: str,
        graph: Graph,
        listener: Listener,
    ) -> None:
        self._cluster = cluster
        self._stages = stages
        self._unfold = unfold
        self._listener = listener
        self._hearing = Hearing(cluster.client, run_id, listener)
        self._frontier = Frontier(graph)
        self._allocation = Allocation()
        self._names: dict[str, str] = {}
        self._running = self._hearing.running
        self._failures: Counter[str] = Counter()
        self._retries = config.schedule.retries
        self._sender = Sender(cluster.client, config, run_id, work)
        self._patient_until = time.monotonic() + PATIENCE_SECONDS

    def run(self) -> None:
        """Work until nothing is left that can be done."""
        with self._hearing:
            while len(self._frontier):
                self._look()
                until = time.monotonic() + LOOK_SECONDS
                while len(self._frontier) and (left := until - time.monotonic()) > 0:
                    self._start()
                    for attempt in self._hearing.ends(left):
                        self._on_end(attempt)

    # Who works.

    def _look(self) -> None:
        """See which workers there are; what ran on those that left is to be done again."""
        if self._cluster.client.status != "running":
            raise SeqbenchError(
                f"the scheduler of the cluster is gone ({self._cluster.name}); what is done is stored, "
                "the same command goes on from there"
            )
        found = self._cluster.workers()
        self._names = {address: worker.name for address, worker in found.items()}
        for node in self._allocation.update({address: worker.power for address, worker in found.items()}):
            self._lost(self._running.pop(node.key))
        self._cluster.balance(self._frontier.open_power(), self._allocation.idle())
        self._refuse_what_fits_nowhere()
        self._tell_workers()

    def _refuse_what_fits_nowhere(self) -> None:
        largest = self._allocation.largest()
        if self._running:
            return
        if not largest:
            if time.monotonic() > self._patient_until:
                self._patient_until = float("inf")
                self._listener.note(f"waiting for workers: {self._cluster.waits_for()}")
            return
        for node in self._frontier.heads():
            if node.power > largest:
                self._give_up(
                    node,
                    f"takes {node.power:g} units of power, no worker offers more than {largest:g} "
                    f"({node.kind.power_key})",
                )

    def _tell_workers(self) -> None:
        self._listener.workers(
            [
                WorkerLoad(name=self._names.get(address, address), used=used, power=power, running=running)
                for address, (used, power, running) in self._allocation.loads().items()
            ]
        )

    # Starting.

    def _start(self) -> None:
        unfold_ready(self._frontier, self._unfold, self._listener)
        started = self._allocation.assign(self._frontier)
        for node, worker, power in started:
            try:
                self._submit(node, worker, power)
            except SeqbenchError as error:
                self._allocation.release(node.key)
                self._give_up(node, str(error), with_group=True)
        if started:
            self._tell_workers()

    def _submit(self, node: Node, worker: str, power: float) -> None:
        attempt = self._sender.send(node, worker, power, self._stages[node.kind.stage])
        self._listener.started(node)
        self._hearing.add(attempt)

    # Ends.

    def _on_end(self, attempt: Attempt) -> None:
        node = attempt.node
        try:
            report = attempt.report or self._result(attempt)
        except KilledWorker:
            self._died(attempt)
            return
        except Exception as error:  # what came back can't be had: its worker died just then
            if self._is_there(attempt.worker):
                self._failed(attempt, f"{type(error).__name__}: {error}")
            else:
                self._died(attempt)
            return
        self._allocation.release(node.key, time.monotonic() - attempt.began)
        try:
            self._settle(attempt, report)
        except SeqbenchError as error:  # the results do not fit what is stored
            self._give_up(node, str(error), with_group=True)

    def _result(self, attempt: Attempt) -> Report:
        """What came back; Dask itself would wait for ever where a worker that left took it along."""
        while True:
            try:
                report: Report = attempt.future.result(timeout=RESULT_SECONDS)
            except TimeoutError:
                if not self._is_there(attempt.worker):
                    raise
            else:
                return report

    def _settle(self, attempt: Attempt, report: Report) -> None:
        node = attempt.node
        self._hearing.rest(attempt, report)
        if report.error is not None:
            self._give_up(node, report.error, with_group=True)
        elif report.bug is not None:
            self._failed(attempt, report.bug)
        else:
            self._listener.done(node, report.result, report.device)
            self._frontier.done(node.key)

    # Faults.

    def _is_there(self, worker: str) -> bool:
        return worker in self._cluster.workers()

    def _died(self, attempt: Attempt) -> None:
        """A worker is gone before the next look: nothing more is to be sent to it."""
        self._running[attempt.node.key] = attempt
        for node in self._allocation.remove(attempt.worker):
            self._lost(self._running.pop(node.key))

    def _lost(self, attempt: Attempt) -> None:
        """A worker left with a task on it: by its own plan, which counts for nothing, or it died."""
        attempt.future.cancel()
        self._allocation.release(attempt.node.key)
        if self._cluster.left_by_plan(attempt.worker):
            self._again(attempt)
            return
        self._allocation.suspect(attempt.node.key)
        name = self._names.get(attempt.worker, attempt.worker)
        self._count(attempt, f"the worker that did it died (last: {name}; killed, out of memory, or cut off)")

    def _failed(self, attempt: Attempt, why: str) -> None:
        self._allocation.release(attempt.node.key)
        self._allocation.avoid(attempt.node.key, attempt.worker)
        self._count(attempt, why)

    def _count(self, attempt: Attempt, why: str) -> None:
        key = attempt.node.key
        self._failures[key] += 1
        if self._failures[key] > self._retries:
            times = f"given up after {self._failures[key]} attempts: " if self._retries else ""
            self._give_up(attempt.node, times + why)
        else:
            self._again(attempt)

    def _again(self, attempt: Attempt) -> None:
        kept = attempt.received if attempt.node.kind.counts_records else 0
        self._listener.advanced(attempt.node, kept - attempt.advanced)
        self._listener.paused(attempt.node)
        self._frontier.put_back(attempt.node)

    def _give_up(self, node: Node, reason: str, *, with_group: bool = False) -> None:
        self._listener.gave_up(node, reason)
        for lost in self._frontier.give_up(node, with_group=with_group):
            self._listener.skipped(lost)
