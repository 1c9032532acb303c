"""Which pairs are compared: models of a data set, layers with the chosen one, rows with shuffled labels."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby
from typing import Literal

from seqbench.catalog.records import ComparisonKind, comparison_key
from seqbench.report.comparing.sides import Layers, Probed, Sides
from seqbench.report.leaderboard import LeaderRow

PairKind = Literal["models", "layers", "shuffled", "heads", "changes"]
"""`shuffled`: a row of the leaderboard, and the same probes trained on shuffled labels. `heads`: two ways to
use one model. `changes`: a layer of a model that was trained, and the same of the one it began with."""

RESAMPLES: dict[PairKind, int] = {
    "models": 1000,
    "layers": 200,
    "shuffled": 1000,
    "heads": 1000,
    "changes": 200,
}
"""Of layers there are many; their bootstrap's standard error is known to 5 % with 200 resamples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedPair:
    """Two sides to compare on the test items of a data set."""

    kind: PairKind
    metric: str
    a: Probed
    b: Probed

    @property
    def dataset(self) -> str:
        """The data set of both."""
        return self.a.dataset

    @property
    def recorded_as(self) -> ComparisonKind:
        """The catalog tells layers and ways of a model from all else; which probes they are is recorded."""
        return self.kind if self.kind == "layers" or self.kind == "heads" else "models"

    @property
    def n_resamples(self) -> int:
        """Resamples of the bootstrap."""
        return RESAMPLES[self.kind]

    @property
    def key(self) -> str:
        """Its name in the catalog."""
        return comparison_key(self.metric, self.a.side.probes, self.b.side.probes, self.n_resamples)


def pairs(
    rows: Sequence[LeaderRow], sides: Sides, shuffled: Mapping[tuple[str, str], Probed] | None = None
) -> tuple[ComparedPair, ...]:
    """List the pairs of a leaderboard, data set by data set; rows without a score have none.

    Of two models the one whose name comes first is `a`, so that the pair has one key whoever is ahead; of two
    layers the chosen one is.

    Args:
        rows: The leaderboard.
        sides: Its probes.
        shuffled: By data set and model, the probes on shuffled labels of rows that have them.
    """
    controls = shuffled or {}
    found: list[ComparedPair] = []
    for _, group in groupby(rows, key=lambda row: row.dataset):
        members = [row for row in group if row.place is not None]
        chosen = [(row, layers[row.choice.layer]) for row, layers in _layers(members, sides)]
        by_name = sorted(chosen, key=lambda one: one[0].model)
        for (row, a), (_, b) in combinations(by_name, 2):
            found.append(ComparedPair(kind="models", metric=row.metric, a=a, b=b))
        for row, layers in _layers(members, sides):
            found += _against_chosen(row, layers)
        for row, a in chosen:
            if control := controls.get((row.dataset, row.model)):
                found.append(ComparedPair(kind="shuffled", metric=row.metric, a=a, b=control))
    return tuple(found)


def _layers(rows: Sequence[LeaderRow], sides: Sides) -> Iterator[tuple[LeaderRow, Layers]]:
    for row in rows:
        layers = sides.get((row.dataset, row.model), {})
        if row.choice.layer in layers:
            yield row, layers


def _against_chosen(row: LeaderRow, layers: Layers) -> Iterator[ComparedPair]:
    chosen = layers[row.choice.layer]
    for layer in sorted(layers):
        if layer != row.choice.layer:
            yield ComparedPair(kind="layers", metric=row.metric, a=chosen, b=layers[layer])
