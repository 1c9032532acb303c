"""Working in this process, one task after the other: no threads, no ports, nothing of Dask."""

from collections.abc import Collection
from functools import partial

from seqbench.errors import SeqbenchError
from seqbench.schedule import host, tasks
from seqbench.schedule.events import Listener
from seqbench.schedule.frontier import Frontier
from seqbench.schedule.graph import Graph, Node
from seqbench.schedule.plan import ExtractTask
from seqbench.schedule.workspace import Workspace


class InProcess:
    """Does every task itself; what the user's input is at fault for ends one data set of one model."""

    def __init__(self, workspace: Workspace, known: Collection[str], run_id: str) -> None:
        self._workspace = workspace
        self._known = known
        self._run_id = run_id

    def execute(self, graph: Graph, listener: Listener) -> None:
        """Do the tasks by rank.

        Raises:
            Exception: A bug; it ends the run.
        """
        frontier = Frontier(graph)
        while (node := frontier.pop()) is not None:
            try:
                self._do(node, listener)
            except SeqbenchError as error:
                listener.gave_up(node, str(error))
                for lost in frontier.give_up(node, with_group=True):
                    listener.skipped(lost)
            else:
                frontier.done(node.key)

    def _do(self, node: Node, listener: Listener) -> None:
        listener.started(node)
        task, advance = node.task, partial(listener.advanced, node)
        if isinstance(task, ExtractTask):
            work = tasks.extract(task, self._workspace, advance)
            listener.extracted(node, work, host.device())
            return
        for records in tasks.probe(task, self._workspace, self._known, self._run_id, advance):
            listener.records(node, records)
        listener.probed(node)
