"""Everything random about an MLP, drawn from the seed alone: initial weights, batches, dropout masks.

All draws are made on the CPU and none depends on the data's values or on what trains together, so a network
sees the same weights, batches and masks alone, in a stack, and on any device.

Shape letters: N items, B items of a batch, I inputs, O outputs of a linear map, S seeds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch import Tensor

CHUNK_VALUES = 1 << 22
"""Mask values drawn at once (16 MiB): one draw a chunk costs half of one draw a batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Which items a network trains on next, and what it drops."""

    index_B: Tensor
    """Rows of train, int64."""
    masks_BO: list[Tensor]
    """Per hidden layer, 0 or 1 / (1 - dropout), float32; empty where nothing is dropped."""


class Draws:
    """The random stream of one seed; the order of calls matters, their device does not."""

    def __init__(self, seed: int, device: torch.device) -> None:
        self._generator = torch.Generator().manual_seed(seed)
        self._device = device

    @property
    def state(self) -> Tensor:
        """Where the stream is; set it to draw again from there."""
        return self._generator.get_state()

    @state.setter
    def state(self, state: Tensor) -> None:
        self._generator.set_state(state)

    def linear(self, n_inputs: int, n_outputs: int) -> tuple[Tensor, Tensor]:
        """Initial weight (O, I) and bias (O,), as `torch.nn.Linear` draws them.

        Its Kaiming-uniform with a = sqrt(5) is the uniform distribution within ± 1 / sqrt(I), for both.
        """
        bound = n_inputs**-0.5
        weight = torch.empty(n_outputs, n_inputs).uniform_(-bound, bound, generator=self._generator)
        bias = torch.empty(n_outputs).uniform_(-bound, bound, generator=self._generator)
        return weight.to(self._device), bias.to(self._device)

    def epoch(self, n_items: int, batch_size: int, widths: Sequence[int], dropout: float) -> Iterator[Batch]:
        """One epoch's batches: a new order of all items, the last batch possibly smaller.

        Args:
            n_items: Items of train.
            batch_size: Items of a batch.
            widths: Widths of the hidden layers, each of which gets masks.
            dropout: Probability of dropping a unit.
        """
        order = torch.randperm(n_items, generator=self._generator).to(self._device)
        rows_at_once = max(1, CHUNK_VALUES // (batch_size * max(1, sum(widths)))) * batch_size
        for start in range(0, n_items, rows_at_once):
            index = order[start : start + rows_at_once]
            masks = [self._masks(len(index), width, dropout) for width in widths] if dropout else []
            for first in range(0, len(index), batch_size):
                rows = slice(first, first + batch_size)
                yield Batch(index_B=index[rows], masks_BO=[mask[rows] for mask in masks])

    def _masks(self, n_rows: int, width: int, dropout: float) -> Tensor:
        kept = torch.rand(n_rows, width, generator=self._generator).ge_(dropout)
        return kept.mul_(1 / (1 - dropout)).to(self._device)


class StackBatches:
    """The batches of all seeds side by side, S a time; see `training.batches.Batches`."""

    def __init__(
        self, draws: Sequence[Draws], *, n_items: int, batch_size: int, widths: Sequence[int], dropout: float
    ) -> None:
        """Go on from where the streams are; what else is as of `Draws.epoch`."""
        self._draws, self._widths, self._dropout = draws, widths, dropout
        self._n_items, self._batch_size = n_items, batch_size
        self._began = [stream.state for stream in draws]

    def begin(self, n_skipped: int) -> Iterator[tuple[Batch, ...]]:
        """See `Batches.begin`."""
        self._began = [stream.state for stream in self._draws]
        passes = [
            stream.epoch(self._n_items, self._batch_size, self._widths, self._dropout)
            for stream in self._draws
        ]
        return islice(zip(*passes, strict=True), n_skipped, None)

    def state(self) -> list[Tensor]:
        """The streams' places at the start of the pass."""
        return self._began

    def restore(self, state: Any) -> None:
        """Draw that pass next."""
        self._began = [place.cpu() for place in state]
        for stream, place in zip(self._draws, self._began, strict=True):
            stream.state = place
