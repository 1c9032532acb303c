"""What items are told apart by where parts shall resemble the whole: classes, labels, tenths of values.

Shape letters: N items, K labels or targets, C strata.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seqbench.core.missing import MISSING, known
from seqbench.core.types import Task

BINS = 10
"""Quantile bins of a target: what regression is stratified by."""

Labelling = tuple[NDArray[np.generic], Task]
"""Targets of all items, and what they are: (N,) class indices, (N, K) of 0 and 1, or (N, K) values; what is
not known is -1, of values NaN."""


def strata_of(labellings: Sequence[Labelling], random: np.random.Generator) -> NDArray[np.bool_]:
    """Which strata each item is in, (N, C): of each labelling its classes, labels, or tenths of each target.

    What is not known is a stratum of its own, so that each part has its share of it.
    """
    return np.hstack([_columns(targets, task, random) for targets, task in labellings])


def quantile_bins(values_NK: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.int64]:
    """The tenth of each column that a value falls into, 0 to 9; equal values are ordered at random.

    Values that are not known (NaN) are in -1.
    """
    bins_NK = np.full(values_NK.shape, MISSING, dtype=np.int64)
    for column, values_N in enumerate(values_NK.T):
        rows_N = np.flatnonzero(~np.isnan(values_N))
        bins_NK[rows_N, column] = ranks(values_N[rows_N], random) * BINS // max(1, len(rows_N))
    return bins_NK


def ranks(values_N: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.int64]:
    """The place of each value among all, from 0; equal values are ordered at random."""
    order = random.permutation(len(values_N))
    ranks_N = np.empty(len(values_N), dtype=np.int64)
    ranks_N[order[np.argsort(values_N[order], kind="stable")]] = np.arange(len(values_N))
    return ranks_N


def _columns(targets: NDArray[np.generic], task: Task, random: np.random.Generator) -> NDArray[np.bool_]:
    if task is Task.CLASSIFICATION:
        columns_NC = np.equal(targets[:, None], np.arange(int(targets.max(initial=MISSING)) + 1))
        unknown_N = ~columns_NC.any(axis=1)
        return np.column_stack([columns_NC, unknown_N]) if unknown_N.any() else columns_NC
    if task is Task.LABELS:
        unknown_NK = ~known(targets)
        return np.hstack([targets == 1, unknown_NK[:, unknown_NK.any(axis=0)]])
    bins_NK = quantile_bins(targets.astype(np.float64), random)
    columns = [bins_NK[:, [target]] == np.arange(BINS) for target in range(bins_NK.shape[1])]
    unknown_NK = bins_NK == MISSING
    return np.hstack([*columns, unknown_NK[:, unknown_NK.any(axis=0)]])
