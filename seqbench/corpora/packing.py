"""Batches of windows of like length under a budget of tokens, pool after pool of a mixture.

Shape letters: B windows of a batch.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import numpy as np

from seqbench.corpora.mixture import Mixture, Window
from seqbench.training.batches import BatchPlan, read_ahead

POOL_BATCHES: Final = 64
"""Batches' worth of tokens that are drawn together, so that windows of like length are found among them."""

_Batch = TypeVar("_Batch")


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowBatch:
    """The windows of one batch, before they become tensors."""

    windows: Sequence[Window]
    pool: int
    """Number of the pool, from 0."""
    number: int
    """Of the batch in its pool, from 0; with `pool` it names what is random about the batch."""


class PackedBatches(Generic[_Batch]):
    """Batches of a mixture; see `seqbench.training.batches.Batches`, whose pass is a pool here."""

    def __init__(
        self,
        mixture: Mixture,
        make: Callable[[WindowBatch], _Batch],
        *,
        tokens_per_batch: int,
        seed: int,
        accumulate: int = 1,
        ahead: int = 0,
    ) -> None:
        """Start where the mixture is.

        Args:
            mixture: What windows are drawn from.
            make: Masks, pads and brings to the device; told the pool and number of a batch to draw by.
            tokens_per_batch: Largest number of tokens of a batch, padding included; a longer window is a
                batch alone.
            seed: Of the batches' order.
            accumulate: Batches of a step; a pool has a multiple of it.
            ahead: Batches that a thread makes while the network computes; 0: made when they are asked for.
        """
        self.mixture = mixture
        self._make, self._ahead = make, ahead
        self._tokens_per_batch, self._seed, self._accumulate = tokens_per_batch, seed, accumulate
        self._pool = 0
        """The pool that is drawn next."""
        self._begun: Any = [0, mixture.state()]

    def begin(self, n_skipped: int) -> Iterator[_Batch]:
        """See `Batches.begin`; what is skipped is drawn but not made."""
        self._begun = [self._pool, self.mixture.state()]
        batches = self._draw()[n_skipped:]
        self._pool += 1
        made = map(self._make, batches)
        return read_ahead(made, self._ahead) if self._ahead else made

    def state(self) -> Any:
        """The pool that was begun last, and where the mixture was then; see `Batches.state`."""
        return self._begun

    def restore(self, state: Any) -> None:
        """Let the next pool be that one."""
        self._pool, place = state
        self.mixture.restore(place)
        self._begun = state

    def _draw(self) -> list[WindowBatch]:
        windows: list[Window] = []
        n_tokens = 0
        while n_tokens < POOL_BATCHES * self._tokens_per_batch:
            windows.append(self.mixture.next())
            n_tokens += len(windows[-1].ids_T)
        plan = BatchPlan(
            n_items=len(windows),
            seed=self._seed,
            tokens_per_batch=self._tokens_per_batch,
            lengths_N=np.array([len(window.ids_T) for window in windows]),
        )
        groups = [[windows[item] for item in items_B.tolist()] for items_B in plan.batches(self._pool)]
        return [
            WindowBatch(windows=group, pool=self._pool, number=number)
            for number, group in enumerate(_multiple(groups, self._accumulate))
        ]


def _multiple(groups: list[list[Window]], accumulate: int) -> list[list[Window]]:
    """Cut the batches of most windows in two until there is a multiple; none is left for a short step."""
    while len(groups) % accumulate:
        largest = max(range(len(groups)), key=lambda place: len(groups[place]))
        group = groups[largest]
        if len(group) == 1:
            break
        middle = len(group) // 2
        groups[largest : largest + 1] = [group[:middle], group[middle:]]
    return groups
