"""Working in this process, one task after the other: no threads, no ports, nothing of Dask."""

from functools import partial

from seqbench.errors import SeqbenchError
from seqbench.schedule import host
from seqbench.schedule.events import Listener
from seqbench.schedule.frontier import Frontier
from seqbench.schedule.graph import Graph, Node
from seqbench.schedule.stage import Doing, Stages
from seqbench.schedule.unfolding import Unfold, unfold_ready


class InProcess:
    """Does every task itself; what the user's input is at fault for ends one group of tasks."""

    def __init__(self, stages: Stages, unfold: Unfold, run_id: str) -> None:
        self._stages = stages
        self._unfold = unfold
        self._run_id = run_id

    def execute(self, graph: Graph, listener: Listener) -> None:
        """Do the tasks by rank.

        Raises:
            Exception: A bug; it ends the run.
        """
        frontier = Frontier(graph)
        while len(frontier):
            unfold_ready(frontier, self._unfold, listener)
            node = frontier.pop()
            if node is None:
                return
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
        doing = Doing(
            run_id=self._run_id,
            advance=partial(listener.advanced, node),
            give=partial(listener.records, node),
        )
        result = self._stages[node.kind.stage].do(node.task, doing)
        listener.done(node, result, host.device())
