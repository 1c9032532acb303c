"""What perturbations did: cells by perturbation and context, their means, and the distance from the controls.

Shape letters: N cells, G genes, P pairs of perturbation and context.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from seqbench.core.progress import Advance
from seqbench.core.types import SplitName
from seqbench.perturb.cells import Cells
from seqbench.perturb.differential import GeneMoments, RunningMoments
from seqbench.perturb.expression import CellMatrix
from seqbench.perturb.splits import Pair, SetRoles

BLOCK_CELLS = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class CellSet:
    """The cells of one perturbation in one context."""

    perturbation: str
    context: str
    rows: NDArray[np.int64]
    """Of the cells' file, ascending."""

    @property
    def pair(self) -> Pair:
        """Its key."""
        return self.perturbation, self.context


def sets_by_pair(cells: Cells) -> dict[Pair, CellSet]:
    """Every pair that has cells, controls among them under the control's name."""
    n_contexts = len(cells.context.names)
    keys_N = cells.perturbation.codes_N.astype(np.int64) * n_contexts + cells.context.codes_N
    order = np.argsort(keys_N, kind="stable")
    found = {}
    for rows in np.split(order, np.flatnonzero(np.diff(keys_N[order])) + 1):
        perturbation, context = divmod(int(keys_N[rows[0]]), n_contexts)
        each = CellSet(
            perturbation=cells.perturbation.names[perturbation],
            context=cells.context.names[context],
            rows=np.sort(rows),
        )
        found[each.pair] = each
    return found


@dataclass(frozen=True, kw_only=True, eq=False)
class Effects:
    """Mean expression of every pair, on which baselines train and against which all heads are scored."""

    control: str
    roles: SetRoles
    sets: Mapping[Pair, CellSet]
    matrix: CellMatrix
    moments: Mapping[Pair, GeneMoments]
    """Mean and variance of all cells of a pair, controls among them."""

    def control_set(self, context: str) -> CellSet:
        """The control cells of a context."""
        return self.sets[self.control, context]

    def control_mean(self, context: str) -> NDArray[np.float64]:
        """Mean expression of the controls of a context, (G,)."""
        return self.moments[self.control, context].mean_G

    def delta(self, pair: Pair) -> NDArray[np.float64]:
        """Mean of the perturbed cells minus that of the same context's controls, (G,)."""
        return self.moments[pair].mean_G - self.control_mean(pair[1])

    def pairs(self, split: SplitName) -> list[Pair]:
        """The pairs of a split."""
        return self.roles.pairs(split)

    @cached_property
    def train_deltas(self) -> dict[Pair, NDArray[np.float64]]:
        """What train knows."""
        return {pair: self.delta(pair) for pair in self.pairs("train")}

    def sample(self, pair: Pair, most: int, seed: int) -> NDArray[np.int64]:
        """Rows of at most so many cells of a pair, drawn without replacement by seed; ascending."""
        rows = self.sets[pair].rows
        if len(rows) <= most:
            return rows
        return np.sort(np.random.default_rng((seed, len(rows))).choice(rows, most, replace=False))


def measure(
    cells: Cells, roles: SetRoles, matrix: CellMatrix, sets: Mapping[Pair, CellSet], advance: Advance
) -> Effects:
    """Take mean and variance of all pairs, some cells at a time, in float64."""
    moments = {}
    for pair, cell_set in sets.items():
        running = RunningMoments(len(matrix.genes))
        for start in range(0, len(cell_set.rows), BLOCK_CELLS):
            running.add(matrix.rows(cell_set.rows[start : start + BLOCK_CELLS]))
        moments[pair] = running.moments
        advance(len(cell_set.rows))
    return Effects(control=cells.control, roles=roles, sets=sets, matrix=matrix, moments=moments)
