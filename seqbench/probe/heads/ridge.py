"""Ridge regression at many strengths from one eigendecomposition.

Hoerl & Kennard (1970): w = (X'X + a I)^-1 X'y, which is X' (X X' + a I)^-1 y, the form used when there are
more features than items.

Shape letters: N items, H features, T targets.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

_BLOCK = 1024


def ridge_path(
    features_NH: NDArray[np.float32], targets_NT: NDArray[np.float64], alphas: Sequence[float]
) -> Iterator[NDArray[np.float64]]:
    """Coefficients (H, T) for each alpha, in float64.

    Args:
        features_NH: Standardised features.
        targets_NT: Centred targets.
        alphas: scikit-learn's alpha: the penalty against a sum over items.
    """
    n_items, n_features = features_NH.shape
    if n_features <= n_items:
        gram_HH = _gram(features_NH)
        moments_HT = features_NH.T.astype(np.float64) @ targets_NT
        yield from _solutions(gram_HH, moments_HT, alphas)
    else:
        gram_NN = _gram(features_NH.T)
        for dual_NT in _solutions(gram_NN, targets_NT, alphas):
            yield features_NH.T.astype(np.float64) @ dual_NT


def _gram(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Transpose times matrix in float64, by blocks so that no float64 copy of the whole is made."""
    total = np.zeros((rows.shape[1], rows.shape[1]))
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK].astype(np.float64)
        total += block.T @ block
    return total


def _solutions(
    gram: NDArray[np.float64], right: NDArray[np.float64], alphas: Sequence[float]
) -> Iterator[NDArray[np.float64]]:
    values, vectors = eigh(gram, driver="evd", overwrite_a=True, check_finite=False)
    values = np.clip(values, 0.0, None)
    rotated = vectors.T @ right
    for alpha in alphas:
        yield vectors @ (rotated / (values + alpha)[:, None])
