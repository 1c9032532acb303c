"""Parts of train for few-shot probes and learning curves, drawn by seed, small ones inside larger ones.

Shape letters: N items, K labels or targets.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seqbench.core.types import Task
from seqbench.probe.spec import Subset
from seqbench.stratification.strata import Labelling, quantile_bins, strata_of


def subset_of(labellings: Sequence[Labelling], subset: Subset, seed: int) -> NDArray[np.int64]:
    """Draw a part of train.

    Few-shot: so many items of each class; of labels, item by item for whichever label lacks one, until each
    has so many carriers (items without any label count as one more label); of regression, so many items. A
    class or label with fewer gives all it has.

    A size: stratified by class, by the rarest label that an item carries, or by tenths of the targets' first
    principal component. The items of each stratum join in the order of (2 r + 1) / (2 n) for its r-th of n:
    Sainte-Laguë's apportionment, so each stratum has its share of every size to within rounding.

    Args:
        labellings: (N,) class indices, (N, K) 0/1, or (N, K) values; what is not known is -1, of values NaN.
            Of several that are trained together the classes, labels and tenths of all count as labels.
        subset: What is drawn.
        seed: With the subset's kind and repeat it fixes the order in which items join, so of two amounts the
            smaller draw is a part of the larger.

    Returns:
        Rows of the items, ascending.
    """
    random = np.random.default_rng((seed, subset.repeat))
    targets, task = labellings[0]
    if len(labellings) > 1:
        targets, task = strata_of(labellings, random).astype(np.int8), Task.LABELS
    if subset.kind == "few-shot":
        return np.flatnonzero(_shot_of_joining(targets, task, int(subset.amount), random) <= subset.amount)
    strata_N = _strata(targets, task, random)
    return np.sort(_sainte_lague(strata_N, random)[: n_items_of(subset, len(targets))])


def leaves_out(targets: NDArray[np.generic], task: Task, subset: Subset) -> bool:
    """Whether a draw is smaller than all; of labels, whether any label has more carriers than asked for."""
    if subset.kind == "size":
        return n_items_of(subset, len(targets)) < len(targets)
    if task is Task.REGRESSION:
        return subset.amount < len(targets)
    if task is Task.LABELS:
        return bool(_with_none(targets == 1).sum(axis=0).max() > subset.amount)
    return bool(np.unique(targets, return_counts=True)[1].max() > subset.amount)


def n_items_of(subset: Subset, n_items: int) -> int:
    """Items of a size: as many as it says, or its share of all, at least one."""
    if isinstance(subset.amount, float):
        return max(1, round(subset.amount * n_items))
    return subset.amount


def _shot_of_joining(
    targets: NDArray[np.generic], task: Task, most: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """From which number of shots on an item is drawn; above `most` where that does not matter."""
    n_items = len(targets)
    order = random.permutation(n_items)
    if task is Task.LABELS:
        return _label_rounds(_with_none(targets == 1), order, most)
    classes_N = targets if task is Task.CLASSIFICATION else np.zeros(n_items)
    shot_N = np.empty(n_items, dtype=np.int64)
    for value in np.unique(classes_N):
        members = order[classes_N[order] == value]
        shot_N[members] = np.arange(1, len(members) + 1)
    return shot_N


def _label_rounds(labels_NK: NDArray[np.bool_], order: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Add items, rarest label first, until each label has one carrier, then two, and so on.

    Growing one set is what makes the draws nested; drawing each amount by itself would not.
    """
    shot_N = np.full(len(labels_NK), most + 1, dtype=np.int64)
    count_K = np.zeros(labels_NK.shape[1], dtype=np.int64)
    by_rarity = np.argsort(labels_NK.sum(axis=0), kind="stable")
    waiting = [iter(order[labels_NK[order, label]].tolist()) for label in by_rarity]
    for shot in range(1, most + 1):
        for label, carriers in zip(by_rarity, waiting, strict=True):
            if count_K[label] < shot:
                item = next((item for item in carriers if shot_N[item] > most), None)
                if item is not None:
                    shot_N[item] = shot
                    count_K += labels_NK[item]
    return shot_N


def _with_none(labels_NK: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """One more label, which items without any carry."""
    return np.column_stack([labels_NK, ~labels_NK.any(axis=1)])


def _strata(targets: NDArray[np.generic], task: Task, random: np.random.Generator) -> NDArray[np.int64]:
    if task is Task.CLASSIFICATION:
        return targets.astype(np.int64)
    if task is Task.LABELS:
        labels_NK = _with_none(targets == 1)
        by_rarity = np.argsort(labels_NK.sum(axis=0), kind="stable")
        return np.asarray(labels_NK[:, by_rarity].argmax(axis=1), dtype=np.int64)
    values_NK = targets.astype(np.float64)
    deviations_NK = values_NK - np.nanmean(values_NK, axis=0)
    scaled_NK = deviations_NK / np.maximum(np.nanstd(deviations_NK, axis=0), np.finfo(np.float64).tiny)
    scaled_NK = np.nan_to_num(scaled_NK)  # what is not known counts as the mean
    first_K = np.linalg.eigh(scaled_NK.T @ scaled_NK)[1][:, -1:]
    return quantile_bins(scaled_NK @ first_K, random)[:, 0]


def _sainte_lague(strata_N: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    """Items in the order in which they join."""
    n_items = len(strata_N)
    order = random.permutation(n_items)
    _, stratum_N, counts = np.unique(strata_N[order], return_inverse=True, return_counts=True)
    by_stratum = np.argsort(stratum_N, kind="stable")
    starts = np.cumsum(counts) - counts
    rank_N = np.empty(n_items, dtype=np.int64)
    rank_N[by_stratum] = np.arange(n_items) - np.repeat(starts, counts)
    # Strata that are due at the same time come in any order, which `order` is within each.
    return order[np.lexsort((random.permutation(n_items), (2 * rank_N + 1) / counts[stratum_N]))]
