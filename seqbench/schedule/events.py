"""What happens while a graph is worked on, as whoever works on it tells it, and who works on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from seqbench.catalog.records import Record
from seqbench.schedule.graph import Graph, Group, Node


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLoad:
    """A worker and how busy it is."""

    name: str
    used: float
    """Units of power that its tasks take."""
    power: float
    """Units that it offers."""
    running: tuple[Group, ...]


class Listener(Protocol):
    """Told what happens, in the process and thread that called `Executor.execute`."""

    def started(self, node: Node) -> None:
        """A task begins, on a worker or here; it may do so more than once."""

    def advanced(self, node: Node, amount: float) -> None:
        """So much more of it is done, in its unit; less than 0 where it is to be done again."""

    def paused(self, node: Node) -> None:
        """It runs no more, and will be started again."""

    def records(self, node: Node, records: Sequence[Record]) -> None:
        """What it found so far, each record once."""

    def done(self, node: Node, result: object, device: str) -> None:
        """It is done, and all its records have been told."""

    def unfolded(self, node: Node, found: Sequence[Node]) -> None:
        """It stood for these, which are to be done now."""

    def gave_up(self, node: Node, reason: str) -> None:
        """It will not be done."""

    def skipped(self, node: Node) -> None:
        """It will not be done, as something that it waits for was not."""

    def note(self, text: str) -> None:
        """What the user should know."""

    def workers(self, loads: Sequence[WorkerLoad]) -> None:
        """Who works, and on what."""


class Executor(Protocol):
    """Works on a graph: in this process, or on a cluster."""

    def execute(self, graph: Graph, listener: Listener) -> None:
        """Do every task that can be done, each after all that it waits for.

        Raises:
            SeqbenchError: Nothing can be done at all, as where no worker can be reached.
        """
