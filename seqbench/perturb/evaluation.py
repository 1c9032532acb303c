"""Scoring a trained head on the perturbations of a split, and the ceiling that real cells set.

Shape letters: P perturbations, Q metrics, B cells, G genes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from seqbench.core.types import SplitName
from seqbench.perturb.baselines import Response
from seqbench.perturb.differential import Floats, GeneMoments, gene_weights
from seqbench.perturb.effects import Effects
from seqbench.perturb.scores import MOST_CELLS, RESPONSE_METRICS, Compared, score_pair
from seqbench.perturb.splits import Pair

HALVES = 10
"""Draws of halves behind the ceiling: a single one moved Pearson-delta by .03 on 15 pairs of some 100
cells."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scores:
    """What a head scores on the perturbations of a split."""

    perturbations: tuple[str, ...]
    """Sorted."""
    values_PQ: Floats
    """Mean over the contexts of a perturbation where a metric is defined; NaN where it is in none."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """Scores responses on the same real cells and the same controls for every head."""

    effects: Effects
    seed: int = 0

    @cached_property
    def weights_G(self) -> Floats:
        """Of genes, by what train's perturbations change."""
        moments, control = self.effects.moments, self.effects.control
        return gene_weights(
            (moments[pair], moments[control, pair[1]]) for pair in self.effects.pairs("train")
        )

    def scores(self, response: Response, split: SplitName, leave_out: Sequence[str] = ()) -> Scores:
        """Score a head on eval or test.

        Args:
            response: The trained head.
            split: Which pairs.
            leave_out: Perturbations that can't be predicted (without vectors, and the user said to skip
            them).
        """
        pairs = [pair for pair in self.effects.pairs(split) if pair[0] not in leave_out]
        return _by_perturbation({pair: self._score(pair, response, pairs) for pair in pairs})

    def ceiling(self, split: SplitName, leave_out: Sequence[str] = ()) -> Scores:
        """What one half of the real cells scores against the other; the mean of ten draws of halves.

        Pairs of a single cell have no halves and count nowhere.
        """
        pairs = [pair for pair in self.effects.pairs(split) if pair[0] not in leave_out]
        pairs = [pair for pair in pairs if len(self.effects.sets[pair].rows) > 1]
        by_pair = {
            pair: _mean_defined(np.stack([self._halves(pair, pairs, draw) for draw in range(HALVES)]))
            for pair in pairs
        }
        return _by_perturbation(by_pair)

    def _score(self, pair: Pair, response: Response, pairs: Sequence[Pair]) -> Floats:
        effects = self.effects
        controls_B = effects.sample((effects.control, pair[1]), MOST_CELLS, self.seed)
        return score_pair(
            self._compared(
                pair,
                pairs,
                predicted_G=response.delta(pair),
                predicted_cells_BG=response.cells(pair, controls_B),
                real=effects.moments[pair],
                real_cells_BG=effects.matrix.rows(effects.sample(pair, MOST_CELLS, self.seed)),
            )
        )

    def _halves(self, pair: Pair, pairs: Sequence[Pair], draw: int) -> Floats:
        rows = self.effects.sets[pair].rows
        order = np.random.default_rng((self.seed, draw, len(rows))).permutation(rows)
        half = min(len(rows) // 2, MOST_CELLS * 8)
        one_BG, other_BG = (self.effects.matrix.rows(part) for part in (order[:half], order[half : 2 * half]))
        return score_pair(
            self._compared(
                pair,
                pairs,
                predicted_G=GeneMoments.of(one_BG).mean_G - self.effects.control_mean(pair[1]),
                predicted_cells_BG=one_BG[:MOST_CELLS],
                real=GeneMoments.of(other_BG),
                real_cells_BG=other_BG[:MOST_CELLS],
            )
        )

    def _compared(
        self,
        pair: Pair,
        pairs: Sequence[Pair],
        *,
        predicted_G: Floats,
        predicted_cells_BG: NDArray[np.float32],
        real: GeneMoments,
        real_cells_BG: NDArray[np.float32],
    ) -> Compared:
        alike = [other for other in pairs if other[1] == pair[1]]
        real_G = real.mean_G - self.effects.control_mean(pair[1])
        context_PG = np.stack([real_G if other == pair else self.effects.delta(other) for other in alike])
        return Compared(
            predicted_G=predicted_G,
            real_G=real_G,
            weights_G=self.weights_G,
            context_PG=context_PG,
            own=alike.index(pair),
            predicted_cells_BG=predicted_cells_BG,
            real_cells_BG=real_cells_BG,
            control=self.effects.moments[self.effects.control, pair[1]],
            real=real,
        )


def _by_perturbation(by_pair: Mapping[Pair, Floats]) -> Scores:
    names = sorted({perturbation for perturbation, _ in by_pair})
    rows = [
        _mean_defined(np.stack([values_Q for pair, values_Q in by_pair.items() if pair[0] == name]))
        for name in names
    ]
    values_PQ = np.stack(rows) if rows else np.empty((0, len(RESPONSE_METRICS)))
    return Scores(perturbations=tuple(names), values_PQ=values_PQ)


def _mean_defined(values_NQ: Floats) -> Floats:
    """Mean over rows of what is not NaN, (Q,); NaN where all is."""
    counts_Q = (~np.isnan(values_NQ)).sum(axis=0)
    sums_Q = np.nansum(values_NQ, axis=0)
    means_Q: Floats = np.divide(sums_Q, counts_Q, out=np.full(values_NQ.shape[1], np.nan), where=counts_Q > 0)
    return means_Q
