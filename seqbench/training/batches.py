"""Which items make a batch: by seed and pass alone, in batches of a fixed size or of like length.

Shape letters: N items of train, B items of a batch.
"""

import math
import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

_Batch = TypeVar("_Batch")
_Batch_co = TypeVar("_Batch_co", covariant=True)

POOL = 50
"""Batches' worth of items that are sorted by length together, at most; enough for batches of like lengths."""

FEWEST_POOLS = 4
"""In a small data set pools are smaller: sorted as a whole, the same items would be batch-mates in every
pass. Both numbers are those of the length grouping of Hugging Face's Trainer."""


class Batches(Protocol[_Batch_co]):
    """A source of batches, pass after pass over train, that can be wound back to where it was."""

    def begin(self, n_skipped: int) -> Iterator[_Batch_co]:
        """Begin the next pass; batches that a resumed training has had are left out at its start."""

    def state(self) -> Any:
        """Where the pass that was begun last started; before any, where the first one will."""

    def restore(self, state: Any) -> None:
        """Let the next pass be the one that `state` told of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPlan:
    """How the items of train are cut into batches, in each pass anew.

    >>> plan = BatchPlan(n_items=5, seed=0, batch_size=2)
    >>> [batch.tolist() for batch in plan.batches(0)]
    [[2, 4], [3, 0], [1]]
    """

    n_items: int
    seed: int
    batch_size: int | None = None
    """Items of a batch; None: as many as `tokens_per_batch` takes."""
    tokens_per_batch: int | None = None
    """Largest number of tokens of a batch, padding included; an item that is longer is a batch alone."""
    lengths_N: NDArray[np.int64] | None = None
    """Tokens of each item: batches are then of like length. None: items are mixed whatever their length."""

    def __post_init__(self) -> None:
        if (self.batch_size is None) == (self.tokens_per_batch is None):
            raise ValueError("batches have either a size or a budget of tokens")
        if self.tokens_per_batch is not None and self.lengths_N is None:
            raise ValueError("a budget of tokens needs the items' lengths")
        if self.lengths_N is not None and len(self.lengths_N) != self.n_items:
            raise ValueError(f"{len(self.lengths_N)} lengths for {self.n_items} items")

    def batches(self, number: int) -> list[NDArray[np.int64]]:
        """Items of each batch of a pass, which is numbered from 0; every item is in one of them."""
        random = np.random.default_rng([self.seed, number])
        order_N = random.permutation(self.n_items)
        if self.lengths_N is None:
            return self._cut(order_N)
        size = self._usual_size(self.lengths_N)
        pool = size * max(1, min(POOL, self.n_items // (FEWEST_POOLS * size)))
        sorted_N = np.concatenate(
            [
                part[np.argsort(-self.lengths_N[part], kind="stable")]
                for part in np.split(order_N, range(pool, self.n_items, pool))
            ]
        )
        batches = self._cut(sorted_N)
        return [batches[place] for place in random.permutation(len(batches))]

    def n_steps(self, epochs: int, accumulate: int) -> int:
        """Steps of so many passes; the last one of a pass takes what is left."""
        if self.batch_size is not None:
            return epochs * math.ceil(math.ceil(self.n_items / self.batch_size) / accumulate)
        return sum(math.ceil(len(self.batches(number)) / accumulate) for number in range(epochs))

    def _usual_size(self, lengths_N: NDArray[np.int64]) -> int:
        if self.batch_size is not None:
            return self.batch_size
        return max(1, int((self.tokens_per_batch or 1) // max(1.0, float(lengths_N.mean()))))

    def _cut(self, order_N: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        if self.batch_size is not None:
            return np.split(order_N, range(self.batch_size, self.n_items, self.batch_size))
        lengths: list[int] = [] if self.lengths_N is None else self.lengths_N[order_N].tolist()
        cuts, first, longest = [], 0, 0
        for place, length in enumerate(lengths):
            longest = max(longest, length)
            if place > first and longest * (place + 1 - first) > (self.tokens_per_batch or 0):
                cuts.append(place)
                first, longest = place, length
        return np.split(order_N, cuts)


class PlannedBatches(Generic[_Batch]):
    """Batches of a plan, made from their items; see `Batches`."""

    def __init__(
        self, plan: BatchPlan, make: Callable[[NDArray[np.int64]], _Batch], *, ahead: int = 0
    ) -> None:
        """Start at the first pass.

        Args:
            plan: Which items.
            make: Makes a batch of its items: reads, tokenises, pads, brings to the device.
            ahead: Batches that a thread makes while the network computes; 0: made when they are asked for.
        """
        self._plan, self._make, self._ahead = plan, make, ahead
        self._next = self._begun = 0

    def begin(self, n_skipped: int) -> Iterator[_Batch]:
        """See `Batches.begin`; what is skipped is not made."""
        self._begun, self._next = self._next, self._next + 1
        items = self._plan.batches(self._begun)[n_skipped:]
        made = map(self._make, items)
        return read_ahead(made, self._ahead) if self._ahead else made

    def state(self) -> int:
        """The number of the pass."""
        return self._begun

    def restore(self, state: Any) -> None:
        """Let the next pass be that one."""
        self._next = self._begun = int(state)


def read_ahead(source: Iterator[_Batch], n_ahead: int) -> Iterator[_Batch]:
    """Let a thread fetch what comes next while the caller works on what it has.

    What the source raises is raised here. The thread ends when the iterator is closed or used up.
    """
    fetched: queue.Queue[tuple[bool, Any]] = queue.Queue(max(1, n_ahead))
    closed = threading.Event()

    def put(entry: tuple[bool, Any]) -> None:
        while not closed.is_set():
            try:
                return fetched.put(entry, timeout=0.1)
            except queue.Full:
                continue

    def fetch() -> None:
        try:
            for item in source:
                put((True, item))
                if closed.is_set():
                    return
            put((False, None))
        except BaseException as error:  # handed on to the one who waits
            put((False, error))

    def iterate() -> Iterator[_Batch]:
        thread = threading.Thread(target=fetch, daemon=True)
        thread.start()
        try:
            while True:
                there, value = fetched.get()
                if not there:
                    if value is not None:
                        raise value
                    return
                yield value
        finally:
            closed.set()
            thread.join()

    return iterate()


def halves_of(items_B: Sequence[Any] | NDArray[Any]) -> list[Any]:
    """Cut anything that can be sliced in two; alone where it has one item."""
    middle = len(items_B) // 2
    return [items_B[:middle], items_B[middle:]] if middle else [items_B]


def halves_of_mapping(batch: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Cut a mapping of tensors or arrays whose first dimension is the items; as a tokenizer gives them."""
    n_items = len(next(iter(batch.values())))
    parts = halves_of(range(n_items))
    return [{name: values[part.start : part.stop] for name, values in batch.items()} for part in parts]
