"""Sharing out items, those that stay together as one, such that parts have their size and look alike.

Shape letters: N items, A atoms (what stays together), P parts, C strata.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqbench.core.types import Task
from seqbench.probe.folds import BINS, folds_of, quantile_bins
from seqbench.splitting.together import Atoms

MOST_FOLDS: Final = 100
"""Fractions are met by dealing out so many equal folds at most."""


def share_out(
    targets: NDArray[np.generic], task: Task, atoms_N: Atoms, shares: Sequence[float], seed: int
) -> NDArray[np.int64]:
    """Give each atom to one part.

    Where no two items stay together it is the stratification of `probe.folds`, in as many equal folds as the
    shares have a common measure of. Else atoms go, the largest first, to the part that lacks most of what
    they bring, as in scikit-learn's `StratifiedGroupKFold`, but for parts of any size: what an atom brings of
    each class, label or tenth of a target counts by how much of its share the part still lacks.

    Args:
        targets: (N,) class positions, (N, K) 0/1, or (N, K) values.
        task: What they are.
        atoms_N: Equal numbers stay together.
        shares: Of the items, a part; they add up to 1.
        seed: The same seed gives the same parts.

    Returns:
        The part of each item, (N,). A part may be empty where atoms are few.
    """
    if len(np.unique(atoms_N)) == len(atoms_N):
        counts = _whole_numbers(shares)
        part_of_fold = np.repeat(np.arange(len(shares)), counts)
        return part_of_fold[folds_of(targets, task, int(counts.sum()), seed)]
    random = np.random.default_rng(seed)
    strata_NC = _strata(targets, task, random)
    names, atom_N = np.unique(atoms_N, return_inverse=True)
    brought_AC = np.zeros((len(names), strata_NC.shape[1]))
    np.add.at(brought_AC, atom_N, strata_NC)
    return _greedy(brought_AC, np.asarray(shares), random)[atom_N]


def with_every_class(
    part_N: NDArray[np.int64], targets: NDArray[np.generic], atoms_N: Atoms
) -> NDArray[np.int64]:
    """Move atoms to part 0 until it has an item of every class: no head can learn one that train lacks."""
    mended_N = part_N.copy()
    for number in np.unique(targets):
        mine_N = targets == number
        if not (mended_N[mine_N] == 0).any():
            names, counts = np.unique(atoms_N[mine_N], return_counts=True)
            sizes = [int((atoms_N == name).sum()) for name in names]
            smallest = min(range(len(names)), key=lambda place: (sizes[place], counts[place]))
            mended_N[atoms_N == names[smallest]] = 0
    return mended_N


def _whole_numbers(shares: Sequence[float]) -> NDArray[np.int64]:
    """The smallest whole numbers in these proportions, or 100 in all, about so."""
    wanted = np.asarray(shares)
    for total in range(1, MOST_FOLDS + 1):
        counts = np.round(wanted * total)
        if np.allclose(counts, wanted * total, atol=1e-6):
            return counts.astype(np.int64)
    counts = np.maximum(np.round(wanted * MOST_FOLDS), wanted > 0)
    counts[0] += MOST_FOLDS - counts.sum()
    return counts.astype(np.int64)


def _strata(targets: NDArray[np.generic], task: Task, random: np.random.Generator) -> NDArray[np.float64]:
    """What an item counts as: 1 for itself, then 1 in each of its strata."""
    everyone = np.ones((len(targets), 1))
    if task is Task.CLASSIFICATION:
        return np.hstack([everyone, np.eye(int(targets.max()) + 1)[targets.astype(np.int64)]])
    if task is Task.LABELS:
        carried = targets != 0
        return np.hstack([everyone, carried, ~carried.any(axis=1, keepdims=True)])
    bins_NK = quantile_bins(targets.astype(np.float64), random)
    return np.hstack([everyone, *(np.eye(BINS)[column] for column in bins_NK.T)])


def _greedy(
    brought_AC: NDArray[np.float64], share_P: NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.int64]:
    order = random.permutation(len(brought_AC))
    order = order[np.argsort(-brought_AC[order, 0], kind="stable")]
    wanted_PC = share_P[:, None] * brought_AC.sum(axis=0)
    scale_PC = np.maximum(wanted_PC, 1e-9)
    lacking_PC = wanted_PC.copy()
    # An item as such weighs as much as all its strata together, so that sizes come out right.
    weight_C = np.ones(brought_AC.shape[1])
    weight_C[0] = max(1, brought_AC.shape[1] - 1)
    part_A = np.empty(len(brought_AC), dtype=np.int64)
    empty_P = share_P > 0
    for place, atom in enumerate(order.tolist()):
        brought_C = brought_AC[atom]
        open_P = _open(share_P > 0, empty_P, len(order) - place)
        gain_P = (weight_C * brought_C * lacking_PC / scale_PC).sum(axis=1)
        # A part that would be overfull comes only after those that have room.
        room_P = open_P & (lacking_PC[:, 0] >= brought_C[0])
        allowed_P = room_P if room_P.any() else open_P
        if not room_P.any():
            gain_P = (lacking_PC[:, 0] - brought_C[0]) / scale_PC[:, 0]
        part = int(np.argmax(np.where(allowed_P, gain_P, -np.inf)))
        part_A[atom] = part
        empty_P[part] = False
        lacking_PC[part] -= brought_C
    return part_A


def _open(wanted_P: NDArray[np.bool_], empty_P: NDArray[np.bool_], n_left: int) -> NDArray[np.bool_]:
    """All parts, or only those that are empty where the atoms that are left no more than fill these.

    Where they do not even do that, first and last come before what is between, for eval may be missing.
    """
    if n_left > empty_P.sum() or not empty_P.any():
        return wanted_P
    ends_P = empty_P.copy()
    ends_P[1:-1] = False
    return ends_P if n_left < empty_P.sum() and ends_P.any() else empty_P
