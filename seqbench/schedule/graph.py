"""The graph of a run: tasks with a name, a weight, a rank and what they wait for. Pure, as plans are.

Tasks come from stages; nothing here knows which stages there are.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush
from typing import Any, NamedTuple


class Group(NamedTuple):
    """What is shown, recorded and given up as one, such as all shards of a model on a data set."""

    stage: str
    model: str
    dataset: str
    """Empty where the work is on no data set."""

    def text(self, between: str = " ") -> str:
        """`extract dna-bert promoters`; with ` × ` between, as it is shown."""
        return f"{self.stage} {between.join(name for name in self[1:] if name)}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What all tasks of a stage have in common for who places and shows them."""

    stage: str
    """The stage's name, as in the registry."""
    unit: str = "tasks"
    """Of a task's amount: items, probes, steps."""
    alike: bool = False
    """Whether the tasks of a group take alike long, so that of brief ones the next is sent ahead."""
    one_bar: bool = False
    """Whether all groups share a bar where several workers share the tasks, as they are many and brief."""
    counts_records: bool = False
    """Whether each record is a unit of the amount, and is not made again where a task is tried again."""
    power_key: str = "schedule.power_per_gpu"
    """The key of the config that says how much power its tasks take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One task of a run."""

    key: str
    """The same for the same work in every run, and different for any two nodes."""
    kind: Kind
    model: str
    dataset: str = ""
    task: Any = None
    """What the stage does: immutable, and fit to be pickled."""
    amount: float = 0
    """How much there is to do, in the kind's unit."""
    power: float = 1
    """Units that it takes of a worker's."""
    rank: tuple[int, ...] = ()
    """Of two that are ready, the lower one goes first."""
    after: frozenset[str] = frozenset()
    """Keys of the nodes that must be done before."""
    makes: frozenset[str] = frozenset()
    """Names of what is there when it, and whatever else makes the same, is done: see `Plan.makers`."""
    near: str | None = None
    """What it reads: where that was made, its files are in memory."""
    holds: str | None = None
    """What is loaded for it, such as a model; few at a time of one worker can hold the same."""
    unfolds: bool = False
    """Whether it stands for tasks that can only be planned when what it waits for is done."""

    @property
    def group(self) -> Group:
        """What it is shown and recorded with."""
        return Group(self.kind.stage, self.model, self.dataset)


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """All nodes of a run, by rank."""

    nodes: tuple[Node, ...]


def make_graph(nodes: Sequence[Node], *, shared: bool) -> Graph:
    """Rank the nodes of a plan.

    Args:
        nodes: Stage by stage, each stage's in its own order.
        shared: Whether several workers share the work: then earlier stages rank first, so that no worker
            lacks work later. One process instead finishes what it began: of what is ready, the later stage's
            goes first.

    Raises:
        ValueError: Some wait for each other, or for what is not there.
    """
    stages = {stage: number for number, stage in enumerate(dict.fromkeys(node.kind.stage for node in nodes))}
    ordered = _in_order(nodes, stages)
    if shared:
        ordered.sort(key=lambda node: stages[node.kind.stage])
    return Graph(nodes=tuple(replace(node, rank=(number,)) for number, node in enumerate(ordered)))


def _in_order(nodes: Sequence[Node], stages: dict[str, int]) -> list[Node]:
    """Every node after all that it waits for; of those that are ready, the latest stage's first."""
    waiting: dict[str, list[int]] = defaultdict(list)
    left = [len(node.after) for node in nodes]
    for number, node in enumerate(nodes):
        for key in node.after:
            waiting[key].append(number)

    def entry(number: int) -> tuple[int, int]:
        return -stages[nodes[number].kind.stage], number

    ready = [entry(number) for number in range(len(nodes)) if not left[number]]
    heapify(ready)
    ordered = []
    while ready:
        node = nodes[heappop(ready)[1]]
        ordered.append(node)
        for number in waiting.pop(node.key, ()):
            left[number] -= 1
            if not left[number]:
                heappush(ready, entry(number))
    if len(ordered) < len(nodes):
        stuck = next(node for number, node in enumerate(nodes) if left[number])
        raise ValueError(f"{stuck.key} waits for what is never done: {sorted(stuck.after)[:3]}")
    return ordered
