"""The linear head: logistic regression or ridge on standardised features, its L2 strength chosen on eval.

Shape letters: N items, H features, K outputs.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from seqbench.probe.heads.base import Convergence, FittedHead, Problem
from seqbench.probe.heads.each_layer import Layer, LayerwiseHead
from seqbench.probe.heads.logistic import Axes, LogisticFit, fit_logistic, predict_logistic
from seqbench.probe.heads.outputs import log_loss, spread_classes
from seqbench.probe.heads.ridge import ridge_path
from seqbench.probe.heads.scaling import Scaling
from seqbench.probe.heads.threads import blas_threads
from seqbench.vocabulary import SplitName, Task

STRENGTHS = tuple(10.0**exponent for exponent in range(-4, 3))
"""Logistic C, from strong to weak regularisation; each fit starts from the one before."""
ALPHAS = tuple(10.0 ** (exponent / 2) for exponent in range(12, -5, -1))
"""Ridge alpha, from strong (1e6) to weak (1e-2) regularisation; closed form, so a fine grid costs little."""
_RISES = 2
"""The path ends after the eval loss rose this often in a row."""

_Features = dict[SplitName, NDArray[np.float32]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearHead(LayerwiseHead):
    """Multinomial logistic regression, one logistic regression a label, or ridge.

    The features are standardised on train. The strength is the one of the lowest log loss or squared error on
    eval, the stronger one where two are equal. Nothing in it is random.
    """

    def fit_layer(self, layer: Layer) -> FittedHead:
        """See `LayerwiseHead.fit_layer`."""
        return _fit_layer(layer)


def _fit_layer(layer: Layer) -> FittedHead:
    scaling = Scaling.fit(layer.features["train"])
    features = {name: scaling.apply(values_NH) for name, values_NH in layer.features.items()}
    if layer.problem.task is Task.REGRESSION:
        with blas_threads(2 * features["train"].size * min(features["train"].shape)):
            return _fit_ridge(features, layer)
    return _fit_logistic(features, layer)


def _fit_ridge(features: _Features, layer: Layer) -> FittedHead:
    targets_NK = np.asarray(layer.targets["train"], dtype=np.float64)
    mean_K = targets_NK.mean(axis=0)
    # Each target counts alike in the choice, whatever its unit.
    sd_K = Scaling.fit(targets_NK).sd_H
    truth_NK = np.asarray(layer.targets["eval"], dtype=np.float64)
    lowest, alpha, weights_HK = np.inf, ALPHAS[0], np.zeros((features["train"].shape[1], len(mean_K)))
    for candidate, candidate_HK in zip(
        ALPHAS, ridge_path(features["train"], targets_NK - mean_K, ALPHAS), strict=True
    ):
        loss = float((((features["eval"] @ candidate_HK + mean_K - truth_NK) / sd_K) ** 2).mean())
        if loss < lowest:
            lowest, alpha, weights_HK = loss, candidate, candidate_HK
    return FittedHead(
        layer_index=0,
        predictions={
            "eval": (features["eval"] @ weights_HK + mean_K).astype(np.float32),
            "test": (features["test"] @ weights_HK + mean_K).astype(np.float32),
        },
        hyperparameters={"alpha": alpha},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    """What logistic regression fits: the columns that vary in train, and what stands for the others."""

    task: Task
    n_outputs: int
    fitted: NDArray[np.int64]
    """Labels with both values, or classes present in train."""
    constant_K: NDArray[np.float64]
    """Probability of each output that is not fitted."""
    targets_NK: NDArray[np.float32]
    """One column a fitted output; a single one where two classes are present."""

    @classmethod
    def of(cls, targets: NDArray[np.generic], problem: Problem) -> "_Columns":
        """Find the outputs that can be fitted."""
        if problem.task is Task.LABELS:
            share_K = (targets != 0).mean(axis=0)
            fitted = np.flatnonzero((share_K > 0) & (share_K < 1))
            columns_NK = (targets != 0)[:, fitted]
        else:
            fitted, share_K = np.unique(targets).astype(np.int64), np.zeros(problem.n_outputs)
            columns_NK = targets[:, None] == fitted
            columns_NK = columns_NK[:, 1:] if len(fitted) == 2 else columns_NK
        return cls(
            task=problem.task,
            n_outputs=problem.n_outputs,
            fitted=fitted,
            constant_K=share_K,
            targets_NK=columns_NK.astype(np.float32),
        )

    @property
    def softmax(self) -> bool:
        """Two classes share one sigmoid, as in scikit-learn: C means the same then."""
        return self.task is Task.CLASSIFICATION and len(self.fitted) > 2

    @property
    def constant(self) -> bool:
        """Whether there is nothing to fit: one class, or no label that varies."""
        return len(self.fitted) == (1 if self.task is Task.CLASSIFICATION else 0)

    def predict(self, fit: LogisticFit | None, features_NH: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities of all outputs, (N, K)."""
        if fit is None:
            probabilities = np.ones((len(features_NH), len(self.fitted)))
        else:
            probabilities = predict_logistic(fit, features_NH, softmax=self.softmax)
        if self.task is Task.CLASSIFICATION:
            if probabilities.shape[1] < len(self.fitted):
                probabilities = np.hstack([1.0 - probabilities, probabilities])
            return spread_classes(probabilities, self.fitted, self.n_outputs)
        outputs_NK = np.tile(self.constant_K.astype(np.float32), (len(features_NH), 1))
        outputs_NK[:, self.fitted] = probabilities
        return outputs_NK


def _fit_logistic(features: _Features, layer: Layer) -> FittedHead:
    columns = _Columns.of(layer.targets["train"], layer.problem)
    chosen: LogisticFit | None = None
    hyperparameters: dict[str, float | int | str] = {}
    convergence: Convergence | None = None
    if not columns.constant:
        with blas_threads(2 * features["train"].size * columns.targets_NK.shape[1]):
            strength, chosen = _choose_strength(features, columns, layer.targets["eval"])
        hyperparameters = {"C": strength}
        convergence = "converged" if chosen.converged else "not converged"
    return FittedHead(
        layer_index=0,
        predictions={
            "eval": columns.predict(chosen, features["eval"]),
            "test": columns.predict(chosen, features["test"]),
        },
        convergence=convergence,
        hyperparameters=hyperparameters,
    )


def _choose_strength(
    features: _Features, columns: _Columns, eval_targets: NDArray[np.generic]
) -> tuple[float, LogisticFit]:
    fit: LogisticFit | None = None
    tried: list[tuple[float, float, LogisticFit]] = []
    axes = Axes.principal(features["train"])
    for strength in STRENGTHS:
        fit = fit_logistic(axes, columns.targets_NK, strength=strength, softmax=columns.softmax, start=fit)
        loss = log_loss(columns.task, columns.predict(fit, features["eval"]), eval_targets)
        tried.append((loss, strength, fit))
        recent = [loss for loss, _, _ in tried[-_RISES - 1 :]]
        if len(recent) > _RISES and all(before < after for before, after in pairwise(recent)):
            break
    _, strength, fit = min(tried, key=lambda entry: entry[0])
    return strength, fit
