"""What a predicted response scores: a registry of metrics, each with its direction and how it is taken.

Every metric is taken of one perturbation in one context against real cells; controls are real ones always.

Shape letters: G genes, B cells, P perturbations of a context.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqbench.perturb.differential import GeneMoments, significant, welch_t
from seqbench.perturb.distances import Floats, discrimination, energy_distance

MOST_CELLS = 400
"""Cells of a side in what looks at single cells: drawn by seed, the same for every head."""
MOST_GENES = 50
"""Genes whose overlap is taken, at most a quarter of all."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Compared:
    """A predicted and the real response of one perturbation in one context."""

    predicted_G: Floats
    """Mean of predicted cells minus the controls' mean."""
    real_G: Floats
    """Mean of real cells minus the controls' mean."""
    weights_G: Floats
    """Of genes, told by train."""
    context_PG: Floats
    """Real effects of the split's perturbations in this context."""
    own: int
    """This one's place among them."""
    predicted_cells_BG: NDArray[np.float32]
    real_cells_BG: NDArray[np.float32]
    control: GeneMoments
    real: GeneMoments
    """Of all real cells, as `control` is of all controls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseMetric:
    """One way to score a response."""

    name: str
    higher_is_better: bool
    description: str
    compute: Callable[[Compared], float]
    """NaN where it is undefined."""


def pearson_delta(found: Compared) -> float:
    """Pearson's correlation over genes of predicted and real effect; NaN where one of them is constant."""
    if np.ptp(found.predicted_G) == 0 or np.ptp(found.real_G) == 0:
        return float("nan")
    return float(np.corrcoef(found.predicted_G, found.real_G)[0, 1])


def _mse(found: Compared) -> float:
    return float(np.mean((found.predicted_G - found.real_G) ** 2))


def _mae(found: Compared) -> float:
    return float(np.mean(np.abs(found.predicted_G - found.real_G)))


def _weighted_mse(found: Compared) -> float:
    return float(found.weights_G @ (found.predicted_G - found.real_G) ** 2)


def _weighted_r2(found: Compared) -> float:
    centre = found.weights_G @ found.real_G
    total = found.weights_G @ (found.real_G - centre) ** 2
    return float(1.0 - _weighted_mse(found) / total) if total > 0 else float("nan")


def _energy(found: Compared) -> float:
    return energy_distance(found.predicted_cells_BG, found.real_cells_BG)


def _overlap(found: Compared) -> float:
    n_genes = min(MOST_GENES, len(found.real_G) // 4)
    if n_genes == 0 or not found.predicted_G.any():
        return float("nan")
    real_t_G = np.abs(welch_t(found.real, found.control))
    predicted_t_G = np.abs(welch_t(GeneMoments.of(found.predicted_cells_BG), found.control))
    real = set(np.argsort(-real_t_G, kind="stable")[:n_genes].tolist())
    predicted = set(np.argsort(-predicted_t_G, kind="stable")[:n_genes].tolist())
    return len(real & predicted) / n_genes


def _direction(found: Compared) -> float:
    changed_G = significant(found.real, found.control)
    if not changed_G.any():
        return float("nan")
    return float(np.mean(np.sign(found.predicted_G[changed_G]) == np.sign(found.real_G[changed_G])))


def _discrimination(measure: str) -> Callable[[Compared], float]:
    def compute(found: Compared) -> float:
        return discrimination(found.predicted_G, found.context_PG, found.own, measure)  # type: ignore[arg-type]

    return compute


RESPONSE_METRICS: Mapping[str, ResponseMetric] = {
    metric.name: metric
    for metric in (
        ResponseMetric(
            name="pearson_delta", higher_is_better=True, compute=pearson_delta,
            description="Pearson's r over genes of predicted and real change from the controls",
        ),
        ResponseMetric(
            name="mse", higher_is_better=False, compute=_mse,
            description="mean over genes of the squared error of mean expression",
        ),
        ResponseMetric(
            name="mae", higher_is_better=False, compute=_mae,
            description="mean over genes of the absolute error of mean expression",
        ),
        ResponseMetric(
            name="weighted_mse", higher_is_better=False, compute=_weighted_mse,
            description="squared error, genes weighing as much as perturbations of train change them",
        ),
        ResponseMetric(
            name="weighted_r2", higher_is_better=True, compute=_weighted_r2,
            description="R² of the change over genes, weighted alike",
        ),
        ResponseMetric(
            name="discrimination_l1", higher_is_better=True, compute=_discrimination("l1"),
            description="place of the real effect among the split's real ones by L1 distance; .5 by chance",
        ),
        ResponseMetric(
            name="discrimination_l2", higher_is_better=True, compute=_discrimination("l2"),
            description="the same by L2 distance",
        ),
        ResponseMetric(
            name="discrimination_cosine", higher_is_better=True, compute=_discrimination("cosine"),
            description="the same by cosine distance",
        ),
        ResponseMetric(
            name="energy_distance", higher_is_better=False, compute=_energy,
            description=f"energy distance of predicted and real cells, at most {MOST_CELLS} of each",
        ),
        ResponseMetric(
            name="de_overlap", higher_is_better=True, compute=_overlap,
            description=f"share in common of the {MOST_GENES} genes of largest |t|, at most a quarter of all",
        ),
        ResponseMetric(
            name="direction", higher_is_better=True, compute=_direction,
            description="share of significantly changed genes whose predicted change has the right sign",
        ),
    )
}  # fmt: skip
"""In the order of tables; the first is the one that ranks."""


def score_pair(found: Compared) -> Floats:
    """All metrics of a pair, in the order of `RESPONSE_METRICS`; NaN where undefined."""
    return np.array([metric.compute(found) for metric in RESPONSE_METRICS.values()])
