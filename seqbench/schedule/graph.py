"""The graph of a run: tasks with a name, a weight, a rank and what they wait for. Pure, as the plan is."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from seqbench.schedule.plan import ExtractTask, Plan, ProbeTask, Task

Stage = Literal["extract", "probe"]


class Group(NamedTuple):
    """What is shown as one: all shards of a model on a data set, or its probes."""

    stage: Stage
    model: str
    dataset: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One task of a run."""

    key: str
    """The same for the same work in every run, and different for any two nodes."""
    task: Task
    power: float
    """Units that it takes of a worker's."""
    rank: int
    """Of two that are ready, the lower one goes first."""
    after: frozenset[str] = frozenset()
    """Keys of the nodes that must be done before."""

    @property
    def group(self) -> Group:
        """What it is shown and recorded with."""
        stage: Stage = "extract" if isinstance(self.task, ExtractTask) else "probe"
        return Group(stage, self.task.model, self.task.dataset)

    @property
    def amount(self) -> int:
        """How much there is to do, in items or probes."""
        return self.task.items if isinstance(self.task, ExtractTask) else self.task.probes


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """All nodes of a run, by rank."""

    nodes: tuple[Node, ...]


def make_graph(
    plan: Plan, *, extract_power: float = 1, probe_power: float = 1, extraction_first: bool = False
) -> Graph:
    """Turn a plan into a graph.

    Args:
        plan: The tasks.
        extract_power: Units that an extraction takes.
        probe_power: Units that a probe task takes.
        extraction_first: Rank every extraction before every probe, as where several workers share the work;
            otherwise the probes of a data set come right after its last shard.
    """
    tasks = list(plan.in_order())
    keys = {id(task): _key(task) for task in tasks}
    afters: dict[int, frozenset[str]] = {}  # heads and poolings of a data set wait for the same set
    if extraction_first:
        tasks.sort(key=lambda task: isinstance(task, ProbeTask))
    return Graph(nodes=tuple(_nodes(tasks, keys, afters, extract_power, probe_power)))


def _nodes(
    tasks: list[Task],
    keys: dict[int, str],
    afters: dict[int, frozenset[str]],
    extract_power: float,
    probe_power: float,
) -> Iterator[Node]:
    for rank, task in enumerate(tasks):
        if isinstance(task, ExtractTask):
            yield Node(key=keys[id(task)], task=task, power=extract_power, rank=rank)
            continue
        after = task.after
        if id(after) not in afters:
            afters[id(after)] = frozenset(keys[id(shard)] for shard in after)
        # What it waits for is in the node: the task itself is sent, and shards can be thousands.
        alone = replace(task, after=frozenset())
        yield Node(key=keys[id(task)], task=alone, power=probe_power, rank=rank, after=afters[id(after)])


def _key(task: Task) -> str:
    pair = f"{task.model}/{task.dataset}"
    if isinstance(task, ProbeTask):
        return f"probe/{pair}/{task.head or 'all'}"
    return f"extract/{pair}/{task.split}/{task.blocks[0].index}-{task.blocks[-1].index}"
