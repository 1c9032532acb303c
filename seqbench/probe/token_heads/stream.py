"""Items as batches of tokens, read from the store in stretches: memory does not grow with their number.

Items that follow each other in the store are a stretch; some stretches, drawn by seed and pass, are read
together, and their items are shuffled and cut into batches of like length. What fits is held instead, in the
same order, so that no number depends on it.

Shape letters: N items of a part, B items of a batch, S sequences of an item, Q = B·S, T tokens, H width,
K outputs.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from seqbench.errors import ProbeError
from seqbench.probe.letter_vectors import LetterArray
from seqbench.store import Ragged, TokenArray
from seqbench.training.batches import BatchPlan, read_ahead

STRETCH_BYTES = 4 * 1024**2
"""Bytes of a stretch, as the store keeps tokens."""
STRETCHES_TOGETHER = 8
"""Stretches that are read and shuffled together, at least."""
BATCHES_TOGETHER = 4
"""Batches' worth of items that are, at least: with fewer, batch-mates would be neighbours in the file."""
HELD_BYTES = 128 * 1024**2
"""Of a part whose tokens take no more, all are held: a constant, so that memory is bounded."""
AHEAD = 2
"""Batches that are made while the network computes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenBatch:
    """Some items, padded."""

    x_QTH: Tensor
    mask_QT: Tensor
    targets_BK: Tensor

    def __len__(self) -> int:
        return len(self.targets_BK)

    def outputs(self, network: nn.Module) -> Tensor:
        """What a network says of the items, (B, K)."""
        found: Tensor = network(self.x_QTH, self.mask_QT)
        return found

    def halves(self) -> "list[TokenBatch]":
        """Cut in two between items; alone where there is one."""
        middle, n_seqs = len(self) // 2, len(self.x_QTH) // max(1, len(self))
        if not middle:
            return [self]
        cuts = (slice(None, middle * n_seqs), slice(middle * n_seqs, None))
        parts = (slice(None, middle), slice(middle, None))
        return [
            TokenBatch(x_QTH=self.x_QTH[cut], mask_QT=self.mask_QT[cut], targets_BK=self.targets_BK[part])
            for cut, part in zip(cuts, parts, strict=True)
        ]


TokensAtLayer = TokenArray | LetterArray
"""Vectors that a head reads: of tokens as they are stored, or of letters."""


class TokenItems:
    """A part of a split at one layer."""

    def __init__(
        self,
        array: TokensAtLayer,
        rows_N: NDArray[np.int64],
        targets_NK: Tensor,
        *,
        batch_size: int,
        device: torch.device,
    ) -> None:
        """Read nothing yet.

        Args:
            array: The layer.
            rows_N: Items of it, ascending.
            targets_NK: Theirs, as a matrix.
            batch_size: Items of a batch.
            device: Where batches go.
        """
        self.rows_N, self.batch_size = rows_N, batch_size
        self._array, self._targets_NK, self._device = array, targets_NK, device
        self.tokens_N: NDArray[np.int64] = array.lengths_NS[rows_N].sum(axis=1)
        """Tokens of each item."""
        self.longest_N: NDArray[np.int64] = array.lengths_NS[rows_N].max(axis=1, initial=0)
        token_bytes = array.hidden * array.stored.itemsize
        place_N = np.cumsum(self.tokens_N) - self.tokens_N
        stretch_N = place_N * token_bytes // STRETCH_BYTES
        self.stretches: list[NDArray[np.int64]] = np.split(
            np.arange(len(rows_N)), np.flatnonzero(np.diff(stretch_N)) + 1
        )
        """Positions of items among the part's."""
        self._holds = int(self.tokens_N.sum()) * token_bytes <= HELD_BYTES
        self._held: Ragged | None = None

    def __len__(self) -> int:
        return len(self.rows_N)

    @property
    def n_rows(self) -> int:
        """Rows of targets: items, or where labels are of letters these."""
        return len(self)

    @property
    def together(self) -> int:
        """Stretches that are read together."""
        items = max(1, len(self) // max(1, len(self.stretches)))
        return max(STRETCHES_TOGETHER, math.ceil(BATCHES_TOGETHER * self.batch_size / items))

    def read(self, positions: NDArray[np.int64]) -> Ragged:
        """Tokens of some items by their positions in the part, ascending, as the store keeps them.

        Raises:
            ProbeError: An item has none, as it was left out.
            StoreError: The store is damaged.
        """
        if self._holds:
            if self._held is None:
                self._held = self._checked(self._array.read(self.rows_N, as_stored=True))
            return self._held if len(positions) == len(self) else self._held.take(positions)
        return self._checked(self._array.read(self.rows_N[positions], as_stored=True))

    def batch(self, ragged: Ragged, chosen: NDArray[np.int64], positions: NDArray[np.int64]) -> TokenBatch:
        """Pad some items of what was read, and bring them to the device.

        Args:
            ragged: Of `read`.
            chosen: Which of its items.
            positions: Of the same in the part.
        """
        padded_QTH, mask_QT = ragged.take(chosen).padded()
        return TokenBatch(
            x_QTH=torch.from_numpy(padded_QTH).to(self._device).float(),
            mask_QT=torch.from_numpy(mask_QT).to(self._device),
            targets_BK=self._targets_NK[torch.from_numpy(positions)].to(self._device),
        )

    def groups(self) -> Iterator[NDArray[np.int64]]:
        """Positions of all items in order, in parts that are read together."""
        for first in range(0, len(self.stretches), STRETCHES_TOGETHER):
            yield np.concatenate(self.stretches[first : first + STRETCHES_TOGETHER])

    def in_order(self) -> Iterator[tuple[NDArray[np.int64], TokenBatch]]:
        """Every item once, in batches of like length, with their positions; read ahead."""
        return read_ahead(self._in_order(), AHEAD)

    def _in_order(self) -> Iterator[tuple[NDArray[np.int64], TokenBatch]]:
        for group in self.groups():
            ragged = self.read(group)
            order = np.argsort(self.longest_N[group], kind="stable")
            for first in range(0, len(order), self.batch_size):
                chosen = order[first : first + self.batch_size]
                yield group[chosen], self.batch(ragged, chosen, group[chosen])

    def moments(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and standard deviation of each channel over all tokens, float64; 1 where it is constant."""
        total_H, squares_H, count = np.zeros(self._array.hidden), np.zeros(self._array.hidden), 0
        shift_H: NDArray[np.float64] | None = None
        for group in self.groups():
            values_RH = self.read(group).values_RH
            for start in range(0, len(values_RH), 65536):
                part_RH = values_RH[start : start + 65536].astype(np.float64)
                if shift_H is None and len(part_RH):  # squares of what lies far from 0 would lose digits
                    shift_H = part_RH.mean(axis=0)
                part_RH -= 0 if shift_H is None else shift_H
                total_H += part_RH.sum(axis=0)
                squares_H += np.square(part_RH).sum(axis=0)
                count += len(part_RH)
        mean_H = total_H / max(1, count)
        sd_H = np.sqrt(np.maximum(squares_H / max(1, count) - mean_H**2, 0))
        mean_H = mean_H + (0 if shift_H is None else shift_H)
        return mean_H, np.where(sd_H <= 1e-12 * np.abs(mean_H), 1.0, sd_H)

    def _checked(self, ragged: Ragged) -> Ragged:
        broken_R = ~np.isfinite(ragged.values_RH[:, 0]) if len(ragged.values_RH) else np.zeros(0, dtype=bool)
        if broken_R.any():
            raise ProbeError(
                f"{self._array.where}: {int(broken_R.sum())} tokens hold NaN, as their sequences were left "
                "out (extract.oversize: window keeps all)"
            )
        return ragged


class TokenBatches:
    """Batches of train, pass after pass; see `training.batches.Batches`."""

    def __init__(self, items: TokenItems, seed: int) -> None:
        """Start at the first pass.

        Args:
            items: Of train.
            seed: Decides the order, with the number of the pass.
        """
        self._items, self._seed = items, seed
        self._next = self._begun = 0

    def n_steps(self, epochs: int, accumulate: int) -> int:
        """Steps of so many passes; the last one of a pass takes what is left."""
        sizes = np.array([len(stretch) for stretch in self._items.stretches])
        total = 0
        for number in range(epochs):
            groups = [sizes[group].sum() for group in self._drawn(number)[1]]
            batches = sum(math.ceil(int(size) / self._items.batch_size) for size in groups)
            total += math.ceil(batches / accumulate)
        return total

    def begin(self, n_skipped: int) -> Iterator[TokenBatch]:
        """See `Batches.begin`; what is skipped is not read."""
        self._begun, self._next = self._next, self._next + 1
        return read_ahead(self._pass(self._begun, n_skipped), AHEAD)

    def state(self) -> int:
        """The number of the pass."""
        return self._begun

    def restore(self, state: Any) -> None:
        """Let the next pass be that one."""
        self._next = self._begun = int(state)

    def _drawn(self, number: int) -> tuple[np.random.Generator, Sequence[NDArray[np.int64]]]:
        """Which stretches go together in a pass."""
        random = np.random.default_rng([self._seed, number])
        order = random.permutation(len(self._items.stretches))
        return random, np.split(order, range(self._items.together, len(order), self._items.together))

    def _pass(self, number: int, n_skipped: int) -> Iterator[TokenBatch]:
        random, groups = self._drawn(number)
        for group in groups:
            positions = np.sort(np.concatenate([self._items.stretches[stretch] for stretch in group]))
            plan = BatchPlan(
                n_items=len(positions),
                seed=int(random.integers(2**31)),
                batch_size=self._items.batch_size,
                lengths_N=self._items.longest_N[positions],
            )
            batches = plan.batches(number)
            wanted, n_skipped = batches[n_skipped:], max(0, n_skipped - len(batches))
            ragged = self._items.read(positions) if wanted else None
            for chosen in wanted:
                assert ragged is not None
                yield self._items.batch(ragged, chosen, positions[chosen])
