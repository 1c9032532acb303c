"""The forest head: scikit-learn's random forests, with its defaults but for the number of trees.

Shape letters: N items, K outputs.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from seqbench.probe.heads.base import FittedHead, HeadData, Problem
from seqbench.probe.heads.each_layer import Layer, fit_each_layer
from seqbench.probe.heads.outputs import spread_classes
from seqbench.progress import Advance
from seqbench.vocabulary import SplitName, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class ForestHead:
    """A random forest on all cores, one for all labels or targets together. Eval chooses nothing."""

    n_estimators: int
    """Trees."""

    @property
    def device(self) -> str:
        """Always `cpu`."""
        return "cpu"

    def fit(
        self,
        problem: Problem,
        train: HeadData,
        evaluation: HeadData,
        test: HeadData,
        *,
        seed: int,
        advance: Advance,
    ) -> list[FittedHead]:
        """See `Head.fit`."""
        splits: dict[SplitName, HeadData] = {"train": train, "eval": evaluation, "test": test}
        return fit_each_layer(self._fit_layer, problem, splits, seed, advance)

    def _fit_layer(self, layer: Layer) -> FittedHead:
        kind = RandomForestRegressor if layer.problem.task is Task.REGRESSION else RandomForestClassifier
        forest = kind(n_estimators=self.n_estimators, n_jobs=-1, random_state=layer.seed)
        targets = np.asarray(layer.targets["train"])
        # scikit-learn wants a single column as a vector.
        forest.fit(layer.features["train"], targets.ravel() if targets.shape[1:] == (1,) else targets)
        return FittedHead(
            layer_index=0,
            predictions={
                "eval": _predict(forest, layer.features["eval"], layer.problem),
                "test": _predict(forest, layer.features["test"], layer.problem),
            },
        )


def _predict(forest: Any, features_NH: NDArray[np.float32], problem: Problem) -> NDArray[np.float32]:
    if problem.task is Task.REGRESSION:
        return np.asarray(forest.predict(features_NH), dtype=np.float32).reshape(len(features_NH), -1)
    probabilities = forest.predict_proba(features_NH)
    if problem.task is Task.CLASSIFICATION:
        return spread_classes(probabilities, forest.classes_, problem.n_outputs)
    # One array and one list of classes a label, bare ones for a single label; a constant label has one class.
    several = isinstance(probabilities, list)
    pairs = (
        zip(probabilities, forest.classes_, strict=True) if several else [(probabilities, forest.classes_)]
    )
    return np.stack([spread_classes(values, classes, 2)[:, 1] for values, classes in pairs], axis=1)
