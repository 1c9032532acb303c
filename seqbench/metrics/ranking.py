"""Metrics of how well scores rank positives above negatives: ROC AUC and average precision.

Shape letters: R resamples, N items, P positives, G runs of equal scores that hold a positive.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seqbench.metrics.averages import Floats, ratio
from seqbench.metrics.weighting import Weights, count_type, items_at_once, running_sums

Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Items from the highest score to the lowest; sorted once, read by every resample."""

    order: Indices
    """(N,) item at each place; fewer where the label of some is not known."""
    positives: Indices
    """(P,) places of the positives."""
    ends: Indices | None
    """One past the last place of each run of equal scores; None where no two are equal."""
    first: Indices
    """(G,) first place of each run that holds a positive."""
    stop: Indices
    """(G,) one past its last place."""
    found: Indices
    """(G,) positives up to the end of the run."""


def rank(
    scores_N: Floats, positive_N: NDArray[np.bool_], known_N: NDArray[np.bool_] | None = None
) -> Ranking:
    """Sort items by falling score, those whose label is known."""
    order = np.argsort(-scores_N, kind="stable")
    if known_N is not None and not known_N.all():
        order = order[known_N[order]]
    positives = np.flatnonzero(positive_N[order])
    ends = run_ends(scores_N[order])
    if ends is None:
        found = np.arange(1, len(positives) + 1)
        return Ranking(
            order=order, positives=positives, ends=None, first=positives, stop=positives + 1, found=found
        )
    runs = np.unique(np.searchsorted(ends, positives, side="right"))
    stop = ends[runs]
    first = np.append(0, ends)[runs]
    found = np.searchsorted(positives, stop)
    return Ranking(order=order, positives=positives, ends=ends, first=first, stop=stop, found=found)


def run_ends(sorted_N: NDArray[np.generic]) -> Indices | None:
    """One past the last index of each run of equal values in a sorted array; None where all differ."""
    ends = np.flatnonzero(np.append(sorted_N[1:] != sorted_N[:-1], True)) + 1
    return None if len(ends) == len(sorted_N) else ends


def ranking_metrics(ranking: Ranking, weights_NR: Weights) -> tuple[Floats, Floats]:
    """ROC AUC and average precision, each (R,); NaN where a resample lacks positives or negatives.

    ROC AUC is the trapezoid area over distinct scores; average precision the sum over distinct scores of the
    step in recall times the precision there, both as in scikit-learn.
    """
    kind = count_type(weights_NR)
    n_columns = weights_NR.shape[1]
    chosen_R = true_R = np.zeros(n_columns, dtype=kind)
    misses_R, precision_R = np.zeros(n_columns), np.zeros(n_columns)
    for part in _parts(ranking, items_at_once(n_columns)):
        ordered = np.take(weights_NR, part.order, axis=0)
        positive = np.take(ordered, part.positives, axis=0)
        chosen = running_sums(ordered, chosen_R, kind)
        true = running_sums(positive, true_R, kind)
        chosen_R, true_R = chosen[-1], true[-1]
        chosen_GR = np.take(chosen, part.stop, axis=0)
        if part.ends is None:
            hits_GR, true_GR = positive.astype(np.float64), true[1:]
            false_twice_GR = 2.0 * (chosen_GR - true_GR)
        else:
            true_GR = np.take(true, part.found, axis=0)
            true_before_GR = np.vstack([true[:1], true_GR[:-1]])
            hits_GR = (true_GR - true_before_GR).astype(np.float64)
            false_before_GR = np.take(chosen, part.first, axis=0) - true_before_GR
            false_twice_GR = np.add(chosen_GR - true_GR, false_before_GR, dtype=np.float64)
        misses_R += np.einsum("gr,gr->r", hits_GR, false_twice_GR)
        # Leading scores of weight 0 have chosen nothing; their precision is multiplied by no hit.
        precision_GR = np.divide(true_GR, np.maximum(chosen_GR, 1), dtype=np.float64)
        precision_R += np.einsum("gr,gr->r", hits_GR, precision_GR)
    positives_R = true_R.astype(np.float64)
    pairs_R = positives_R * (chosen_R - positives_R)
    # A positive beats every negative but those above it, and half of those beside it.
    auc_R = ratio(2 * pairs_R - misses_R, 2 * pairs_R)
    return auc_R, np.where(pairs_R > 0, ratio(precision_R, positives_R), np.nan)


def _parts(ranking: Ranking, n_places: int) -> Iterator[Ranking]:
    """Cut a ranking into stretches of whole runs, with places from the start of each."""
    n_items = len(ranking.order)
    start = 0
    while start < n_items:
        stop = min(start + n_places, n_items)
        if ranking.ends is not None:
            stop = int(ranking.ends[np.searchsorted(ranking.ends, stop)])
        if (start, stop) == (0, n_items):
            yield ranking
            return
        lead, tail = np.searchsorted(ranking.positives, (start, stop))
        runs = slice(*np.searchsorted(ranking.first, (start, stop)))
        yield replace(
            ranking,
            order=ranking.order[start:stop],
            positives=ranking.positives[lead:tail] - start,
            first=ranking.first[runs] - start,
            stop=ranking.stop[runs] - start,
            found=ranking.found[runs] - lead,
        )
        start = stop
