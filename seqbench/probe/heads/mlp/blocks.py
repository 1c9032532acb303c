"""Which networks train together: as many as the memory takes, in blocks of fits × rates × layers.

Shape letters: L layers, N items, H features, K outputs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seqbench.core.types import SplitName
from seqbench.probe.heads.base import Fit
from seqbench.probe.heads.mlp.draws import CHUNK_VALUES
from seqbench.probe.heads.mlp.scores import MOST_VALUES
from seqbench.probe.heads.mlp.stack import Architecture
from seqbench.training.optimizer import Rate

_SAMPLED_ROWS = 64
_PREDICT_BYTES = 64 << 20
"""Activations of a forward pass outside training."""
_FEWEST_ROWS, _MOST_ROWS = 64, 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Networks that train together: one for each fit, rate and layer; fits have equally many items."""

    fits: tuple[int, ...]
    rates: tuple[Rate, ...]
    layers: tuple[int, ...]

    @property
    def n_networks(self) -> int:
        """Fits × rates × layers."""
        return len(self.fits) * len(self.rates) * len(self.layers)

    def halves(self) -> "tuple[Block, Block]":
        """Cut in two, between layers while there are several, then fits, then rates.

        Raises:
            ValueError: It is a single network.
        """
        if len(self.layers) > 1:
            middle = len(self.layers) // 2
            return replace(self, layers=self.layers[:middle]), replace(self, layers=self.layers[middle:])
        if len(self.fits) > 1:
            middle = len(self.fits) // 2
            return replace(self, fits=self.fits[:middle]), replace(self, fits=self.fits[middle:])
        if len(self.rates) > 1:
            middle = len(self.rates) // 2
            return replace(self, rates=self.rates[:middle]), replace(self, rates=self.rates[middle:])
        raise ValueError("a single network can't be cut in two")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """Which fits have the same features: fits of equal numbers share them."""

    by_split: Mapping[SplitName, Sequence[int]]

    @classmethod
    def of(cls, fits: Sequence[Fit]) -> "Sharing":
        """Compare the fits' features; those that lie at the same place or hold the same values are one."""
        names: tuple[SplitName, ...] = ("train", "eval", "test")
        return cls(by_split={name: _alike([fit.splits[name].features_LNH for fit in fits]) for name in names})

    def key(self, split: SplitName, fit: int) -> tuple[int, int]:
        """Names a fit's features as they are standardised on its train split."""
        return self.by_split["train"][fit], self.by_split[split][fit]


def _alike(arrays: Sequence[NDArray[np.float32]]) -> list[int]:
    distinct: list[NDArray[np.float32]] = []
    found = []
    for array in arrays:
        number = next((at for at, other in enumerate(distinct) if _same(array, other)), len(distinct))
        if number == len(distinct):
            distinct.append(array)
        found.append(number)
    return found


def _same(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    if one is other:
        return True
    if one.shape != other.shape:
        return False
    if one.strides == other.strides and one.ctypes.data == other.ctypes.data:
        return True
    some = slice(None, None, max(1, one.shape[1] // _SAMPLED_ROWS))
    return np.array_equal(one[:1, some], other[:1, some]) and np.array_equal(one, other)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a block takes of memory and of the processor in a step."""

    fits: Sequence[Fit]
    sharing: Sharing
    architecture: Architecture
    batch_size: int
    bytes_per_feature: int
    """Of train; eval's features are float32."""

    def memory_bytes(self, block: Block) -> int:
        """Features, targets, weights with gradients and optimiser state, activations, dropout masks."""
        return (
            self._data_bytes(block)
            + 4 * block.n_networks * self._values_per_network(block)
            + 4 * predict_rows(block.n_networks, self.architecture) * block.n_networks * self._units
            + 4 * self._mask_values(block)
        )

    def step_flop(self, block: Block) -> int:
        """A product forward and two backward, two operations a weight and item each."""
        return 6 * self.batch_size * self.architecture.n_weights * block.n_networks

    @property
    def _units(self) -> int:
        return sum(self.architecture.widths)

    def _data_bytes(self, block: Block) -> int:
        n_features, n_outputs = self.architecture.widths[0], self.architecture.widths[-1]
        trains = {self.sharing.key("train", fit): self.fits[fit].train.n_items for fit in block.fits}
        evals = {self.sharing.key("eval", fit): self.fits[fit].evaluation.n_items for fit in block.fits}
        feature_bytes = self.bytes_per_feature * sum(trains.values()) + 4 * sum(evals.values())
        items = sum(self.fits[fit].train.n_items + self.fits[fit].evaluation.n_items for fit in block.fits)
        return len(block.layers) * n_features * feature_bytes + 4 * n_outputs * items

    def _values_per_network(self, block: Block) -> int:
        n_eval = self.fits[block.fits[0]].evaluation.n_items
        n_scores = min(MOST_VALUES, n_eval * self.architecture.widths[-1])
        # Weights, gradients, AdamW's two moments, what is kept and handed back; a step's activations, before
        # and after dropout, with their gradients; ranks of eval, in float64 and several times.
        return 6 * self.architecture.n_values + 4 * self.batch_size * self._units + 8 * n_scores

    def _mask_values(self, block: Block) -> int:
        n_hidden = sum(self.architecture.widths[1:-1])
        n_train = self.fits[block.fits[0]].train.n_items
        return len({self.fits[fit].seed for fit in block.fits}) * min(CHUNK_VALUES, n_train * n_hidden)


def plan(
    cost: Cost, sound: Sequence[Sequence[int]], rates: Sequence[Rate], memory_bytes: int
) -> Iterator[Block]:
    """Cut all networks into blocks that fit into the memory; a network that is larger alone is a block.

    Args:
        cost: Of a block.
        sound: For each fit the layers that can be trained.
        rates: Every network trains with each of them.
        memory_bytes: For one block.
    """
    alike: dict[tuple[int, int, tuple[int, ...]], list[int]] = {}
    for number, fit in enumerate(cost.fits):
        if sound[number]:
            key = (fit.train.n_items, fit.evaluation.n_items, tuple(sound[number]))
            alike.setdefault(key, []).append(number)
    for (_, _, layers), fits in alike.items():
        waiting = [Block(fits=tuple(fits), rates=tuple(rates), layers=layers)]
        while waiting:
            block = waiting.pop()
            if block.n_networks == 1 or cost.memory_bytes(block) <= memory_bytes:
                yield block
            else:
                waiting += reversed(block.halves())


def predict_rows(n_networks: int, architecture: Architecture) -> int:
    """Items of one forward pass outside training."""
    row_bytes = 4 * n_networks * sum(architecture.widths)
    return min(_MOST_ROWS, max(_FEWEST_ROWS, _PREDICT_BYTES // row_bytes))
