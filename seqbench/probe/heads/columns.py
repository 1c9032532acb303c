"""What of a problem logistic regression can fit, and what stands for the rest.

Shape letters: N items, H features, K outputs, C columns that are fitted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.core.missing import known
from seqbench.core.types import Task
from seqbench.probe.heads.base import Problem
from seqbench.probe.heads.logistic import LogisticFit, predict_logistic
from seqbench.probe.heads.outputs import spread_classes


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The outputs that vary in train: labels with both values, or the classes that are present."""

    task: Task
    n_outputs: int
    fitted: NDArray[np.int64]
    """Those labels or classes, ascending."""
    constant_K: NDArray[np.float64]
    """Probability of each label that is not fitted."""

    @classmethod
    def of(cls, targets: NDArray[np.generic], problem: Problem) -> "Columns":
        """Find them in the targets of train."""
        share_K = np.zeros(problem.n_outputs)
        if problem.task is Task.LABELS:
            share_K = (targets == 1).sum(axis=0) / known(targets).sum(axis=0)
            fitted = np.flatnonzero((share_K > 0) & (share_K < 1))
        else:
            fitted = np.unique(targets).astype(np.int64)
        return cls(task=problem.task, n_outputs=problem.n_outputs, fitted=fitted, constant_K=share_K)

    @classmethod
    def restore(cls, tensors: Mapping[str, NDArray[Any]], task: Task) -> "Columns":
        """Take them from a state that holds `tensors()`."""
        constant_K = tensors["constant_K"]
        return cls(task=task, n_outputs=len(constant_K), fitted=tensors["fitted"], constant_K=constant_K)

    def tensors(self) -> dict[str, NDArray[Any]]:
        """What a state must hold."""
        return {"fitted": self.fitted, "constant_K": self.constant_K}

    @property
    def softmax(self) -> bool:
        """Two classes share one sigmoid, as in scikit-learn: C means the same then."""
        return self.task is Task.CLASSIFICATION and len(self.fitted) > 2

    @property
    def constant(self) -> bool:
        """Whether there is nothing to fit: one class, or no label that varies."""
        return len(self.fitted) == (1 if self.task is Task.CLASSIFICATION else 0)

    def targets_NC(self, targets: NDArray[np.generic]) -> NDArray[np.float32]:
        """Zeros and ones to fit: a column an output, a single one where two classes are present."""
        if self.task is Task.LABELS:
            ones: NDArray[np.bool_] = targets[:, self.fitted] == 1
        else:
            ones = np.equal(targets[:, None], self.fitted[1:] if len(self.fitted) == 2 else self.fitted)
        return ones.astype(np.float32)

    def weights_NC(self, weights: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
        """Weights of `targets_NC`: one an item for classes, one a column for labels."""
        if weights is None:
            return None
        return weights[:, self.fitted] if self.task is Task.LABELS else weights[:, None]

    def predict(self, fit: LogisticFit | None, features_NH: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities of all outputs, (N, K); without a fit those of a constant problem."""
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
