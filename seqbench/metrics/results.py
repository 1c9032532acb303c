"""From numbers with NaN to scores with None and a reason.

Shape letters: K outputs (classes, labels or targets).
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from seqbench.metrics.bootstrap import Interval
from seqbench.metrics.resamples import Resampling
from seqbench.metrics.scores import ClassScore, MetricScore

Scores = tuple[list[MetricScore], list[ClassScore]]
"""The scores of a split, and those by class, label or target."""

NO_INTERVAL = "no interval: undefined in over half of the resamples"
MOST_NAMED = 8
"""Outputs that a reason lists by index before it says how many more there are."""


def metric_scores(
    metrics: Sequence[str],
    intervals: Mapping[str, Interval],
    reasons: Mapping[str, str],
    resampling: Resampling,
) -> list[MetricScore]:
    """Scores in the order of `metrics`; a reason is given where there is one for the metric."""
    scores = []
    for metric in metrics:
        interval = intervals[metric]
        reason = reasons.get(metric)
        if reason is None and resampling.n_resamples > 0 and np.isnan(interval.low):
            reason = NO_INTERVAL
        scores.append(
            MetricScore(
                metric=metric,
                value=defined(interval.value),
                low=defined(interval.low),
                high=defined(interval.high),
                reason=reason,
            )
        )
    return scores


def defined(value: float) -> float | None:
    """None for NaN."""
    return None if np.isnan(value) else float(value)


def outputs(kind: str, chosen_K: NDArray[np.bool_]) -> str:
    """Name outputs by index: 'label 3', 'classes 0, 2'."""
    indices = [str(index) for index in np.flatnonzero(chosen_K)]
    plural = {"class": "classes", "label": "labels", "target": "targets"}[kind]
    named = ", ".join(indices[:MOST_NAMED])
    more = f" and {len(indices) - MOST_NAMED} more" if len(indices) > MOST_NAMED else ""
    return f"{kind if len(indices) == 1 else plural} {named}{more}"
