"""What XGBoost is given of a layer's items: known classes, counted from 0, and weights.

Shape letters: N items, K outputs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.core.missing import known
from seqbench.core.types import SplitName, Task
from seqbench.probe.heads.balance import balanced_weights
from seqbench.probe.heads.base import ClassWeights
from seqbench.probe.heads.each_layer import Layer
from seqbench.probe.heads.known_items import known_together

_SPLITS: tuple[SplitName, ...] = ("train", "eval")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Learned:
    """What one booster learns."""

    columns: NDArray[np.int64] | None
    """Labels or targets, ascending; None for classes."""
    rows: Mapping[SplitName, NDArray[np.bool_]]
    """Which items: those where its labels or targets are known, or of eval those of a class in train."""

    def of(self, values: NDArray[Any], split: SplitName) -> NDArray[Any]:
        """Targets or weights of its items."""
        mine = values[self.rows[split]]
        if self.columns is None:
            return mine
        return mine[:, self.columns[0]] if len(self.columns) == 1 else mine[:, self.columns]

    def features(self, features_NH: NDArray[np.float32], split: SplitName) -> NDArray[np.float32]:
        """Features of its items; a copy only where some are left out."""
        return features_NH if self.rows[split].all() else features_NH[self.rows[split]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The items of train and eval that can be learned from or told."""

    classes: NDArray[np.int64]
    """Classes in train, ascending; empty for labels and regression."""
    targets: Mapping[SplitName, NDArray[Any]]
    """Of all items; classes by their place in `classes`."""
    weights: Mapping[SplitName, NDArray[np.float64] | None]
    boosters: list[Learned]
    """One for all that is known of the same items; each label by itself where it has its own weights."""

    @classmethod
    def of(cls, layer: Layer, class_weights: ClassWeights) -> "Known":
        """Look at a layer's targets."""
        train = layer.targets["train"]
        classified = layer.problem.task is Task.CLASSIFICATION
        classes = np.unique(train).astype(np.int64) if classified else np.empty(0, np.int64)
        targets: dict[SplitName, NDArray[Any]] = {split: layer.targets[split] for split in _SPLITS}
        weights: dict[SplitName, NDArray[np.float64] | None] = dict.fromkeys(_SPLITS)
        if class_weights != "none":
            weights = {
                split: balanced_weights(class_weights, layer.problem, train, values)
                for split, values in targets.items()
            }
        if not classified:
            boosters = _of_outputs(targets, apart=weights["train"] is not None)
            return cls(classes=classes, targets=targets, weights=weights, boosters=boosters)
        rows = {split: np.isin(values, classes) for split, values in targets.items()}
        places = {split: np.searchsorted(classes, values) for split, values in targets.items()}
        learned = Learned(columns=None, rows=rows)
        return cls(classes=classes, targets=places, weights=weights, boosters=[learned])


def _of_outputs(targets: Mapping[SplitName, NDArray[Any]], *, apart: bool) -> list[Learned]:
    """Labels or targets that are known of the same items of train and of eval, or each by itself."""
    groups = known_together(targets["train"], targets["eval"])
    columns = [part for group in groups for part in (group.columns[:, None] if apart else [group.columns])]
    return [
        Learned(columns=part, rows={split: known(values)[:, part[0]] for split, values in targets.items()})
        for part in columns
    ]
