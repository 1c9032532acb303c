"""Sets of cells for training: real cells of a perturbation beside controls of the same context and batch.

Shape letters: S sets of a batch, N cells of a set, G genes, C width of a control cell, F of a
perturbation's vector.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqbench.perturb.cells import Factor
from seqbench.perturb.effects import Effects
from seqbench.perturb.expression import CellMatrix
from seqbench.perturb.features import GeneFeatures
from seqbench.perturb.splits import Pair
from seqbench.training.batches import read_ahead

AHEAD = 4
"""Batches that a thread reads while the network computes."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SetBatch:
    """Sets that are trained on together."""

    controls_SNC: Tensor
    features_SF: Tensor
    real_SNG: Tensor
    real_SNC: Tensor | None
    """The real cells' embedding, where control cells are embedded."""

    def __len__(self) -> int:
        return len(self.features_SF)

    def __getitem__(self, part: slice) -> "SetBatch":
        return SetBatch(
            controls_SNC=self.controls_SNC[part],
            features_SF=self.features_SF[part],
            real_SNG=self.real_SNG[part],
            real_SNC=None if self.real_SNC is None else self.real_SNC[part],
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SetSource:
    """Where sets come from."""

    effects: Effects
    features: GeneFeatures
    batch: Factor
    """Of every cell: controls are drawn from the same batch as the perturbed cells, where it has controls."""
    embedding: CellMatrix | None
    """Of every cell; None where control cells are their expression."""
    set_size: int
    seed: int

    def groups(self, pairs: Sequence[Pair]) -> "list[CellGroup]":
        """Cells of the same perturbation, context and batch, with the controls that go with them."""
        found = []
        for pair in pairs:
            rows = self.effects.sets[pair].rows
            controls = self.effects.control_set(pair[1]).rows
            control_batches = self.batch.codes_N[controls]
            for code in np.unique(self.batch.codes_N[rows]).tolist():
                mine = controls[control_batches == code]
                found.append(
                    CellGroup(
                        perturbation=pair[0],
                        rows=rows[self.batch.codes_N[rows] == code],
                        controls=mine if len(mine) else controls,
                    )
                )
        return found

    def batches(
        self, groups: "Sequence[CellGroup]", number: int, batch_sets: int, n_skipped: int = 0
    ) -> Iterator[SetBatch]:
        """The batches of a pass: every cell of the groups once, in sets that are filled up by drawing again.

        What is drawn depends on the seed and the number of the pass alone.
        """
        draw = np.random.default_rng((self.seed, number))
        sets = [drawn for group in groups for drawn in group.sets(self.set_size, draw)]
        order = draw.permutation(len(sets))
        for start in range(n_skipped * batch_sets, len(sets), batch_sets):
            yield self._read([sets[place] for place in order[start : start + batch_sets]])

    def n_batches(self, groups: "Sequence[CellGroup]", batch_sets: int) -> int:
        """Batches of a pass."""
        n_sets = sum(-(-len(group.rows) // self.set_size) for group in groups)
        return -(-n_sets // batch_sets)

    def _read(self, drawn: "Sequence[_Set]") -> SetBatch:
        matrix = self.effects.matrix

        def cells(source: CellMatrix, rows: Sequence[NDArray[np.int64]]) -> Tensor:
            values = source.rows(np.concatenate(rows))
            return torch.from_numpy(values.reshape(len(rows), self.set_size, -1))

        controls, real = [each.controls for each in drawn], [each.real for each in drawn]
        return SetBatch(
            controls_SNC=cells(self.embedding or matrix, controls),
            features_SF=torch.from_numpy(self.features.of([each.perturbation for each in drawn])),
            real_SNG=cells(matrix, real),
            real_SNC=None if self.embedding is None else cells(self.embedding, real),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Set:
    perturbation: str
    real: NDArray[np.int64]
    controls: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CellGroup:
    """Cells of one perturbation, context and batch, and the controls that sets of them are drawn with."""

    perturbation: str
    rows: NDArray[np.int64]
    controls: NDArray[np.int64]

    def sets(self, size: int, draw: np.random.Generator) -> "list[_Set]":
        """Sets of so many cells, every cell in one at least."""
        order = draw.permutation(self.rows)
        short = -len(order) % size
        filled = np.concatenate([order, draw.choice(self.rows, short)])
        return [
            _Set(
                perturbation=self.perturbation,
                real=filled[start : start + size],
                controls=draw.choice(self.controls, size, replace=len(self.controls) < size),
            )
            for start in range(0, len(filled), size)
        ]


class SetBatches:
    """A source of batches for the training loop; see `training.batches.Batches`."""

    def __init__(self, source: SetSource, pairs: Sequence[Pair], batch_sets: int) -> None:
        """Start at the first pass."""
        self._source, self._groups, self._batch_sets = source, source.groups(pairs), batch_sets
        self._next = self._begun = 0

    def begin(self, n_skipped: int) -> Iterator[SetBatch]:
        """See `Batches.begin`."""
        self._begun, self._next = self._next, self._next + 1
        made = self._source.batches(self._groups, self._begun, self._batch_sets, n_skipped)
        return read_ahead(made, AHEAD)

    def state(self) -> int:
        """The number of the pass."""
        return self._begun

    def restore(self, state: object) -> None:
        """Let the next pass be that one."""
        self._next = self._begun = int(str(state))
