"""Frozen and trained: the ways to use one model on a data set, and what training changed in its layers."""

from dataclasses import dataclass
from typing import Literal

from seqbench.catalog.training_records import TRAINED_HEADS
from seqbench.report.leaderboard import CLEAR_BELOW, LeaderRow
from seqbench.report.results import Score

Way = Literal["frozen", "lora", "full"]
FROZEN: Way = "frozen"
WAYS: tuple[Way, ...] = (FROZEN, *TRAINED_HEADS)
"""In the order in which they are shown: the more is trained, the later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a way took, for one seed: all folds of a cross-validation, and means over seeds."""

    trained_parameters: int | None = None
    """Of the head alone for a frozen model; None where that says nothing (trees, neighbours), or unknown."""
    total_parameters: int | None = None
    """Of encoder and head; None for a frozen model."""
    seconds: float | None = None
    """Training; for a frozen model embedding all splits, and the head on all layers."""
    device: str | None = None
    """Where it was trained; of a frozen model where it was embedded."""
    peak_memory_bytes: int | None = None
    """The greatest of all trainings; None for a frozen model, or where nobody measured."""
    steps: int | None = None
    """Of the optimiser; None for a frozen model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """How much better a way is than another on the same test items: paired bootstrap over items and seeds."""

    difference: float
    """Positive where it is better, whichever way the metric goes."""
    low: float | None
    """Lower end of the 95 % interval; None where the two could not be compared item by item (`p_holm` is
    None as well), or as of `Comparison`."""
    high: float | None
    p_holm: float | None
    """Two-sided, corrected over all pairs of ways of the data set's models."""

    @property
    def is_clear(self) -> bool | None:
        """Whether the two can be told apart at 5 %; None where they could not be compared item by item."""
        return None if self.p_holm is None else self.p_holm < CLEAR_BELOW


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldScores:
    """What the single folds of a cross-validation score on test, each by itself."""

    mean: float
    std: float | None
    """Sample standard deviation over folds, of all seeds; None of a single one."""
    n: int
    """Folds, of all seeds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WayRow:
    """A way to use a model on a data set."""

    way: Way
    row: LeaderRow
    """Head and layer chosen on eval; place and rank are among the models that are used in the same way."""
    cost: Cost
    folds: FoldScores | None = None
    """Beside the folds' mean prediction, whose score the row has; None without folds."""
    over_frozen: Apart | None = None
    """None for the frozen model itself, and where there is no frozen score."""
    over_lora: Apart | None = None
    """Of `full` only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerChange:
    """One layer of a trained model against the same of the model that it began with."""

    layer: int
    before: Score
    """Of the model that it began with, on test."""
    after: Score
    apart: Apart
    """How much better the trained model's layer is; corrected over the layers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What training changed in the layers of a model: adapted, or fine-tuned and then probed as any model."""

    dataset: str
    model: str
    base: str
    """Model that it began with, probed as well."""
    stage: str
    """`adapt` or `finetune`."""
    trained_on: str | None
    """Data set that it was fine-tuned on; None for adaptation."""
    head: str
    """The base's best head by eval; both are probed with it."""
    metric: str
    layers: tuple[LayerChange, ...]
    """Layers of both, ascending."""
    best: Apart | None
    """The trained model's row of the leaderboard against the base's, corrected as the leaderboard's pairs."""
