"""Percentile bootstrap: a metric on the data and on resamples of it, each computed by the same function.

Shape letters: R resamples (and the data before them), Q metrics.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqbench.metrics.averages import Floats
from seqbench.metrics.weighting import Weights

Evaluate = Callable[[Weights], Mapping[str, Floats]]
"""Takes weights (items, R), gives (R,) values a metric, NaN where undefined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A value with its percentile interval; NaN where undefined."""

    value: float
    low: float
    high: float


def bootstrap(
    evaluates: Sequence[Evaluate], chunks: Iterable[Weights], *, level: float
) -> list[dict[str, Interval]]:
    """Evaluate on the data and on resamples of it.

    Args:
        evaluates: The metrics of each set of predictions, as a function of weights; all see the same weights.
        chunks: Weights, the first column of the first being the data itself (see `resamples`).
        level: Share of resamples inside the interval, for example 0.95.

    Returns:
        For each of `evaluates` an interval a metric. Resamples in which a metric is undefined are dropped; if
        that is more than half, or the value itself is undefined, there is no interval.
    """
    drawn = [[evaluate(chunk) for evaluate in evaluates] for chunk in chunks]
    return [_intervals([found[place] for found in drawn], level) for place in range(len(evaluates))]


def interval(values_R: Floats, level: float) -> Interval:
    """The interval of values that are at hand, column 0 being the data; as of `bootstrap`."""
    return _intervals([{"value": values_R}], level)["value"]


def _intervals(chunks: Sequence[Mapping[str, Floats]], level: float) -> dict[str, Interval]:
    metrics = list(chunks[0])
    scores_QR = np.array([np.concatenate([chunk[metric] for chunk in chunks]) for metric in metrics])
    values_Q, ordered_QR = scores_QR[:, 0], np.sort(scores_QR[:, 1:], axis=1)
    n_defined_Q = np.sum(~np.isnan(ordered_QR), axis=1)
    has_interval_Q = ~np.isnan(values_Q) & (n_defined_Q > 0) & (2 * n_defined_Q >= ordered_QR.shape[1])
    tails = (0.5 - level / 2, 0.5 + level / 2)
    low_Q, high_Q = (_quantile(ordered_QR, n_defined_Q, has_interval_Q, share) for share in tails)
    columns = zip(metrics, values_Q.tolist(), low_Q.tolist(), high_Q.tolist(), strict=True)
    return {metric: Interval(value=value, low=low, high=high) for metric, value, low, high in columns}


def _quantile(
    ordered_QR: Floats, n_defined_Q: NDArray[np.intp], wanted_Q: NDArray[np.bool_], share: float
) -> Floats:
    """Quantiles of rising numbers with NaN behind them, between neighbours linearly as `numpy.quantile`.

    That takes three times as long, and knows NaN only row by row.
    """
    quantile_Q: Floats = np.full(len(ordered_QR), np.nan)
    rows = np.flatnonzero(wanted_Q)
    place = (n_defined_Q[rows] - 1) * share
    below = np.floor(place).astype(np.intp)
    lower = ordered_QR[rows, below]
    upper = ordered_QR[rows, np.minimum(below + 1, n_defined_Q[rows] - 1)]
    quantile_Q[rows] = lower + (upper - lower) * (place - below)
    return quantile_Q
