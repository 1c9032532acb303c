"""Which items a bootstrap draws, as weights: how often each was drawn.

The first column is the data itself, each item once: a score and its interval come from one evaluation.

Shape letters: R resamples (and the data before them), N items, M groups of equal items, S clusters of items
that are drawn together.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from seqbench.metrics.weighting import Weights, weighted_sums

CHUNK_CELLS = 1 << 22
"""Weights held at a time, of one byte each; what metrics make of them is up to ten times as large.

At least one resample is held at a time, so memory is a few times 8 bytes × items where there are more items.
"""

WORK_CELLS = 500_000_000
"""Weights × rankings that are drawn at most."""

MIN_RESAMPLES = 100
"""Resamples drawn even where `WORK_CELLS` would allow fewer."""

_KEPT_CELLS = 1 << 23
"""Weights up to which resamples are kept for the next split of as many items."""

_DRAWN_CELLS = 1 << 16
"""Random numbers drawn at a time: half a MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resampling:
    """What intervals are made from."""

    n_resamples: int
    """Resamples asked for; 0 gives no intervals."""
    seed: int
    """Of the random numbers; equal seeds give equal intervals."""
    level: float
    """Share of resamples inside the interval, for example 0.95."""
    clusters_S: NDArray[np.integer] | None = None
    """Items of each cluster, where items in a row are drawn together, as letters of one sequence are: they
    are no independent evidence. None: each item is drawn by itself."""

    def drawn(self, n_items: int, n_rankings: int) -> Iterable[Weights]:
        """Weights of the items, in as many resamples as can be afforded (see `affordable_resamples`)."""
        wanted = affordable_resamples(self.n_resamples, n_items, n_rankings)
        if self.clusters_S is None:
            return item_resamples(n_items, wanted, self.seed)
        return cluster_resamples(self.clusters_S, wanted, self.seed)

    def drawn_groups(self, group_N: NDArray[np.integer], sizes_M: NDArray[np.integer]) -> Iterable[Weights]:
        """Weights of groups of equal items, when all that counts is from which group an item is.

        Args:
            group_N: A number that tells each item's group; groups are in its order.
            sizes_M: Items in each group.
        """
        if self.clusters_S is None:
            return group_resamples(sizes_M, self.n_resamples, self.seed)
        return _groups_of_clusters(group_N, self.clusters_S, self.n_resamples, self.seed)


def affordable_resamples(n_resamples: int, n_items: int, n_rankings: int) -> int:
    """How many resamples to draw: as asked, but at most `WORK_CELLS` / (items × columns to rank).

    So 1,000 for up to half a million items of a binary task; beyond, intervals are so narrow that fewer do.
    At least `MIN_RESAMPLES` are drawn whatever the size, if as many were asked for.
    """
    cap = max(MIN_RESAMPLES, WORK_CELLS // max(1, n_items * n_rankings))
    return min(n_resamples, cap)


def item_resamples(n_items: int, n_resamples: int, seed: int) -> Iterable[Weights]:
    """Draw as many items as there are, with replacement, `n_resamples` times.

    Those of small splits are kept, since the probes of a data set all score the same number of items.

    Returns:
        Chunks (N, R), uint8, never to be written to; a column sums to the number of items. The first column
        of the first chunk is ones.
    """
    if n_items * (n_resamples + 1) <= _KEPT_CELLS:
        return _kept_resamples(n_items, n_resamples, seed)
    return _draw_items(n_items, n_resamples, seed)


@lru_cache(maxsize=4)
def _kept_resamples(n_items: int, n_resamples: int, seed: int) -> tuple[Weights, ...]:
    chunks = tuple(_draw_items(n_items, n_resamples, seed))
    for chunk in chunks:
        chunk.flags.writeable = False
    return chunks


def _draw_items(n_items: int, n_resamples: int, seed: int) -> Iterator[Weights]:
    rng = np.random.default_rng(seed)
    n_columns = max(1, CHUNK_CELLS // n_items)
    for start in range(0, n_resamples + 1, n_columns):
        weights_NR = np.empty((n_items, min(n_columns, n_resamples + 1 - start)), dtype=np.uint8)
        first = 1 if start == 0 else 0
        weights_NR[:, :first] = 1
        # No item is drawn more than 255 times: one in 300 items would be once in 10^500 resamples.
        weights_NR[:, first:] = _draw(rng, n_items, weights_NR.shape[1] - first).T
        yield weights_NR


def _draw(rng: np.random.Generator, n_items: int, n_resamples: int) -> NDArray[np.uint8]:
    """How often each item was drawn, (R, N)."""
    drawn_RN = np.empty((n_resamples, n_items), dtype=np.uint8)
    rows = max(1, _DRAWN_CELLS // n_items)
    for start in range(0, n_resamples, rows):
        stretch = drawn_RN[start : start + rows]
        # Ten times as fast as a multinomial over items (measured at 100,000).
        picks = rng.integers(0, n_items, size=stretch.shape)
        picks += np.arange(0, stretch.size, n_items)[:, None]
        stretch[:] = np.bincount(picks.ravel(), minlength=stretch.size).reshape(stretch.shape)
    return drawn_RN


def cluster_resamples(clusters_S: NDArray[np.integer], n_resamples: int, seed: int) -> Iterator[Weights]:
    """Draw as many clusters as there are, with replacement, all items of one together.

    Returns:
        Chunks (N, R), uint16, whose columns add up to what the drawn clusters hold.
    """
    n_columns = max(1, CHUNK_CELLS // max(1, int(clusters_S.sum())) // 2)
    for chunk_SR in item_resamples(len(clusters_S), n_resamples, seed):
        for start in range(0, chunk_SR.shape[1], n_columns):
            some_SR = chunk_SR[:, start : start + n_columns].astype(np.uint16)
            yield np.repeat(some_SR, clusters_S, axis=0)


def _groups_of_clusters(
    group_N: NDArray[np.integer], clusters_S: NDArray[np.integer], n_resamples: int, seed: int
) -> Iterator[Weights]:
    """How many items of each group are in the drawn clusters, (M, R)."""
    groups, place_N = np.unique(group_N, return_inverse=True)
    n_clusters = len(clusters_S)
    cell_N = place_N * n_clusters + np.repeat(np.arange(n_clusters), clusters_S)
    counts = np.bincount(cell_N, minlength=len(groups) * n_clusters)
    counts_MS = counts.reshape(len(groups), n_clusters).astype(np.float64)
    for chunk_SR in item_resamples(n_clusters, n_resamples, seed):
        yield weighted_sums(counts_MS, chunk_SR).astype(np.int64)


def group_resamples(sizes_M: NDArray[np.integer], n_resamples: int, seed: int) -> Iterable[Weights]:
    """Draw items of groups, as many as there are, when all that counts is from which group an item is.

    Args:
        sizes_M: Items in each group.
        n_resamples: Resamples.
        seed: Of the random numbers.

    Returns:
        Chunks (M, R) of how many items each group was drawn; the first column of the first is the sizes.
    """
    n_items = int(sizes_M.sum())
    if len(sizes_M) == n_items:
        return item_resamples(n_items, n_resamples, seed)
    return _draw_groups(sizes_M, n_items, n_resamples, seed)


def _draw_groups(
    sizes_M: NDArray[np.integer], n_items: int, n_resamples: int, seed: int
) -> Iterator[Weights]:
    rng = np.random.default_rng(seed)
    n_rows = max(1, CHUNK_CELLS // len(sizes_M) // 8)
    sizes_M1 = sizes_M.astype(np.int64)[:, None]
    for start in range(0, max(1, n_resamples), n_rows):
        count = min(n_rows, n_resamples - start)
        drawn_MR = rng.multinomial(n_items, sizes_M / n_items, size=count).T
        yield drawn_MR if start else np.hstack([sizes_M1, drawn_MR])
