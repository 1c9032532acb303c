"""Planning while a run goes on: tasks that nobody could know before what they wait for was done."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from seqbench.errors import SeqbenchError
from seqbench.schedule.events import Listener
from seqbench.schedule.frontier import Frontier
from seqbench.schedule.graph import Node
from seqbench.schedule.plan import Plan
from seqbench.schedule.stage import Stages

Unfold = Callable[[Node], Sequence[Node]]
"""Makes the tasks that a node stands for."""


def unfolder(stages: Stages, plan: Plan) -> Unfold:
    """What asks the stages for the tasks; their ranks lie where the node's was."""

    def unfold(node: Node) -> Sequence[Node]:
        found = plan.add(stages[node.kind.stage].unfold(node.task, plan))
        return [replace(each, rank=(*node.rank, number)) for number, each in enumerate(found)]

    return unfold


def unfold_ready(frontier: Frontier, unfold: Unfold, listener: Listener) -> None:
    """Put tasks in the place of all nodes whose time has come."""
    while ready := frontier.to_unfold():
        for node in ready:
            try:
                found = unfold(node)
            except SeqbenchError as error:
                listener.gave_up(node, str(error))
                for lost in frontier.give_up(node, with_group=True):
                    listener.skipped(lost)
            else:
                frontier.unfold(node, found)
                listener.unfolded(node, found)
