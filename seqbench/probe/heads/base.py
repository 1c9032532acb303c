"""What goes into a head and what comes out, the same for every head.

Shape letters: L layers, N items, H width of an item's features, K outputs (classes, labels or targets).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from seqbench.catalog.records import EpochRecord
from seqbench.core.progress import Advance
from seqbench.core.types import SplitName, Task
from seqbench.errors import ProbeError
from seqbench.training.health import Convergence

ClassWeights = Literal["none", "balanced"]
"""Weights of items in training: all 1, or such that every class, or both values of each label, weigh alike:
n / (classes * count of the class), scikit-learn's `balanced`; for a label n / (2 * count of the value)."""
ChooseEpoch = Literal["best", "last"]
"""Which epoch's weights (or boosting round) predict: the one of the lowest eval loss, or the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadData:
    """One split of one data set at several layers."""

    features_LNH: NDArray[np.float32]
    """Embeddings, the sequences of an item already combined."""
    targets: NDArray[Any]
    """Classification: (N,) integer class indices. Labels: (N, K) 0/1. Regression: (N, K) floats."""

    @property
    def n_items(self) -> int:
        """Items of the split."""
        return int(self.features_LNH.shape[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is to be predicted."""

    task: Task
    n_outputs: int
    """Classes (binary: 2), labels or targets; a class may be absent from any split."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """One training of every layer: on which items, with which seed."""

    train: HeadData
    evaluation: HeadData
    test: HeadData
    seed: int

    @property
    def splits(self) -> dict[SplitName, HeadData]:
        """The three by name."""
        return {"train": self.train, "eval": self.evaluation, "test": self.test}


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What a head may use; none of it changes a result."""

    memory_bytes: int = 4 << 30
    """For everything that trains at the same time, beside the features that it is given."""
    checkpoint: Path | None = None
    """File in which the state of a long training may be kept, and found again; its name tells the training
    apart from all others. None: nothing is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadState:
    """A trained head of one layer, as it can be kept and used again; everything that predicting takes."""

    kind: str
    """The head's name in `HEADS`; its class has the static method `predict(state, features_NH)`."""
    tensors: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    """Weights and scalings, by name."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What else it takes, ready for JSON; XGBoost's own JSON model is text under `booster`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedHead:
    """What came of one layer."""

    layer_index: int
    """Position of the layer in `features_LNH`."""
    predictions: Mapping[SplitName, NDArray[np.float32]] = field(default_factory=dict)
    """For eval and test, (N, K): class probabilities that sum to 1, label probabilities, or values in the
    targets' own units. Empty where `error` is set."""
    chosen_epoch: int | None = None
    """Epoch or boosting round that predicts, from 1; None for heads without epochs."""
    n_epochs: int | None = None
    """Epochs or rounds trained."""
    history: tuple[EpochRecord, ...] = ()
    """Learning curve up to the last epoch with finite losses."""
    convergence: Convergence | None = None
    """What the head itself says: `not converged` (its solver stopped at its limit of iterations), `converged`
    (it met its tolerance) or `diverged` (a loss became infinite or NaN); `seqbench.probe.health` reads the
    rest off curve and predictions. None where the question does not arise: closed form, forest, or failed
    before training."""
    hyperparameters: Mapping[str, float | int | str] = field(default_factory=dict)
    """What was chosen on eval or resolved from the data, such as {"C": 0.1}."""
    seconds: float = 0.0
    """Training and prediction; layers trained together share the time equally."""
    error: str | None = None
    """Why this layer failed; None where it is ok."""
    state: HeadState | None = None
    """The trained head; None where `error` is set."""


class Head(Protocol):
    """A kind of model that is trained on embeddings."""

    @property
    def device(self) -> str:
        """Where it trains: `cpu` or `cuda`."""

    def fit(self, problem: Problem, fits: Sequence[Fit], *, advance: Advance) -> list[list[FittedHead]]:
        """Train on every layer, once for each of `fits`, and predict eval and test.

        Choices (epoch, round, strength) are made on eval; test is only predicted. The same seed, data and
        machine give the same result, whatever is trained beside it.

        Args:
            problem: What is predicted.
            fits: Trainings that may go on together: seeds, folds, subsets. They have the same layers.
            advance: Told of progress in layers; the amounts add up to layers x fits.

        Returns:
            For each of `fits` one outcome a layer, in order. A layer that fails (NaN in its features,
            diverged) says so in `error` and leaves the others as they are.

        Raises:
            ProbeError: A split has no items.
            ValueError: The splits' shapes do not fit each other or the problem.
        """


def check_splits(problem: Problem, splits: Mapping[SplitName, HeadData]) -> None:
    """Refuse splits that do not fit each other or the problem.

    Raises:
        ProbeError: A split has no items.
        ValueError: The shapes do not fit each other or the problem.
    """
    n_layers, _, width = splits["train"].features_LNH.shape
    outputs: Sequence[int] = () if problem.task is Task.CLASSIFICATION else (problem.n_outputs,)
    for name, data in splits.items():
        if data.n_items == 0:
            raise ProbeError(
                f"the {name} split has no items; a head needs at least one of train, eval and test"
            )
        if data.features_LNH.shape != (n_layers, data.n_items, width):
            raise ValueError(
                f"{name} features are {data.features_LNH.shape}, train's {n_layers} × N × {width}"
            )
        if data.targets.shape != (data.n_items, *outputs):
            raise ValueError(f"{name} targets are {data.targets.shape}, not {(data.n_items, *outputs)}")


def nonfinite_error(splits: Mapping[SplitName, HeadData], layer_index: int) -> str | None:
    """Say which split's features hold NaN or infinity at a layer; None where all are finite."""
    for name, data in splits.items():
        bad = ~np.isfinite(data.features_LNH[layer_index]).all(axis=1)
        if bad.any():
            return (
                f"the {name} features hold NaN or infinity in {bad.sum()} of {bad.size} items, "
                f"first in item {int(bad.argmax())} (counted from 0); extract this layer again in float32"
            )
    return None
