"""Distances between sets of cells and between effects, on the CPU in float64.

Shape letters: N and M cells, G genes, P effects.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Measure = Literal["l1", "l2", "cosine"]
_ROUNDING = 1e-12
"""Distances that differ by less, relative to each other, are equal but for the order of their sums."""


def energy_distance(a_NG: NDArray[np.floating], b_MG: NDArray[np.floating]) -> float:
    """Energy distance of two sets of cells: 2 E|a - b| - E|a - a'| - E|b - b'|, norms being Euclidean.

    Székely & Rizzo 2013, as the V-statistic: averages run over all pairs, a cell with itself among them, so
    the value is at least 0 and 0 for equal sets.

    Args:
        a_NG: One set of cells.
        b_MG: The other.
    """
    both = np.concatenate([a_NG, b_MG]).astype(np.float64)
    both -= both.mean(axis=0)  # distances stay, and squares cancel less
    squares = np.einsum("ng,ng->n", both, both)
    gram = both @ both.T
    distances = np.sqrt(np.maximum(squares[:, None] + squares[None, :] - 2 * gram, 0.0))
    np.fill_diagonal(distances, 0.0)
    n = len(a_NG)
    between, within_a, within_b = distances[:n, n:], distances[:n, :n], distances[n:, n:]
    return float(2 * between.mean() - within_a.mean() - within_b.mean())


def effect_distances(effect_G: Floats, others_PG: Floats, measure: Measure) -> Floats:
    """Distance of one effect to each of others, (P,); a cosine with an effect of zero length is 1."""
    if measure == "l1":
        return np.asarray(np.abs(others_PG - effect_G).sum(axis=1))
    if measure == "l2":
        return np.asarray(np.sqrt(((others_PG - effect_G) ** 2).sum(axis=1)))
    lengths_P = np.sqrt((others_PG**2).sum(axis=1)) * np.sqrt((effect_G**2).sum())
    products_P = others_PG @ effect_G
    cosines_P: Floats = np.divide(products_P, lengths_P, out=np.zeros_like(products_P), where=lengths_P > 0)
    return 1.0 - cosines_P


def discrimination(effect_G: Floats, real_PG: Floats, own: int, measure: Measure) -> float:
    """How far up a prediction's own real effect stands among all real effects, nearest first: 1 best, 0 last.

    1 - rank / (P - 1), rank counting the others that are nearer, those as near by half; so a prediction
    that is the same for all scores .5 on average (the perturbation discrimination score of the Virtual Cell
    Challenge 2025 divides by P and breaks ties by order). NaN where there is no other effect.

    Args:
        effect_G: The predicted effect.
        real_PG: Real effects in the same context, its own among them.
        own: Its place in them.
        measure: Of distance.
    """
    if len(real_PG) < 2:
        return float("nan")
    distances_P = effect_distances(effect_G, real_PG, measure)
    alike_P = np.isclose(distances_P, distances_P[own], rtol=_ROUNDING, atol=0)
    nearer = int((distances_P[~alike_P] < distances_P[own]).sum())
    alike = int(alike_P.sum()) - 1
    return 1.0 - (nearer + alike / 2) / (len(real_PG) - 1)
