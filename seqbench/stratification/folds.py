"""Folds of a cross-validation: every item in one of them, each fold like the whole, by seed.

Shape letters: N items, K labels or targets, C strata, F folds.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seqbench.core.types import Task
from seqbench.stratification.strata import Labelling, ranks, strata_of


def folds_of(targets: NDArray[np.generic], task: Task, folds: int, seed: int) -> NDArray[np.int64]:
    """Divide items into folds of equal size, up to one item, that resemble each other.

    Classification: the items of a class are dealt out one by one, so that no two folds differ by more than
    one item of it, as in scikit-learn's `StratifiedKFold`; a class of fewer items than folds is absent from
    some. Labels: iterative stratification, items of the rarest label first, after Sechidis, Tsoumakas and
    Vlahavas 2011 (On the stratification of multi-label data, ECML PKDD). Theirs gives an item to the fold
    that lacks most of that one label; here it is the fold with the fewest of all its labels that is not full,
    which keeps sizes equal, and 100 labels of 2,000 items within 2 of their share where theirs was off by 7.
    One target: items in the order of their values, each run of F neighbours dealt out to F folds. Several
    targets: iterative stratification of the tenths of each target.

    Args:
        targets: (N,) class indices, (N, K) 0/1, or (N, K) values; what is not known is -1, of values NaN, and
            is spread as a label is.
        task: What they are.
        folds: How many; with more than there are items some stay empty.
        seed: The same seed gives the same folds.

    Returns:
        The fold of each item, (N,), from 0.
    """
    random = np.random.default_rng(seed)
    if task is Task.CLASSIFICATION:
        return _deal(targets, folds, random)
    if task is Task.REGRESSION and targets.shape[1] == 1:
        return _deal(ranks(targets[:, 0].astype(np.float64), random) // folds, folds, random)
    return _iterative(strata_of([(targets, task)], random), folds, random)


def folds_of_all(labellings: Sequence[Labelling], folds: int, seed: int) -> NDArray[np.int64]:
    """Folds as of `folds_of`, in which each of several targets is spread.

    Of several, the classes, labels and tenths of all are strata of iterative stratification.
    """
    if len(labellings) == 1:
        return folds_of(*labellings[0], folds, seed)
    random = np.random.default_rng(seed)
    return _iterative(strata_of(labellings, random), folds, random)


def _deal(strata_N: NDArray[np.generic], folds: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Deal out the items of one stratum after the other; the next begins where the one before ended."""
    order = random.permutation(len(strata_N))
    order = order[np.argsort(strata_N[order], kind="stable")]
    fold_N = np.empty(len(strata_N), dtype=np.int64)
    fold_N[order] = random.permutation(folds)[np.arange(len(strata_N)) % folds]
    return fold_N


def _iterative(labels_NK: NDArray[np.bool_], folds: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Give one item after the other, those with the rarest label first, to the fold that needs it most."""
    n_items, n_labels = labels_NK.shape
    room = np.bincount(random.permutation(folds)[np.arange(n_items) % folds], minlength=folds).tolist()
    counts = [[0] * folds for _ in range(n_labels + 1)]  # the last one is a label that nobody has
    open_folds = random.permutation(np.flatnonzero(room)).tolist()
    fold_N = np.empty(n_items, dtype=np.int64)
    for item in _rarest_first(labels_NK, random).tolist():
        mine = [counts[label] for label in np.flatnonzero(labels_NK[item]).tolist()]
        there = [sum(each) for each in zip(*mine, counts[-1], strict=True)]
        fold = min(open_folds, key=lambda fold: (there[fold], -room[fold]))
        fold_N[item] = fold
        for count in mine:
            count[fold] += 1
        room[fold] -= 1
        if not room[fold]:
            open_folds.remove(fold)
    return fold_N


def _rarest_first(labels_NK: NDArray[np.bool_], random: np.random.Generator) -> NDArray[np.int64]:
    """Items by the rarest label that they carry, those without any last; equals in any order."""
    n_items, n_labels = labels_NK.shape
    by_rarity = np.argsort(labels_NK.sum(axis=0), kind="stable")
    rarest_N = np.where(labels_NK.any(axis=1), labels_NK[:, by_rarity].argmax(axis=1), n_labels)
    order = random.permutation(n_items)
    return order[np.argsort(rarest_N[order], kind="stable")]
