"""What a planted data set is: its rule, and how to make items of which the best predictor is known.

Shape letters: N items, C classes, K labels or targets.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqbench.core.types import SplitName, Task
from seqbench.datasets.planted.draws import PlantedDraws
from seqbench.datasets.planted.sequences import Codes
from seqbench.errors import DataError

FLIP_RATE: Final = 0.05
"""Share of the labels that say the opposite of the rule."""

SHORTEST: Final = 60
"""Letters that hold four motifs, or a splice site with a decoy on either side, with room to move."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How many items to make, and how long."""

    train: int = 2000
    eval: int = 400
    test: int = 500
    min_length: int = 100
    """Letters of the shortest sequence, at least 60."""
    max_length: int = 200
    """Letters of the longest. Data sets of one length take the middle of the two."""

    def __post_init__(self) -> None:
        if min(self.train, self.eval, self.test) < 100:
            raise DataError(
                f"planted splits need 100 items or more, got {min(self.train, self.eval, self.test)}"
            )
        if not SHORTEST <= self.min_length <= self.max_length:
            raise DataError(
                f"planted sequences need {SHORTEST} <= min_length <= max_length, got {self.min_length} and "
                f"{self.max_length}"
            )

    def items(self, split: SplitName) -> int:
        """Items in a split."""
        return {"train": self.train, "eval": self.eval, "test": self.test}[split]

    def lengths(self, draws: PlantedDraws, items: int) -> NDArray[np.int64]:
        """(items,) lengths, each from the shortest to the longest equally likely."""
        return self.min_length + draws.integers(self.max_length - self.min_length + 1, items)

    @property
    def one_length(self) -> int:
        """The length of data sets that have only one."""
        return (self.min_length + self.max_length) // 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlantedSplit:
    """Items made by a rule."""

    sequences: tuple[Codes, ...]
    """The sequences of all items, in the order of the rule's `seq_keys`."""
    labels: NDArray[np.int64] | NDArray[np.float64]
    """As they are written: (N,) classes, (N, K) of 0 and 1, or (N, K) targets."""
    best: NDArray[np.float64]
    """What the best predictor says: (N, C) class or (N, K) label probabilities, or (N, K) targets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One planted data set."""

    name: str
    task: Task
    seq_keys: tuple[str, ...]
    words: str
    """The rule as a person would tell it."""
    best: str
    """What the best predictor does, which the ceiling is the score of."""
    make: Callable[[PlantedDraws, int, Sizes], PlantedSplit]
    """Makes so many items."""


def flip(draws: PlantedDraws, truth: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Turn (N,) truths into labels of which `FLIP_RATE` are wrong, among the true and among the false ones.

    The number of wrong ones is fixed, not drawn, so that ceilings of different seeds agree.
    """
    labels = truth.astype(np.int64)
    for value in (False, True):
        rows = np.flatnonzero(truth == value)
        chosen = rows[draws.orders(1, len(rows))[0][: round(FLIP_RATE * len(rows))]]
        labels[chosen] = 1 - labels[chosen]
    return labels


def believed(truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The probability of label 1 that follows from the rule's answer."""
    return np.where(truth, 1 - FLIP_RATE, FLIP_RATE)
