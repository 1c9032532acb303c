"""The forest head: scikit-learn's random forests, with its defaults but for the number of trees.

Shape letters: N items, K outputs.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from seqbench.probe.heads.base import FittedHead, Problem
from seqbench.probe.heads.each_layer import Layer, LayerwiseHead
from seqbench.probe.heads.outputs import spread_classes
from seqbench.vocabulary import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class ForestHead(LayerwiseHead):
    """A random forest on all cores, one for all labels or targets together. Eval chooses nothing."""

    n_estimators: int
    """Trees."""

    def fit_layer(self, layer: Layer) -> FittedHead:
        """See `LayerwiseHead.fit_layer`."""
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
