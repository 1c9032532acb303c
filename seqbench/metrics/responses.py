"""Scores of perturbation responses: means over perturbations of what each of them scored.

Here an item is a perturbation and a "prediction" is what it scored by each metric, in the order of
`METRICS[Task.PERTURBATION]`: `seqbench.perturb.scores` computes that from cells. So intervals resample
perturbations, and paired tests compare heads on the same ones.

Shape letters: R resamples, N perturbations, Q metrics.
"""

from collections.abc import Sequence

import numpy as np

from seqbench.core.types import Task
from seqbench.metrics.averages import Floats, ratio
from seqbench.metrics.bootstrap import bootstrap
from seqbench.metrics.names import METRICS
from seqbench.metrics.resamples import Resampling, item_resamples
from seqbench.metrics.results import Scores, Support, metric_scores
from seqbench.metrics.weighting import Weights, weighted_counts, weighted_sums

UNDEFINED = "undefined for every perturbation of the split"


def score_responses(values_LNQ: Sequence[Floats], resampling: Resampling) -> list[Scores]:
    """Average what perturbations scored, for each of several heads; see `scoring.score_many`.

    Args:
        values_LNQ: What each perturbation scored, NaN where a metric is undefined for it.
        resampling: Of perturbations.
    """
    n_items = len(values_LNQ[0])
    chunks = item_resamples(n_items, resampling.n_resamples, resampling.seed)
    evaluates = [_Means(values_NQ) for values_NQ in values_LNQ]
    found = bootstrap([each.all_metrics for each in evaluates], chunks, level=resampling.level)
    return [
        (
            metric_scores(
                METRICS[Task.PERTURBATION], intervals, each.reasons, resampling, Support(n_items=n_items)
            ),
            [],
        )
        for each, intervals in zip(evaluates, found, strict=True)
    ]


def of_responses(metric: str, values_NQ: Floats) -> "_Metric":
    """A metric as a function of how often each perturbation counts; see `on_items`."""
    return _Metric(values_NQ[:, METRICS[Task.PERTURBATION].index(metric)])


class _Metric:
    """Mean of one metric over the perturbations that have it."""

    def __init__(self, values_N: Floats) -> None:
        self._known_1N = np.isfinite(values_N)[None]
        self._values_1N = np.where(self._known_1N, values_N, 0.0)

    def __call__(self, weights_NR: Weights) -> Floats:
        counts_R = weighted_counts(self._known_1N, weights_NR)[0]
        return ratio(weighted_sums(self._values_1N, weights_NR)[0], counts_R)


class _Means:
    def __init__(self, values_NQ: Floats) -> None:
        names = METRICS[Task.PERTURBATION]
        self._metrics = {name: of_responses(name, values_NQ) for name in names}
        defined_Q = np.isfinite(values_NQ).any(axis=0)
        self.reasons = {
            name: UNDEFINED
            for name, is_there in zip(names, np.atleast_1d(defined_Q), strict=True)
            if not is_there
        }

    def all_metrics(self, weights_NR: Weights) -> dict[str, Floats]:
        return {name: metric(weights_NR) for name, metric in self._metrics.items()}
