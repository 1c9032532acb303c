"""Sharing out items, those that stay together as one, such that parts have their size and look alike.

Shape letters: N items, A atoms (what stays together), P parts, C strata.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqbench.core.missing import MISSING
from seqbench.core.types import Task
from seqbench.errors import ProbeError
from seqbench.stratification.folds import folds_of, folds_of_all
from seqbench.stratification.strata import Labelling, strata_of

Atoms = NDArray[np.int64]
"""(N,): equal numbers stay together."""

MOST_FOLDS: Final = 100
"""Fractions are met by dealing out so many equal folds at most."""


SWEEPS: Final = 20
"""How often all groups are looked at to make parts more even; mostly nothing moves after three."""

EQUAL: Final = 1e-9
"""Gains below are rounding."""


def share_out(
    targets: NDArray[np.generic], task: Task, atoms_N: Atoms, shares: Sequence[float], seed: int
) -> NDArray[np.int64]:
    """Give each atom to one part.

    Where no two items stay together it is the stratification of `folds`, in as many equal folds as the
    shares have a common measure of. Else atoms go, the largest first, to the part that lacks most of what
    they bring, as in scikit-learn's `StratifiedGroupKFold`, but for parts of any size: what an atom brings of
    each class, label or tenth of a target counts by how much of its share the part still lacks.

    Args:
        targets: (N,) class positions, (N, K) 0/1, or (N, K) values; what is not known is -1, of values NaN.
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
    strata_NC = _with_everyone(targets, task, random)
    names, atom_N = np.unique(atoms_N, return_inverse=True)
    brought_AC = np.zeros((len(names), strata_NC.shape[1]))
    np.add.at(brought_AC, atom_N, strata_NC)
    return _greedy(brought_AC, np.asarray(shares), random)[atom_N]


def grouped_folds(
    labellings: Sequence[Labelling], folds: int, seed: int, groups_N: Atoms | None
) -> NDArray[np.int64]:
    """Folds as `folds_of` makes them, items of one group in one fold.

    Args:
        labellings: What is spread: one target, or several, of which classes, labels and tenths are strata.
        folds: How many.
        seed: The same seed gives the same folds.
        groups_N: Equal numbers stay together; None for items that do not.

    Returns:
        The fold of each item, (N,), from 0. Folds are as equal as groups allow.

    Raises:
        ProbeError: There are fewer groups than folds.
    """
    if groups_N is None:
        return folds_of_all(labellings, folds, seed)
    n_groups = len(np.unique(groups_N))
    if n_groups < folds:
        raise ProbeError(
            f"train has {n_groups} {'group' if n_groups == 1 else 'groups'} of items that stay together "
            f"(group_key), too few for {folds} folds (set folds lower)"
        )
    if n_groups == len(groups_N):
        return folds_of_all(labellings, folds, seed)
    return balanced_shares(labellings, groups_N, [1 / folds] * folds, seed)


def balanced_shares(
    labellings: Sequence[Labelling], groups_N: Atoms, shares: Sequence[float], seed: int
) -> NDArray[np.int64]:
    """Give each group to one part, such that parts have their size and their share of each stratum.

    The largest group goes first, each to where parts come out most even; then, as long as that makes them
    more even, one after the other goes to another part. Evenness is Pearson's chi-square: the sum over parts
    and strata, all items being one of these, of (items - wanted)² / wanted.

    Args:
        labellings: What is spread: one target, or several.
        groups_N: Equal numbers stay together.
        shares: Of the items, a part; they add up to 1.
        seed: The same seed gives the same parts.

    Returns:
        The part of each item, (N,).
    """
    random = np.random.default_rng(seed)
    strata_NC = strata_of(labellings, random)
    items_NC = np.hstack([np.ones((len(groups_N), 1)), strata_NC])
    names, group_N = np.unique(groups_N, return_inverse=True)
    brought_AC = np.zeros((len(names), items_NC.shape[1]))
    np.add.at(brought_AC, group_N, items_NC)
    return _Parts(brought_AC, np.asarray(shares), random).settle()[group_N]


def with_every_class(
    part_N: NDArray[np.int64], targets: NDArray[np.generic], atoms_N: Atoms
) -> NDArray[np.int64]:
    """Move atoms to part 0 until it has an item of every class: no head can learn one that train lacks."""
    mended_N = part_N.copy()
    for number in np.unique(targets[targets != MISSING]):
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


def _with_everyone(
    targets: NDArray[np.generic], task: Task, random: np.random.Generator
) -> NDArray[np.float64]:
    """What an item counts as: 1 for itself, then 1 in each of its strata; no label at all is one as well."""
    strata_NC = strata_of([(targets, task)], random)
    everyone_N1 = np.ones((len(targets), 1))
    nothing_NC = ~strata_NC.any(axis=1, keepdims=True) if task is Task.LABELS else strata_NC[:, :0]
    return np.hstack([everyone_N1, strata_NC, nothing_NC])


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


class _Parts:
    """Parts that groups are given to, and what they hold of each stratum."""

    def __init__(
        self, brought_AC: NDArray[np.float64], share_P: NDArray[np.float64], random: np.random.Generator
    ) -> None:
        self._brought_AC, self._random = brought_AC, random
        self._wanted_PC = share_P[:, None] * brought_AC.sum(axis=0)
        self._weight_PC = 1 / np.maximum(self._wanted_PC, 1e-9)
        self._held_PC = np.zeros_like(self._wanted_PC)
        self._groups_P = np.zeros(len(share_P), dtype=np.int64)
        self._part_A = np.full(len(brought_AC), -1)
        self._is_wanted_P = share_P > 0

    def settle(self) -> NDArray[np.int64]:
        """The part of each group; none is empty where there are as many groups."""
        order = self._random.permutation(len(self._part_A))
        order = order[np.argsort(-self._brought_AC[order, 0], kind="stable")].tolist()
        for place, group in enumerate(order):
            empty_P = self._is_wanted_P & (self._groups_P == 0)
            open_P = _open(self._is_wanted_P, empty_P, len(order) - place)
            self._put(group, int(np.argmin(np.where(open_P, self._costs(group), np.inf))))
        for _ in range(SWEEPS):
            if not sum(map(self._move, self._random.permutation(len(order)).tolist())):
                break
        return self._part_A

    def _costs(self, group: int) -> NDArray[np.float64]:
        """By how much the sum grows where a part that does not have the group takes it, (P,)."""
        brought_C = self._brought_AC[group]
        over_PC = self._held_PC - self._wanted_PC
        return np.asarray((self._weight_PC * brought_C * (2 * over_PC + brought_C)).sum(axis=1))

    def _move(self, group: int) -> bool:
        """Take a group to the best part; whether it was not there before."""
        home = int(self._part_A[group])
        if self._groups_P[home] == 1:
            return False
        self._put(group, -1)
        costs_P = np.where(self._is_wanted_P, self._costs(group), np.inf)
        best = int(np.argmin(costs_P))
        is_better = bool(costs_P[best] < costs_P[home] - EQUAL)
        self._put(group, best if is_better else home)
        return is_better

    def _put(self, group: int, part: int) -> None:
        """Give a group to a part, or with -1 to none."""
        home = int(self._part_A[group])
        for place, sign in ((home, -1), (part, 1)):
            if place >= 0:
                self._held_PC[place] += sign * self._brought_AC[group]
                self._groups_P[place] += sign
        self._part_A[group] = part


def _open(wanted_P: NDArray[np.bool_], empty_P: NDArray[np.bool_], n_left: int) -> NDArray[np.bool_]:
    """All parts, or only those that are empty where the atoms that are left no more than fill these.

    Where they do not even do that, first and last come before what is between, for eval may be missing.
    """
    if n_left > empty_P.sum() or not empty_P.any():
        return wanted_P
    ends_P = empty_P.copy()
    ends_P[1:-1] = False
    return ends_P if n_left < empty_P.sum() and ends_P.any() else empty_P
