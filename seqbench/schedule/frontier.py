"""How far a graph is done: what can start, what waits, and what will never run. Pure bookkeeping."""

from collections import defaultdict
from collections.abc import Sequence, Set
from heapq import heappop, heappush

from seqbench.schedule.graph import Graph, Node


class Frontier:
    """The state of a graph that is being worked on.

    Nodes that ask for the same of a worker (stage, model and power) stand in one queue by rank, so that
    what does not fit anywhere is found out once and not for each of ten thousand shards. Those that stand for
    tasks to be planned later are in no queue: they are never taken, but unfolded as soon as they are ready.
    """

    def __init__(self, graph: Graph) -> None:
        self._by_key: dict[str, Node] = {}
        self._left: dict[str, int] = {}
        self._waiting: dict[str, list[Node]] = defaultdict(list)
        self._queues: dict[tuple[object, ...], list[tuple[tuple[int, ...], str]]] = defaultdict(list)
        self._to_unfold: list[Node] = []
        self._open: set[str] = set()
        self._add(graph.nodes)

    def _add(self, nodes: Sequence[Node]) -> None:
        self._by_key |= {node.key: node for node in nodes}
        self._open |= {node.key for node in nodes}
        for node in nodes:
            waits_for = node.after & self._open
            self._left[node.key] = len(waits_for)
            for key in waits_for:
                self._waiting[key].append(node)
            if not waits_for:
                self._push(node)

    def __len__(self) -> int:
        """Nodes that are neither done nor given up."""
        return len(self._open)

    def open_keys(self) -> Set[str]:
        """Keys of the nodes that are neither done nor given up."""
        return self._open

    def open_power(self) -> float:
        """Units of power that all of them take."""
        return sum(self._by_key[key].power for key in self._open)

    def heads(self) -> list[Node]:
        """The first of each queue, by rank."""
        found = []
        for queue in self._queues.values():
            while queue and queue[0][1] not in self._open:
                heappop(queue)
            if queue:
                found.append(self._by_key[queue[0][1]])
        return sorted(found, key=lambda node: node.rank)

    def take(self, node: Node) -> None:
        """Take the first of a queue out, as it starts."""
        _, key = heappop(self._queues[_class(node)])
        if key != node.key:
            raise ValueError(f"{node.key} is not the first of its queue")

    def pop(self) -> Node | None:
        """Take out what comes first of all; None where nothing is ready."""
        heads = self.heads()
        if heads:
            self.take(heads[0])
        return heads[0] if heads else None

    def to_unfold(self) -> list[Node]:
        """Take out the nodes that stand for others, of which all is done that they waited for."""
        ready, self._to_unfold = self._to_unfold, []
        return [node for node in ready if node.key in self._open]

    def unfold(self, node: Node, found: Sequence[Node]) -> None:
        """Put nodes in the place of one that stood for them: what waited for it waits for all of them."""
        waiting = [each for each in self._waiting.pop(node.key, ()) if each.key in self._open]
        self._open.discard(node.key)
        self._add(found)
        for each in waiting:
            self._left[each.key] += len(found) - 1
            for new in found:
                self._waiting[new.key].append(each)
            if not self._left[each.key]:
                self._push(each)

    def put_back(self, node: Node) -> None:
        """Make a node ready again that was taken and not done."""
        self._push(node)

    def done(self, key: str) -> None:
        """Note that a node is done; what waited for it alone is ready."""
        self._open.discard(key)
        for node in self._waiting.pop(key, ()):
            self._left[node.key] -= 1
            if not self._left[node.key] and node.key in self._open:
                self._push(node)

    def give_up(self, node: Node, *, with_group: bool) -> list[Node]:
        """Note that a node will never be done.

        Args:
            node: Which.
            with_group: Whether its fault is that of its whole group, as where a data set can't be read.

        Returns:
            What is given up with it: the rest of the group that is not running, and what waits for any of it.
        """
        fallen = [node]
        if with_group:
            ready = {key for queue in self._queues.values() for _, key in queue} & self._open - {node.key}
            group = [self._by_key[key] for key in ready if self._by_key[key].group == node.group]
            fallen += sorted(group, key=lambda other: other.rank)
        self._open -= {each.key for each in fallen}
        for each in fallen:  # it grows: what waits for what has fallen falls too
            waiting = [other for other in self._waiting.pop(each.key, ()) if other.key in self._open]
            self._open -= {other.key for other in waiting}
            fallen += waiting
        return fallen[1:]

    def _push(self, node: Node) -> None:
        if node.unfolds:
            self._to_unfold.append(node)
        else:
            heappush(self._queues[_class(node)], (node.rank, node.key))


def _class(node: Node) -> tuple[object, ...]:
    return node.kind.stage, node.model, node.holds, node.power
