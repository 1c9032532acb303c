"""The forest head: scikit-learn's random forests, with its defaults but for the number of trees.

Shape letters: N items, H features, K outputs, V leaves.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from seqbench.config.heads import ForestConfig
from seqbench.core.types import Task
from seqbench.probe.heads.base import ClassWeights, FittedHead, HeadData, HeadState, Problem
from seqbench.probe.heads.each_layer import Layer, LayerwiseHead
from seqbench.probe.heads.known_items import KnownTogether, known_together
from seqbench.probe.heads.outputs import check_width, in_order, spread_classes
from seqbench.probe.heads.threads import worthwhile_threads
from seqbench.probe.heads.trees import LeafValues, flatten_trees, predict_trees

_FLOP_AN_ITEM = 20_000
"""A tree takes some ten microseconds an item: as long as so many operations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForestHead(LayerwiseHead):
    """A random forest, one for all labels or targets that are known of the same items.

    Eval chooses nothing.
    """

    section: ClassVar[type[ForestConfig]] = ForestConfig
    settings: ForestConfig
    class_weights: ClassWeights
    """Balanced: scikit-learn's `class_weight`. It multiplies the weights of an item's labels, so that a
    few rare ones together drown all others; each label then gets a forest of its own."""

    uses_seed: ClassVar[bool] = True

    def threads(self, problem: Problem, train: HeadData, available: int) -> int:
        """By what all trees take; they do not wait for each other."""
        return worthwhile_threads(_FLOP_AN_ITEM * train.n_items * self.settings.n_estimators, available)

    def fit_layer(self, layer: Layer) -> FittedHead:
        """See `LayerwiseHead.fit_layer`."""
        groups = self._groups(layer)
        forests = [self._grow(layer, group) for group in groups]
        tensors: dict[str, NDArray[Any]] = {}
        for number, forest in enumerate(forests):
            trees = [estimator.tree_ for estimator in forest.estimators_]
            flat = flatten_trees(trees, _leaf_values(layer.problem.task, forest))
            tensors |= {f"{name}.{number}": array for name, array in flat.items()}
        if layer.problem.task is Task.CLASSIFICATION:
            tensors["classes"] = np.asarray(forests[0].classes_, dtype=np.int64)
        state = HeadState(
            kind="forest",
            tensors=tensors,
            facts={
                "task": layer.problem.task.value,
                "n_outputs": layer.problem.n_outputs,
                "width": layer.features["train"].shape[1],
                "n_forests": len(forests),
                **({"columns": [group.columns.tolist() for group in groups]} if len(groups) > 1 else {}),
            },
        )
        return FittedHead(
            layer_index=0,
            predictions={
                "eval": ForestHead.predict(state, layer.features["eval"]),
                "test": ForestHead.predict(state, layer.features["test"]),
            },
            state=state,
        )

    def _groups(self, layer: Layer) -> list[KnownTogether]:
        """The labels or targets of each forest: those that are known of the same items, or each by itself."""
        targets = np.asarray(layer.targets["train"])
        if layer.problem.task is Task.CLASSIFICATION:
            return [KnownTogether(columns=np.zeros(1, np.int64), rows=np.ones(len(targets), np.bool_))]
        groups = known_together(targets)
        if layer.problem.task is Task.LABELS and self.class_weights == "balanced":
            return [
                KnownTogether(columns=np.array([column]), rows=group.rows)
                for group in groups
                for column in group.columns
            ]
        return groups

    def _grow(self, layer: Layer, group: KnownTogether) -> Any:
        targets = group.of(np.asarray(layer.targets["train"]))
        targets = targets if targets.ndim == 1 else targets[:, group.columns]
        settings: dict[str, Any] = {
            "n_estimators": self.settings.n_estimators,
            "n_jobs": layer.threads,
            "random_state": layer.seed,
        }
        if layer.problem.task is Task.REGRESSION:
            forest = RandomForestRegressor(**settings)
        else:
            weights = "balanced" if self.class_weights == "balanced" else None
            forest = RandomForestClassifier(**settings, class_weight=weights)
        # scikit-learn wants a single column as a vector.
        targets = targets.ravel() if targets.shape[1:] == (1,) else targets
        return forest.fit(group.of(layer.features["train"]), targets)

    @staticmethod
    def predict(state: HeadState, features_NH: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `registry.predict`."""
        check_width(features_NH, state.facts["width"])
        columns = []
        for number in range(state.facts["n_forests"]):
            ending = f".{number}"
            tensors = {
                name.removesuffix(ending): a for name, a in state.tensors.items() if name.endswith(ending)
            }
            columns.append(predict_trees(tensors, features_NH))
        outputs = in_order(columns, state.facts.get("columns"))
        if Task(state.facts["task"]) is Task.CLASSIFICATION:
            return spread_classes(outputs, state.tensors["classes"], state.facts["n_outputs"])
        return outputs.astype(np.float32)


def _leaf_values(task: Task, forest: Any) -> LeafValues:
    """What a leaf answers: probabilities of the forest's classes, of each label, or values."""
    if task is Task.REGRESSION:
        return lambda values: values[:, :, 0]
    if task is Task.CLASSIFICATION:
        return lambda values: values[:, 0] / values[:, 0].sum(axis=1, keepdims=True)
    # One list of classes a label, a bare one for a single label; a constant label has one class.
    several = isinstance(forest.classes_, list)
    classes = forest.classes_ if several else [forest.classes_]

    def chances(values: NDArray[np.float64]) -> NDArray[np.float64]:
        columns = []
        for label, known in enumerate(classes):
            counts = values[:, label, : len(known)]
            columns.append(counts[:, np.asarray(known) != 0].sum(axis=1) / counts.sum(axis=1))
        return np.stack(columns, axis=1)

    return chances
