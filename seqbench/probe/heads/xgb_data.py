"""What XGBoost is given of a layer's items: known classes, counted from 0, and weights.

Shape letters: N items, K outputs.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.core.types import SplitName, Task
from seqbench.probe.heads.balance import balanced_weights
from seqbench.probe.heads.base import ClassWeights
from seqbench.probe.heads.each_layer import Layer

_SPLITS: tuple[SplitName, ...] = ("train", "eval")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The items of train and eval that can be learned from or told."""

    classes: NDArray[np.int64]
    """Classes in train, ascending; empty for labels and regression."""
    rows: dict[SplitName, NDArray[np.bool_]]
    """Which items; on eval those of a class in train."""
    targets: dict[SplitName, NDArray[Any]]
    """Of these items; classes by their place in `classes`."""
    weights: dict[SplitName, NDArray[np.float64] | None]

    @classmethod
    def of(cls, layer: Layer, class_weights: ClassWeights) -> "Known":
        """Look at a layer's targets."""
        train = layer.targets["train"]
        classified = layer.problem.task is Task.CLASSIFICATION
        classes = np.unique(train).astype(np.int64) if classified else np.empty(0, np.int64)
        rows, targets, weights = {}, {}, {}
        for split in _SPLITS:
            values = layer.targets[split]
            kept = np.isin(values, classes) if classified else np.ones(len(values), dtype=np.bool_)
            rows[split] = kept
            targets[split] = np.searchsorted(classes, values[kept]) if classified else values[kept]
            weights[split] = balanced_weights(class_weights, layer.problem, train, values[kept])
        return cls(classes=classes, rows=rows, targets=targets, weights=weights)

    @property
    def columns(self) -> list[int | None]:
        """What each booster learns: everything (None), or a label of its own where each has its weights."""
        weights = self.weights["train"]
        return [None] if weights is None or weights.ndim == 1 else list(range(weights.shape[1]))
