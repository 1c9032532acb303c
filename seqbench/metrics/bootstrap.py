"""Percentile bootstrap over items, as weights: how often each item was drawn.

Shape letters: R resamples, M items (or groups of equal items), N items.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqbench.metrics.averages import Floats

Evaluate = Callable[[Floats], Mapping[str, Floats]]
"""Takes weights (R, M), gives (R,) values a metric, NaN where undefined."""

CHUNK_CELLS = 1 << 16
"""Weights drawn at a time: half a MB, which stays in a core's cache (16 times this took twice as long).

At least one resample is drawn at a time, so memory is a few times 8 bytes × items where there are more items.
"""

WORK_CELLS = 500_000_000
"""Weights × rankings that are drawn at most."""

MIN_RESAMPLES = 100
"""Resamples drawn even where `WORK_CELLS` would allow fewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A value with its percentile interval; NaN where undefined."""

    value: float
    low: float
    high: float


def affordable_resamples(n_resamples: int, n_items: int, n_rankings: int) -> int:
    """How many resamples to draw: as asked, but at most `WORK_CELLS` / (items × columns to rank).

    So 1,000 for up to half a million items of a binary task; beyond, intervals are so narrow that fewer do.
    At least `MIN_RESAMPLES` are drawn whatever the size, if as many were asked for.
    """
    cap = max(MIN_RESAMPLES, WORK_CELLS // max(1, n_items * n_rankings))
    return min(n_resamples, cap)


def bootstrap(
    evaluate: Evaluate, counts_M: NDArray[np.integer], *, n_resamples: int, seed: int, level: float
) -> dict[str, Interval]:
    """Evaluate on the data and on resamples of it.

    Args:
        evaluate: The metrics, as a function of weights.
        counts_M: How many items each weight stands for: ones, or the sizes of groups of equal items.
        n_resamples: Resamples to draw; 0 gives no interval.
        seed: Of the random numbers; equal seeds give equal intervals.
        level: Share of resamples inside the interval, for example 0.95.

    Returns:
        An interval a metric. Resamples in which a metric is undefined are dropped; if that is more than half,
        or the value itself is undefined, there is no interval.
    """
    values = evaluate(counts_M[None].astype(np.float64))
    drawn = [evaluate(weights) for weights in resample_weights(counts_M, n_resamples, seed)]
    tails = (0.5 - level / 2, 0.5 + level / 2)
    intervals = {}
    for metric, value in values.items():
        resampled = np.concatenate([chunk[metric] for chunk in drawn]) if drawn else np.empty(0)
        defined = resampled[~np.isnan(resampled)]
        has_interval = not np.isnan(value[0]) and len(defined) > 0 and 2 * len(defined) >= n_resamples
        low, high = np.quantile(defined, tails) if has_interval else (np.nan, np.nan)
        intervals[metric] = Interval(value=float(value[0]), low=float(low), high=float(high))
    return intervals


def resample_weights(counts_M: NDArray[np.integer], n_resamples: int, seed: int) -> Iterator[Floats]:
    """Draw as many items as there are, with replacement, `n_resamples` times.

    Yields:
        Chunks (R, M), float64, of how often each item or group was drawn; a row sums to the number of items.
    """
    rng = np.random.default_rng(seed)
    n_groups = len(counts_M)
    n_items = int(counts_M.sum())
    rows = max(1, CHUNK_CELLS // n_groups)
    for start in range(0, n_resamples, rows):
        chunk = min(rows, n_resamples - start)
        if n_groups < n_items:
            drawn = rng.multinomial(n_items, counts_M / n_items, size=chunk)
        else:
            # Ten times as fast as a multinomial over items (measured at 100,000).
            picks = rng.integers(0, n_groups, size=(chunk, n_items))
            picks += np.arange(0, chunk * n_groups, n_groups)[:, None]
            drawn = np.bincount(picks.ravel(), minlength=chunk * n_groups).reshape(chunk, n_groups)
        yield drawn.astype(np.float64)
