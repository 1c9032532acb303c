"""The linear head: logistic regression or ridge on standardised features, its L2 strength chosen on eval.

Shape letters: N items, H features, K outputs.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seqbench.config.heads import LinearConfig
from seqbench.core.types import SplitName, Task
from seqbench.probe.heads.balance import balanced_weights
from seqbench.probe.heads.base import ClassWeights, FittedHead, HeadData, HeadState, Problem
from seqbench.probe.heads.columns import Columns
from seqbench.probe.heads.each_layer import Layer, LayerwiseHead
from seqbench.probe.heads.known_items import known_together, mean_error
from seqbench.probe.heads.logistic import Axes, LogisticFit, fit_logistic
from seqbench.probe.heads.outputs import check_width, log_loss
from seqbench.probe.heads.ridge import ridge_path
from seqbench.probe.heads.scaling import Scaling
from seqbench.probe.heads.threads import worthwhile_threads
from seqbench.training.health import Convergence

STRENGTHS = tuple(10.0**exponent for exponent in range(-4, 3))
"""Logistic C, from strong to weak regularisation; each fit starts from the one before."""
ALPHAS = tuple(10.0 ** (exponent / 2) for exponent in range(12, -5, -1))
"""Ridge alpha, from strong (1e6) to weak (1e-2) regularisation; closed form, so a fine grid costs little."""
CELL_BYTES = 55
"""Memory of one item's score of one class while the loss is computed, temporaries included; measured with
20,000 items x 1,000 classes."""
_RISES = 2
"""The path ends after the eval loss rose this often in a row."""

_Features = dict[SplitName, NDArray[np.float32]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearHead(LayerwiseHead):
    """Multinomial logistic regression, one logistic regression a label, or ridge.

    The features are standardised on train. The strength is the one of the lowest log loss or squared error on
    eval, the stronger one where two are equal. Each label or target is fitted to the items where it is known.
    Nothing in it is random.
    """

    section: ClassVar[type[LinearConfig]] = LinearConfig
    settings: LinearConfig
    """Without strengths, `STRENGTHS` or `ALPHAS` are tried; those that are set may come in any order."""
    class_weights: ClassWeights
    """Balanced: weights of items in the loss, on eval as well; see `balanced_weights`. Not for ridge."""

    def threads(self, problem: Problem, train: HeadData, available: int) -> int:
        """By the product that is made again and again, or ridge's single one."""
        _, n_items, width = train.features_LNH.shape
        columns = min(n_items, width) if problem.task is Task.REGRESSION else problem.n_outputs
        return worthwhile_threads(2 * n_items * width * columns, available)

    def fit_layer(self, layer: Layer) -> FittedHead:
        """See `LayerwiseHead.fit_layer`."""
        scaling = Scaling.fit(layer.features["train"])
        features: _Features = {name: scaling.apply(layer.features[name]) for name in ("train", "eval")}
        if layer.problem.task is Task.REGRESSION:
            return self._fit_ridge(layer, scaling, features)
        self._check_size(layer)
        return self._fit_logistic(layer, scaling, features)

    def _fit_ridge(self, layer: Layer, scaling: Scaling, features: _Features) -> FittedHead:
        targets_NK = np.asarray(layer.targets["train"], dtype=np.float64)
        scale = Scaling.fit(targets_NK)
        mean_K = scale.mean_H
        # Each target counts alike in the choice, whatever its unit.
        sd_K = scale.sd_H
        truth_NK = np.asarray(layer.targets["eval"], dtype=np.float64)
        alphas = sorted(self.settings.strengths or ALPHAS, reverse=True)
        lowest, alpha, weights_HK = np.inf, alphas[0], np.zeros((features["train"].shape[1], len(mean_K)))
        path = _ridge_paths(features["train"], targets_NK - mean_K, alphas)
        for candidate, candidate_HK in zip(alphas, path, strict=True):
            loss = mean_error(((features["eval"] @ candidate_HK + mean_K - truth_NK) / sd_K) ** 2)
            if loss < lowest:
                lowest, alpha, weights_HK = loss, candidate, candidate_HK
        return _fitted(layer, scaling, {"weights_HK": weights_HK, "biases_K": mean_K}, {"alpha": alpha}, None)

    def _check_size(self, layer: Layer) -> None:
        """Refuse what would fill the memory and take hours; of so many classes kNN keeps only those near by.

        Raises:
            ValueError: Says what it would take.
        """
        n_items, width = layer.features["train"].shape
        n_outputs = layer.problem.n_outputs
        needed = CELL_BYTES * n_items * n_outputs
        if needed > self.resources.memory_bytes:
            passes = f"some hundred passes of {4e-9 * n_items * width * n_outputs:,.0f} GFLOP a layer"
            raise ValueError(
                f"{n_items:,} items x {n_outputs:,} classes take {needed / 2**30:.1f} GB and {passes} (set "
                f"probe.memory to {math.ceil(2 * needed / 2**30)} for that, or take the knn or mlp head)"
            )

    def _fit_logistic(self, layer: Layer, scaling: Scaling, features: _Features) -> FittedHead:
        columns = Columns.of(layer.targets["train"], layer.problem)
        if columns.constant:
            return _fitted(layer, scaling, columns.tensors(), {}, None)
        strength, chosen = self._choose_strength(layer, columns, features)
        tensors = {"weights_HK": chosen.weights_HK, "biases_K": chosen.biases_K, **columns.tensors()}
        health: Convergence = "converged" if chosen.converged else "not converged"
        return _fitted(layer, scaling, tensors, {"C": strength}, health)

    def _choose_strength(
        self, layer: Layer, columns: Columns, features: _Features
    ) -> tuple[float, LogisticFit]:
        train, truth = layer.targets["train"], layer.targets["eval"]
        weights, eval_weights = (
            balanced_weights(self.class_weights, layer.problem, train, targets) for targets in (train, truth)
        )
        targets_NC, weights_NC = columns.targets_NC(train), columns.weights_NC(weights)
        fit: LogisticFit | None = None
        tried: list[tuple[float, float, LogisticFit]] = []
        axes = Axes.principal(features["train"])
        for strength in sorted(self.settings.strengths or STRENGTHS):
            fit = fit_logistic(
                axes, targets_NC, weights_NC, strength=strength, softmax=columns.softmax, start=fit
            )
            loss = log_loss(columns.task, columns.predict(fit, features["eval"]), truth, eval_weights)
            tried.append((loss, strength, fit))
            recent = [loss for loss, _, _ in tried[-_RISES - 1 :]]
            if len(recent) > _RISES and all(before < after for before, after in pairwise(recent)):
                break
        _, strength, fit = min(tried, key=lambda entry: entry[0])
        return strength, fit

    @staticmethod
    def predict(state: HeadState, features_NH: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `registry.predict`."""
        tensors, task = state.tensors, Task(state.facts["task"])
        check_width(features_NH, len(tensors["mean_H"]))
        scaled_NH = Scaling(mean_H=tensors["mean_H"], sd_H=tensors["sd_H"]).apply(features_NH)
        if task is Task.REGRESSION:
            values_NK: NDArray[np.float64] = scaled_NH @ tensors["weights_HK"] + tensors["biases_K"]
            return values_NK.astype(np.float32)
        fit = None
        if "weights_HK" in tensors:
            fit = LogisticFit(weights_HK=tensors["weights_HK"], biases_K=tensors["biases_K"], converged=True)
        return Columns.restore(tensors, task).predict(fit, scaled_NH)


def _ridge_paths(
    features_NH: NDArray[np.float32], targets_NK: NDArray[np.float64], alphas: Sequence[float]
) -> Iterator[NDArray[np.float64]]:
    """As `ridge_path`, each target on the items where it is known."""
    groups = known_together(targets_NK)
    paths = [
        ridge_path(group.of(features_NH), group.of(targets_NK)[:, group.columns], alphas) for group in groups
    ]
    for solutions in zip(*paths, strict=True):
        weights_HK = np.empty((features_NH.shape[1], targets_NK.shape[1]))
        for group, solution_HC in zip(groups, solutions, strict=True):
            weights_HK[:, group.columns] = solution_HC
        yield weights_HK


def _fitted(
    layer: Layer,
    scaling: Scaling,
    tensors: dict[str, NDArray[Any]],
    chosen: dict[str, float | int | str],
    convergence: Convergence | None,
) -> FittedHead:
    state = HeadState(
        kind="linear",
        tensors={"mean_H": scaling.mean_H, "sd_H": scaling.sd_H, **tensors},
        facts={"task": layer.problem.task.value},
    )
    return FittedHead(
        layer_index=0,
        predictions={
            "eval": LinearHead.predict(state, layer.features["eval"]),
            "test": LinearHead.predict(state, layer.features["test"]),
        },
        convergence=convergence,
        hyperparameters=chosen,
        state=state,
    )
