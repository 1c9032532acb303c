"""Logistic regression with an L2 penalty by L-BFGS: softmax over classes, or a sigmoid a label.

All columns are fitted in one go, in matrix products; each label's solution is what it would be alone, since
the loss is a sum over labels. The objective is scikit-learn's, mean loss + |W|² / (2 C N), with intercepts
unpenalised.

Shape letters: N items, H features, K columns (classes or labels).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logsumexp

MAX_ITERATIONS = 2000
MOST_AXES = 2048
"""Features that are rotated to their principal axes at most: the cost grows with the cube of their number."""
_LIMIT_REACHED = 1
"""SciPy's status; the other one besides 0 is a line search that finds nothing below rounding."""
GRADIENT_TOLERANCE = 1e-5
"""Largest gradient component at which it is done; scikit-learn's default is 1e-4, loose at weak penalties."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogisticFit:
    """The coefficients at one strength."""

    weights_HK: NDArray[np.float64]
    biases_K: NDArray[np.float64]
    converged: bool
    """False if it stopped at the limit of iterations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """Coordinates in which the problem is round, so that L-BFGS takes tens of steps and not hundreds.

    A rotation leaves loss and penalty as they are, so the solution is the same.
    """

    rotation_HH: NDArray[np.float32]
    """Orthonormal columns: the principal axes of the features."""
    rotated_NH: NDArray[np.float32]
    spread_H: NDArray[np.float64]
    """Mean square of the features along each axis."""

    @classmethod
    def principal(cls, features_NH: NDArray[np.float32]) -> "Axes":
        """The principal axes of features, or the given ones where there are too many to be worth it."""
        n_items, n_features = features_NH.shape
        if n_features > min(n_items, MOST_AXES):
            spread_H = np.einsum("nh,nh->h", features_NH, features_NH, dtype=np.float64) / n_items
            return cls(rotation_HH=np.ones((0, 0), np.float32), rotated_NH=features_NH, spread_H=spread_H)
        spread_H, rotation_HH = np.linalg.eigh((features_NH.T @ features_NH).astype(np.float64) / n_items)
        rotation = rotation_HH.astype(np.float32)
        return cls(
            rotation_HH=rotation, rotated_NH=features_NH @ rotation, spread_H=np.maximum(spread_H, 0.0)
        )

    def into(self, weights_HK: NDArray[np.float64]) -> NDArray[np.float64]:
        """Coefficients of the features as coefficients along the axes."""
        return self.rotation_HH.T @ weights_HK if self.rotation_HH.size else weights_HK

    def out_of(self, weights_HK: NDArray[np.float64]) -> NDArray[np.float64]:
        """Coefficients along the axes as coefficients of the features."""
        return self.rotation_HH @ weights_HK if self.rotation_HH.size else weights_HK


@dataclass(frozen=True, slots=True, kw_only=True)
class _Objective:
    """The penalised mean loss of scaled coefficients along the axes, then intercepts; with its gradient."""

    features_NH: NDArray[np.float32]
    targets_NK: NDArray[np.float32]
    weights_NK: NDArray[np.float64] | None
    penalty: float
    scale_H1: NDArray[np.float64]
    softmax: bool

    def parts(self, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Coefficients (H, K), no longer scaled, and intercepts (K,)."""
        n_columns = self.targets_NK.shape[1]
        return values[:-n_columns].reshape(-1, n_columns) / self.scale_H1, values[-n_columns:]

    def __call__(self, values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights_HK, biases_K = self.parts(values)
        logits_NK = (self.features_NH @ weights_HK.astype(np.float32)).astype(np.float64) + biases_K
        loss, residuals_NK = _loss(logits_NK, self.targets_NK, self.weights_NK, self.softmax)
        slope_HK = self.features_NH.T @ residuals_NK.astype(np.float32) / len(residuals_NK)
        slope_HK = (slope_HK + self.penalty * weights_HK) / self.scale_H1
        gradient = np.concatenate([slope_HK.ravel(), residuals_NK.mean(axis=0)])
        return loss + 0.5 * self.penalty * float(np.vdot(weights_HK, weights_HK)), gradient


def fit_logistic(
    axes: Axes,
    targets_NK: NDArray[np.float32],
    weights_NK: NDArray[np.float64] | None = None,
    *,
    strength: float,
    softmax: bool,
    start: LogisticFit | None,
) -> LogisticFit:
    """Minimise the penalised mean loss.

    Args:
        axes: Of the standardised features; products are float32, sums and the solver float64.
        targets_NK: One-hot classes (softmax) or 0/1 labels.
        weights_NK: Of items, (N, 1), or of each item's labels; they add up to N in each column. None: all 1.
        strength: scikit-learn's C; small is strong regularisation.
        softmax: Softmax over the columns, else a sigmoid for each.
        start: A solution near by, or None for zeros.
    """
    n_items, n_features = axes.rotated_NH.shape
    penalty = 1.0 / (strength * n_items)
    objective = _Objective(
        features_NH=axes.rotated_NH,
        targets_NK=targets_NK,
        weights_NK=weights_NK,
        penalty=penalty,
        # The square root of the curvature along each axis: a logistic loss bends by a quarter at most.
        scale_H1=np.sqrt(0.25 * axes.spread_H + penalty)[:, None],
        softmax=softmax,
    )
    initial = np.zeros((n_features + 1) * targets_NK.shape[1])
    if start is not None:
        scaled_HK = axes.into(start.weights_HK) * objective.scale_H1
        initial = np.concatenate([scaled_HK.ravel(), start.biases_K])
    # The loss carries float32 rounding of about 1e-9, so a smaller relative gain is no progress.
    solution = minimize(
        objective,
        initial,
        jac=True,
        method="L-BFGS-B",
        options={
            "gtol": GRADIENT_TOLERANCE,
            "ftol": 1e-9,
            "maxiter": MAX_ITERATIONS,
            "maxfun": 10 * MAX_ITERATIONS,
        },
    )
    weights_HK, biases_K = objective.parts(solution.x)
    return LogisticFit(
        weights_HK=axes.out_of(weights_HK), biases_K=biases_K, converged=solution.status != _LIMIT_REACHED
    )


def predict_logistic(
    fit: LogisticFit, features_NH: NDArray[np.float32], *, softmax: bool
) -> NDArray[np.float64]:
    """Probabilities, (N, K)."""
    logits_NK = (features_NH @ fit.weights_HK.astype(np.float32)).astype(np.float64) + fit.biases_K
    if softmax:
        return np.exp(logits_NK - logsumexp(logits_NK, axis=1, keepdims=True))
    return expit(logits_NK)


def _loss(
    logits_NK: NDArray[np.float64],
    targets_NK: NDArray[np.float32],
    weights_NK: NDArray[np.float64] | None,
    softmax: bool,
) -> tuple[float, NDArray[np.float64]]:
    """Mean loss of an item and its gradient by logit times N."""
    n_items = len(logits_NK)
    residuals_NK: NDArray[np.float64]
    losses: NDArray[np.float64]
    if softmax:
        normaliser_N1 = logsumexp(logits_NK, axis=1, keepdims=True)
        residuals_NK = np.exp(logits_NK - normaliser_N1) - targets_NK
        losses = normaliser_N1 - (targets_NK * logits_NK).sum(axis=1, keepdims=True)
    else:
        residuals_NK = expit(logits_NK) - targets_NK
        losses = np.logaddexp(0.0, logits_NK) - targets_NK * logits_NK
    if weights_NK is None:
        return float(losses.sum()) / n_items, residuals_NK
    return float((weights_NK * losses).sum()) / n_items, weights_NK * residuals_NK
