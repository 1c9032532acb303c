"""From numbers with NaN to scores with None and a reason.

Shape letters: K outputs (classes, labels or targets).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from seqbench.core.types import Task
from seqbench.metrics.bootstrap import Interval
from seqbench.metrics.resamples import Resampling
from seqbench.metrics.scores import ClassScore, MetricScore
from seqbench.metrics.small_samples import (
    BY_CLASS,
    SAME,
    effective_items,
    few_reason,
    is_collapsed,
    least_items,
    needs_wilson,
    wilson,
)

Scores = tuple[list[MetricScore], list[ClassScore]]
"""The scores of a split, and those by class, label or target."""

NO_INTERVAL = "no interval: undefined in over half of the resamples"
MOST_NAMED = 8
"""Outputs that a reason lists by index before it says how many more there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """What the metrics of a split rest on."""

    n_items: int
    by_metric: Mapping[str, int] = field(default_factory=dict)
    """Items that a metric rests on where they are fewer than all."""
    shares: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Metrics that are shares of items: how many items count, and of how many."""


def support_of_clusters(
    task: Task, targets: NDArray[np.generic], n_outputs: int, clusters_S: NDArray[np.integer]
) -> Support:
    """What metrics rest on where items of a cluster are drawn together: clusters, as they are the evidence.

    Shares of items have no interval by Wilson then, as items are no independent trials.
    """
    by_metric = {metric: effective_items(task, targets, metric, n_outputs, clusters_S) for metric in BY_CLASS}
    return Support(n_items=len(clusters_S), by_metric=by_metric)


def metric_scores(
    metrics: Sequence[str],
    intervals: Mapping[str, Interval],
    reasons: Mapping[str, str],
    resampling: Resampling,
    support: Support,
) -> list[MetricScore]:
    """Scores in the order of `metrics`; a reason is given where there is one for the metric.

    Where the bootstrap's interval does not hold (see `small_samples`), a share has Wilson's, and any other
    metric none.
    """
    scores = []
    for metric in metrics:
        value, reason = defined(intervals[metric].value), reasons.get(metric)
        low, high, why = _ends(metric, intervals[metric], resampling, support)
        told = (reason or why) if value is None else "; ".join(filter(None, (reason, why)))
        scores.append(MetricScore(metric=metric, value=value, low=low, high=high, reason=told or None))
    return scores


_Ends = tuple[float | None, float | None, str | None]
"""An interval, or why there is none."""


def _ends(metric: str, found: Interval, resampling: Resampling, support: Support) -> _Ends:
    if resampling.n_resamples == 0:
        return None, None, None
    if np.isnan(found.value):
        return None, None, NO_INTERVAL
    share = support.shares.get(metric)
    if share is not None and share[1] > 0 and needs_wilson(*share):
        return *wilson(*share, resampling.level), None
    n_items = support.by_metric.get(metric, support.n_items)
    if n_items < least_items(resampling.level):
        return None, None, few_reason(n_items, support.n_items)
    if np.isnan(found.low):
        return None, None, NO_INTERVAL
    if is_collapsed(found.low, found.high):
        return None, None, SAME
    return found.low, found.high, None


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
