"""Out of memory in the middle of a step: batches are cut in parts whose gradients are added up."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

_Batch = TypeVar("_Batch")


class Parts(Generic[_Batch]):
    """How batches are cut: not at all, until memory runs out, then in ever more parts."""

    def __init__(self, halve: Callable[[_Batch], Sequence[_Batch]] | None) -> None:
        """Start with whole batches.

        Args:
            halve: Cuts a batch between its items; gives it alone back where it has only one. None: batches
                can't be cut.
        """
        self._halve = halve
        self.n_halvings = 0
        """How often batches are cut in two; kept with the state, so that a resumed training need not fail."""

    def of(self, batch: _Batch) -> list[_Batch]:
        """The parts of a batch, in order."""
        parts = [batch]
        for _ in range(self.n_halvings if self._halve else 0):
            parts = [half for part in parts for half in self._cut(part)]
        return parts

    def cut_more(self, batches: Sequence[_Batch]) -> bool:
        """Cut in twice as many parts from now on; False where the largest part of these can't be cut."""
        before = sum(len(self.of(batch)) for batch in batches)
        self.n_halvings += 1
        if sum(len(self.of(batch)) for batch in batches) > before:
            return True
        self.n_halvings -= 1
        return False

    def _cut(self, batch: _Batch) -> Sequence[_Batch]:
        return self._halve(batch) if self._halve else [batch]
