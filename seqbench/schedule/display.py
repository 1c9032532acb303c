"""What a user sees of a run: bars for what is being done, and who does what."""

from collections import Counter
from collections.abc import Sequence

from seqbench.core.progress_display import Bar, Board
from seqbench.schedule.events import WorkerLoad
from seqbench.schedule.graph import Graph, Group, Node


class Display:
    """Turns what happens into bars."""

    def __init__(self, board: Board, graph: Graph, *, side_by_side: bool) -> None:
        """Count the work.

        Args:
            board: Shows the bars.
            graph: All that is to be done.
            side_by_side: Whether several workers share it: then stages with many brief tasks have one bar
                each; otherwise each of their groups has its own, with a number.
        """
        self._board = board
        self._side_by_side = side_by_side
        self._totals: dict[Group, float] = {}
        self._left: Counter[Group] = Counter()
        self._bars: dict[Group, Bar] = {}
        self.add(graph.nodes)

    def add(self, nodes: Sequence[Node]) -> None:
        """Count more work."""
        for node in nodes:
            shown = self._shown(node)
            self._totals[shown] = self._totals.get(shown, 0) + node.amount
            self._left[shown] += 1
        self._numbers = {group: number for number, group in enumerate(self._totals, start=1)}

    def _shown(self, node: Node) -> Group:
        return Group(node.kind.stage, "", "") if self._side_by_side and node.kind.one_bar else node.group

    def started(self, node: Node) -> None:
        """Show the bar that the node belongs to."""
        shown = self._shown(node)
        if shown not in self._bars:
            self._bars[shown] = self._board.bar(self._label(shown), self._totals[shown], node.kind.unit)

    def _label(self, group: Group) -> str:
        return f"[{self._numbers[group]}/{len(self._numbers)}] {group.text(' × ')}"

    def advanced(self, node: Node, amount: float) -> None:
        """Move its bar."""
        self._bars[self._shown(node)].advance(amount)

    def tokens(self, node: Node, amount: int) -> None:
        """Count tokens to its rate."""
        self._bars[self._shown(node)].tokens(amount)

    def ended(self, node: Node, *, done: bool) -> None:
        """Take the bar away with the last of its nodes, or where one failed that has it for itself."""
        shown = self._shown(node)
        self._left[shown] -= 1
        if shown in self._bars and not self._left[shown]:
            self._bars.pop(shown).close(finished=done)

    def workers(self, loads: Sequence[WorkerLoad]) -> None:
        """Show a line for each worker that has something to do, and the idle ones as a number."""
        lines = [_line(load) for load in loads if load.running]
        idle = sum(not load.running for load in loads)
        self._board.foot([*lines, *([f"{idle} workers idle"] if idle else [])])


def _line(load: WorkerLoad) -> str:
    tasks = ", ".join(each.text(" × ") for each in load.running)
    return f"{load.name}  {load.used:g} of {load.power:g}  {tasks}"
