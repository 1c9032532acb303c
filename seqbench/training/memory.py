"""Out of memory in the middle of a step: batches are cut in parts whose gradients are added up."""

from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

_Batch = TypeVar("_Batch")


class Parts(Protocol[_Batch]):
    """How batches are cut into what is computed at once."""

    def of(self, batch: _Batch) -> list[_Batch]:
        """The parts of a batch, in order."""

    def cut_more(self, batches: Sequence[_Batch]) -> bool:
        """Cut in more parts from now on; False where the largest part of these can't be cut."""

    def told(self) -> str:
        """How batches are cut by now, behind `batches are cut`."""

    def state(self) -> int | None:
        """How far it went, so that a resumed training need not fail again."""

    def restore(self, state: int | None) -> None:
        """Go on from what `state` gave."""


class Halves(Generic[_Batch]):
    """Batches are not cut at all until memory runs out, then in ever more parts of as many items."""

    def __init__(self, halve: Callable[[_Batch], Sequence[_Batch]] | None) -> None:
        """Start with whole batches.

        Args:
            halve: Cuts a batch between its items; gives it alone back where it has only one. None: batches
                can't be cut.
        """
        self._halve = halve
        self._n_halvings = 0

    def of(self, batch: _Batch) -> list[_Batch]:
        """See `Parts`."""
        parts = [batch]
        for _ in range(self._n_halvings if self._halve else 0):
            parts = [half for part in parts for half in self._cut(part)]
        return parts

    def cut_more(self, batches: Sequence[_Batch]) -> bool:
        """See `Parts`; in twice as many."""
        before = sum(len(self.of(batch)) for batch in batches)
        self._n_halvings += 1
        if sum(len(self.of(batch)) for batch in batches) > before:
            return True
        self._n_halvings -= 1
        return False

    def told(self) -> str:
        """See `Parts`."""
        return f"in {2**self._n_halvings} parts"

    def state(self) -> int | None:
        """See `Parts`."""
        return self._n_halvings

    def restore(self, state: int | None) -> None:
        """See `Parts`."""
        self._n_halvings = state or 0

    def _cut(self, batch: _Batch) -> Sequence[_Batch]:
        return self._halve(batch) if self._halve else [batch]


class SizedParts(Generic[_Batch]):
    """Batches are cut into parts of at most a size, such as tokens; one that is no larger stays whole."""

    def __init__(
        self,
        size: Callable[[_Batch], int],
        cut: Callable[[_Batch, int], Sequence[_Batch]],
        *,
        most: int | None = None,
        unit: str = "tokens",
    ) -> None:
        """Say what is measured.

        Args:
            size: Of a batch, in the unit.
            cut: Cuts a batch between its items into parts of at most a size, an item that is larger alone.
            most: The size to start with; None: whole batches, until memory runs out.
            unit: Of sizes, for messages.
        """
        self._size, self._cut, self._most, self._unit = size, cut, most, unit

    def of(self, batch: _Batch) -> list[_Batch]:
        """See `Parts`."""
        if self._most is None or self._size(batch) <= self._most:
            return [batch]
        return list(self._cut(batch, self._most))

    def cut_more(self, batches: Sequence[_Batch]) -> bool:
        """See `Parts`; into parts of at most half the largest one's size."""
        parts, before = [part for batch in batches for part in self.of(batch)], self._most
        self._most = max(map(self._size, parts)) // 2
        if sum(len(self.of(batch)) for batch in batches) > len(parts):
            return True
        self._most = before
        return False

    def told(self) -> str:
        """See `Parts`."""
        return f"into parts of at most {self._most or 0:,} {self._unit}"

    def state(self) -> int | None:
        """See `Parts`."""
        return self._most

    def restore(self, state: int | None) -> None:
        """See `Parts`."""
        self._most = state
