"""Sums over weighted items, for many weightings at once.

Weights lie item by item, so that a row is one item in all resamples: choosing and reordering items moves
whole rows, and sums along items run over all resamples side by side. They are small integers, since most of
the time goes into moving them.

Shape letters: R resamples, N items, K outputs.
"""

from collections.abc import Iterator
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.metrics.averages import Floats

Weights = NDArray[np.integer]
"""(N, R): how often each item was drawn in each resample.

Bytes where items were drawn one by one, so that each column adds up to N; wider where whole clusters of them
were drawn (see `resamples.cluster_resamples`), so that columns add up to any number.
"""

SEGMENT_CELLS = 1 << 17
"""Weights worked on at a time, so that what is made of them stays in a core's cache."""

_FEW_COLUMNS = 8
"""Below so many resamples NumPy's own running sum is the faster one."""


def items_at_once(n_resamples: int) -> int:
    """How many items make about `SEGMENT_CELLS` weights."""
    return max(1, SEGMENT_CELLS // n_resamples)


def segments(n_items: int, n_resamples: int) -> Iterator[slice]:
    """Cut items into stretches of so many as are worked on at a time."""
    rows = items_at_once(n_resamples)
    yield from (slice(start, min(start + rows, n_items)) for start in range(0, n_items, rows))


def weighted_sums(values_KN: Floats, weights_NR: Weights) -> Floats:
    """Sum each output's values, every item as often as its weight says, (K, R).

    The same as `values @ weights`, but without BLAS: so few rows gain nothing from its threads, and where
    other processes have the cores they wait for each other (scoring 100,000 items then took 8 times as long).
    """
    sums_KR = np.zeros((len(values_KN), weights_NR.shape[1]))
    for part in segments(*weights_NR.shape):
        sums_KR += np.einsum("kn,nr->kr", values_KN[:, part], weights_NR[part].astype(np.float64))
    return sums_KR


def weighted_counts(chosen_KN: NDArray[np.bool_], weights_NR: Weights) -> Floats:
    """Count each output's chosen items, every item as often as its weight says, (K, R)."""
    kind = count_type(weights_NR)
    chosen_KN = chosen_KN.astype(kind)
    counts_KR = np.zeros((len(chosen_KN), weights_NR.shape[1]), dtype=kind)
    for part in segments(*weights_NR.shape):
        counts_KR += np.einsum("kn,nr->kr", chosen_KN[:, part], weights_NR[part].astype(kind))
    return counts_KR.astype(np.float64)


def known_weights(known_N: NDArray[np.bool_], weights_NR: Weights) -> Weights:
    """The weights, 0 for items of which something is not known; as they are where all is known."""
    return weights_NR if known_N.all() else weights_NR * known_N[:, None]


def totals(weights_NR: Weights) -> Floats:
    """How many items each resample has, (R,)."""
    if weights_NR.itemsize == 1:
        return np.full(weights_NR.shape[1], float(len(weights_NR)))
    return np.asarray(weights_NR.sum(axis=0, dtype=np.int64), dtype=np.float64)


def known_totals(known_KN: NDArray[np.bool_], weights_NR: Weights) -> Floats:
    """How many items with a known label each output has in each resample, (K, R)."""
    if known_KN.all():
        return np.tile(totals(weights_NR), (len(known_KN), 1))
    return weighted_counts(known_KN, weights_NR)


def count_type(weights_NR: Weights) -> type[np.integer[Any]]:
    """The smallest integer that holds the sum of a resample's weights."""
    return np.int16 if weights_NR.itemsize == 1 and len(weights_NR) < 1 << 15 else np.int32


def running_sums(
    weights_NR: Weights, before_R: NDArray[np.integer] | int, kind: type[np.integer[Any]]
) -> NDArray[np.integer]:
    """Sum up weights from the first item to the last.

    Args:
        weights_NR: Weights in the order to sum in.
        before_R: What the sums start from.
        kind: Integer type of the sums.

    Returns:
        Shape (N + 1, R); row i is the sum over the i items before item i.
    """
    n_items, n_columns = weights_NR.shape
    if n_columns < _FEW_COLUMNS or n_items < 2:
        sums = np.empty((n_items + 1, n_columns), dtype=kind)
        sums[0] = before_R
        sums[1:] = weights_NR
        return np.cumsum(sums, axis=0, dtype=kind, out=sums)
    # In about √N blocks of √N items: first inside all blocks side by side, then the blocks' totals. NumPy's
    # own sum along rows takes six times as long, since it goes column by column.
    width = isqrt(n_items)
    n_whole, n_rest = divmod(n_items, width)
    n_blocks = n_whole + (n_rest > 0)
    steps = np.zeros((width, n_blocks, n_columns), dtype=kind)
    whole = weights_NR[: n_whole * width].reshape(n_whole, width, n_columns)
    steps[:, :n_whole] = whole.transpose(1, 0, 2)
    steps[:n_rest, n_whole:] = weights_NR[n_whole * width :, None]
    for step in range(1, width):
        steps[step] += steps[step - 1]
    offsets = np.empty((n_blocks, n_columns), dtype=kind)
    offsets[0] = before_R
    for block in range(1, n_blocks):
        np.add(offsets[block - 1], steps[-1, block - 1], out=offsets[block])
    sums = np.empty((1 + n_blocks * width, n_columns), dtype=kind)
    sums[0] = before_R
    in_order = sums[1:].reshape(n_blocks, width, n_columns)
    np.add(steps.transpose(1, 0, 2), offsets[:, None], out=in_order)
    return sums[: n_items + 1]


def ordered_sums(weights_NR: Weights, order_N: NDArray[np.integer]) -> NDArray[np.integer]:
    """The running sums of all items in an order, (N + 1, R)."""
    kind = count_type(weights_NR)
    sums = np.zeros((len(order_N) + 1, weights_NR.shape[1]), dtype=kind)
    for part in segments(*weights_NR.shape):
        ordered = np.take(weights_NR, order_N[part], axis=0)
        sums[part.start : part.stop + 1] = running_sums(ordered, sums[part.start], kind)
    return sums
