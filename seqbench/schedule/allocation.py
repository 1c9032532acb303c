"""Which worker takes which task: power is never over-subscribed, and the least loaded worker comes first.

The client decides instead of Dask's scheduler, which would hand out all tasks at once by its own guess of
their duration; so what runs where follows from the rules here, and they are tested without any cluster.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from seqbench.schedule.frontier import Frontier
from seqbench.schedule.graph import Group, Node

COPIES = 2
"""Of what tasks hold, such as one model's weights, at most this many on a worker; a third task waits."""

SLACK = 1e-9
"""Units that sums of powers such as 0.1 may be over by rounding."""

BRIEF_SECONDS = 1.0
"""A task that takes less may wait on a busy worker: the way there and back would be felt, and another worker
that has nothing left to do would lose no more than this."""


@dataclass(slots=True)
class _Worker:
    capacity: float
    running: dict[str, tuple[Node, float]] = field(default_factory=dict)
    """Nodes with the units that they take; none for the one that waits there to be the next."""
    holds: str | None = None
    """What a task held last: it is loaded."""

    @property
    def used(self) -> float:
        return sum(power for _, power in self.running.values())

    def copies(self, held: str) -> int:
        return sum(node.holds == held for node, _ in self.running.values())

    def move_up(self) -> None:
        """What waited takes its units, as soon as they are free."""
        for key, (node, power) in self.running.items():
            if not power and self.used + node.power <= self.capacity + SLACK:
                self.running[key] = (node, node.power)


class Allocation:
    """What runs on each worker, and where there is room."""

    def __init__(self) -> None:
        self._workers: dict[str, _Worker] = {}
        self._homes: dict[str, str] = {}
        self._suspects: set[str] = set()
        self._avoided: dict[str, set[str]] = {}
        self._seconds: dict[Group, float] = {}

    def update(self, capacity: Mapping[str, float]) -> list[Node]:
        """Take in which workers there are, in the order in which they came.

        Args:
            capacity: The units of power that each offers.

        Returns:
            What ran on workers that are gone.
        """
        lost = [
            node
            for name in self._workers.keys() - capacity.keys()
            for node, _ in self._workers.pop(name).running.values()
        ]
        for name, power in capacity.items():
            self._workers.setdefault(name, _Worker(power)).capacity = power
        return sorted(lost, key=lambda node: node.rank)

    def remove(self, name: str) -> list[Node]:
        """Take in that a worker is gone.

        Returns:
            What ran on it.
        """
        worker = self._workers.pop(name, None)
        return [] if worker is None else [node for node, _ in worker.running.values()]

    def assign(self, frontier: Frontier) -> list[tuple[Node, str, float]]:
        """Start as much as there is room for, by rank; what is smaller goes where the first does not fit.

        A worker that is busy with brief tasks gets one more, to begin when one of them ends.

        Returns:
            Nodes, each with its worker and the units that it takes there.
        """
        started: list[tuple[Node, str, float]] = []
        kept_free: set[str] = set()
        while found := self._next(frontier, kept_free):
            node, name = found
            frontier.take(node)
            worker = self._workers[name]
            power = worker.capacity if node.key in self._suspects else node.power
            worker.running[node.key] = (node, power)
            worker.holds = node.holds or worker.holds
            self._homes |= dict.fromkeys(node.makes, name)
            started.append((node, name, power))
        for name in [name for name in self._workers if name not in kept_free]:
            successor = self._successor(self._workers[name], name, frontier)
            if successor is not None:
                frontier.take(successor)
                self._workers[name].running[successor.key] = (successor, 0.0)
                started.append((successor, name, successor.power))
        return started

    def _successor(self, worker: _Worker, name: str, frontier: Frontier) -> Node | None:
        """What a worker is to begin by itself when it can: one more of the brief, like tasks that it does."""
        alike = {(node.group, power) for node, power in worker.running.values()}
        if len(alike) != 1:  # something waits already, or others might need what becomes free
            return None
        ((group, power),) = alike
        if self._seconds.get(group, BRIEF_SECONDS) >= BRIEF_SECONDS:
            return None
        for node in frontier.heads():
            if node.kind.alike and (node.group, node.power) == (group, power):
                special = node.key in self._suspects or name in self._avoided.get(node.key, ())
                return None if special else node
        return None

    def _next(self, frontier: Frontier, kept_free: set[str]) -> tuple[Node, str] | None:
        """The first node that fits somewhere, and where."""
        heads = frontier.heads()
        for node in sorted(heads, key=lambda node: (node.key not in self._suspects, node.rank)):
            name = self._place(node, kept_free)
            if name is not None:
                return node, name
            if node.key in self._suspects and self._workers:
                # It needs a worker for itself: the emptiest gets nothing new until it is free.
                kept_free.add(min(self._workers, key=lambda name: self._workers[name].used))
        return None

    def _place(self, node: Node, kept_free: set[str]) -> str | None:
        fitting = [name for name in self._workers if self._fits(node, name) and name not in kept_free]
        avoided = self._avoided.get(node.key, set())
        if self._workers.keys() - avoided:  # where there are others, it waits for one of them
            fitting = [name for name in fitting if name not in avoided]
        if node.near is not None and node.key not in self._suspects:
            # What was just written is in the files' cache there; several tasks share a reading.
            home = self._homes.get(node.near)
            if home in fitting:
                return home
        by_load = {name: (self._workers[name].used, self._is_new_to(node, name)) for name in fitting}
        return min(
            fitting, key=lambda name: by_load[name], default=None
        )  # of equals, the one that came first

    def _fits(self, node: Node, name: str) -> bool:
        worker = self._workers[name]
        if node.key in self._suspects:
            return not worker.running and worker.capacity + SLACK >= node.power
        if worker.used + node.power > worker.capacity + SLACK:
            return False
        return node.holds is None or worker.copies(node.holds) < COPIES

    def _is_new_to(self, node: Node, name: str) -> bool:
        """Whether a worker would have to load what the node holds first."""
        return node.holds is not None and self._workers[name].holds != node.holds

    def release(self, key: str, seconds: float | None = None) -> None:
        """Note that a node runs no more.

        Args:
            key: Which.
            seconds: From sending it to its end, where it was done.
        """
        for worker in self._workers.values():
            node, _ = worker.running.pop(key, (None, 0.0))
            if node is not None:
                worker.move_up()
                if seconds is not None:
                    self._seconds[node.group] = seconds

    def suspect(self, key: str) -> None:
        """From now on, give a node a worker for itself: one died while it ran, perhaps by another's fault."""
        self._suspects.add(key)

    def avoid(self, key: str, worker: str) -> None:
        """From now on, give a node to another worker, where there is one."""
        self._avoided.setdefault(key, set()).add(worker)

    def largest(self) -> float:
        """The most units that a worker offers; 0 where there is none."""
        return max((worker.capacity for worker in self._workers.values()), default=0.0)

    def idle(self) -> list[str]:
        """Workers that do nothing."""
        return [name for name, worker in self._workers.items() if not worker.running]

    def loads(self) -> dict[str, tuple[float, float, tuple[Group, ...]]]:
        """Of each worker the units in use, those it offers, and what runs there."""
        return {
            name: (
                worker.used,
                worker.capacity,
                tuple(dict.fromkeys(node.group for node, _ in worker.running.values())),
            )
            for name, worker in self._workers.items()
        }
