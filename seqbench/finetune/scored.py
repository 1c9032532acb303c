"""Predictions beside the labels that they are held against, and their scores: of items, or of letters.

Shape letters: R rows (items, or letters), K outputs of a target, O outputs of all targets.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqbench.core.types import SplitName, Task
from seqbench.errors import ProbeError
from seqbench.finetune.problem import Target
from seqbench.metrics import score
from seqbench.metrics.letters import LetterPlaces, score_letters
from seqbench.metrics.results import Scores


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scored:
    """What a training predicts of a split, and of which of its rows."""

    rows_R: NDArray[np.int64]
    """Rows of the split's labels: items, or where labels are of letters those that have a token."""
    predictions_RO: NDArray[np.float32]
    source: SplitName
    """Where the rows lie: train, where eval was held out from it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KnownPart:
    """Predictions of the rows that have a label of one target."""

    items_R: NDArray[np.int64]
    """The items that they are, or whose letters."""
    targets: NDArray[np.generic]
    """As `Target.labels`, of these rows."""
    predictions_RK: NDArray[np.float32]
    places: LetterPlaces | None
    """Where letters stand; None where labels are of items."""

    @property
    def n_items(self) -> int:
        """Items, or sequences that letters are of."""
        return len(self.items_R) if self.places is None else len(self.places.clusters_S)


def part_of(
    target: Target, source: SplitName, rows_R: NDArray[np.int64], predictions_RK: NDArray[np.float32]
) -> KnownPart:
    """The rows that have a label of a target.

    Args:
        target: Whose outputs the predictions are.
        source: The split that the rows lie in.
        rows_R: Ascending.
        predictions_RK: Of these rows.
    """
    known_R = target.known(source)[rows_R]
    rows = rows_R[known_R]
    places = target.places(source, rows)
    return KnownPart(
        items_R=rows if places is None else np.asarray(places.sequence_M, dtype=np.int64),
        targets=target.labels[source][rows],
        predictions_RK=predictions_RK[known_R],
        places=places,
    )


def scores_of(
    task: Task, part: KnownPart, thresholds: Sequence[float] | None = None, *, n_resamples: int = 1000
) -> Scores:
    """Every metric of a task; intervals of letters are of resampled sequences.

    Raises:
        ProbeError: No row has a label, or predictions are not finite; see `metrics.score`.
    """
    if not len(part.items_R):
        raise ProbeError("nothing has a label")
    if part.places is None:
        return score(task, part.targets, part.predictions_RK, thresholds=thresholds, n_resamples=n_resamples)
    return score_letters(
        task,
        part.targets,
        [part.predictions_RK],
        part.places,
        thresholds=[thresholds],
        n_resamples=n_resamples,
    )[0]
