"""Holding out a part of train where a data set has no eval split: stratified, by seed.

Shape letters: N items, K labels.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seqbench.core.types import Task
from seqbench.errors import ProbeError
from seqbench.stratification.shares import balanced_shares, with_every_class
from seqbench.stratification.strata import Labelling, strata_of


def holdout(
    targets: NDArray[np.generic],
    task: Task,
    seed: int,
    fraction: float = 0.1,
    *,
    groups_N: NDArray[np.int64] | None = None,
    together: Sequence[Labelling] = (),
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Choose which items of train stand in for eval.

    Classification: each class gives its share, rounded so that the total is right (largest remainders); a
    class of one item stays in train, and no class leaves it. Labels: from the rarest label to the most
    common, each gets its share of the items not yet decided (after Sechidis et al. 2011, on iterative
    stratification). Regression: at random.

    Args:
        targets: Targets of train, (N,) class indices, (N, K) 0/1, or (N, T) values; what is not known of an
            item is -1, of values NaN.
        task: What the targets are.
        seed: The same seed gives the same items.
        fraction: Share of the items to hold out.
        groups_N: Items of equal numbers are held out together, as near to the share as groups allow; None
            for items that stand alone.
        together: Where items have several targets, all of them: each is spread, and keeps its classes.

    Returns:
        Indices that stay in train, and indices that are held out; both sorted, int64, neither empty.

    Raises:
        ProbeError: There are too few items to hold any out.
    """
    n_items = len(targets)
    wanted = max(1, round(fraction * n_items))
    random = np.random.default_rng(seed)
    if n_items < 2:
        raise ProbeError(f"train has {n_items} items, too few to hold any out for eval; add an eval split")
    if groups_N is not None and len(np.unique(groups_N)) < n_items:
        return _by_group(together or [(targets, task)], groups_N, fraction, seed)
    if len(together) > 1:
        held_N = np.zeros(n_items, dtype=np.int64)
        held_N[_by_label(strata_of(together, random), wanted, random)] = 1
        return _divided(_with_classes(held_N, together, np.arange(n_items)) == 1)
    if task is Task.CLASSIFICATION:
        held = _by_class(targets, wanted, random)
    elif task is Task.LABELS:
        held = _by_label(strata_of([(targets, task)], random), wanted, random)
    else:
        held = random.permutation(n_items)[:wanted]
    if not 0 < len(held) < n_items:
        raise ProbeError(
            "no class of train has two items, so none can be held out for eval; add an eval split"
        )
    is_held = np.zeros(n_items, dtype=bool)
    is_held[held] = True
    return np.flatnonzero(~is_held).astype(np.int64), np.flatnonzero(is_held).astype(np.int64)


def _by_group(
    labellings: Sequence[Labelling], groups_N: NDArray[np.int64], fraction: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    part_N = balanced_shares(labellings, groups_N, (1 - fraction, fraction), seed)
    held_N = _with_classes(part_N, labellings, groups_N) == 1
    if not held_N.any() and labellings[0][1] is Task.CLASSIFICATION:
        held_N = _one_group(labellings[0][0], groups_N, seed)
    if not held_N.any() or held_N.all():
        n_groups = len(np.unique(groups_N))
        raise ProbeError(
            f"train has {n_groups} {'group' if n_groups == 1 else 'groups'} of items that stay together "
            "(group_key), so that none can be held out for eval; add an eval split"
        )
    return _divided(held_N)


def _divided(held_N: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if not held_N.any() or held_N.all():
        raise ProbeError(
            "no item of train can be held out for eval without losing a class; add an eval split"
        )
    return np.flatnonzero(~held_N).astype(np.int64), np.flatnonzero(held_N).astype(np.int64)


def _with_classes(
    part_N: NDArray[np.int64], labellings: Sequence[Labelling], groups_N: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Parts of which the first has every class of every target."""
    for targets, task in labellings:
        if task is Task.CLASSIFICATION:
            part_N = with_every_class(part_N, targets, groups_N)
    return part_N


def _one_group(classes: NDArray[np.generic], groups_N: NDArray[np.int64], seed: int) -> NDArray[np.bool_]:
    """The smallest group, by seed of equal ones, without which train still has every class; or nothing."""
    names, sizes = np.unique(groups_N, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(names))
    n_classes = len(np.unique(classes))
    for name in names[order[np.argsort(sizes[order], kind="stable")]]:
        if len(np.unique(classes[groups_N != name])) == n_classes:
            return np.asarray(groups_N == name)
    return np.zeros(len(groups_N), dtype=np.bool_)


def _by_class(classes: NDArray[np.generic], wanted: int, random: np.random.Generator) -> NDArray[np.int64]:
    _, group, counts = np.unique(classes, return_inverse=True, return_counts=True)
    share = wanted * counts / len(classes)
    quota = np.minimum(np.floor(share).astype(np.int64), counts - 1)
    for at in np.argsort(quota - share, kind="stable"):
        if quota.sum() >= wanted:
            break
        quota[at] += quota[at] < counts[at] - 1
    order = random.permutation(len(classes))
    chosen = [order[group[order] == at][:number] for at, number in enumerate(quota)]
    return np.concatenate(chosen)


def _by_label(labels_NK: NDArray[np.bool_], wanted: int, random: np.random.Generator) -> NDArray[np.int64]:
    n_items = len(labels_NK)
    order = random.permutation(n_items)
    undecided, held = np.ones(n_items, dtype=bool), np.zeros(n_items, dtype=bool)
    counts_K = labels_NK.sum(axis=0)
    for label in np.argsort(counts_K, kind="stable"):
        carriers = order[(labels_NK[:, label] & undecided)[order]]
        share = int(np.floor(wanted * counts_K[label] / n_items + 0.5))
        missing = share - int((labels_NK[:, label] & held).sum())
        held[carriers[: max(0, missing)]] = True
        undecided[carriers] = False
    rest = order[undecided[order]]
    held[rest[: max(0, wanted - int(held.sum()))]] = True
    if not held.any():
        held[order[0]] = True
    return np.flatnonzero(held)
