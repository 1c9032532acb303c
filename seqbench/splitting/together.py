"""Which items must stay together: copies, similar items, groups.

Shape letters: N items.
"""

import numpy as np
from numpy.typing import NDArray

from seqbench.audit.candidates import Pairs, candidates
from seqbench.audit.identical import fingerprint
from seqbench.audit.minhash import jaccard_at
from seqbench.audit.near import Signed, default_k, sign_items, verified
from seqbench.audit.nearest import nearest_in_train, short_items, short_pairs
from seqbench.audit.searched import SequenceSet
from seqbench.core.progress import Reporter
from seqbench.stratification.shares import Atoms


def merged(*labellings: NDArray[np.generic]) -> Atoms:
    """Items that are together in any of several labellings, and what these connect."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    n_items = len(labellings[0])
    nodes, start = [], n_items
    for labels in labellings:
        numbers = np.unique(labels, return_inverse=True)[1]
        nodes.append(numbers + start)
        start += int(numbers.max()) + 1
    items = np.tile(np.arange(n_items), len(nodes))
    ones = np.ones(len(items), dtype=bool)
    graph = coo_matrix((ones, (items, np.concatenate(nodes))), shape=(start, start))
    found = connected_components(graph, directed=False)[1][:n_items]
    return np.unique(found, return_inverse=True)[1].astype(np.int64)


def linked(n_items: int, one_C: NDArray[np.int64], other_C: NDArray[np.int64]) -> Atoms:
    """Connected components of pairs."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    graph = coo_matrix((np.ones(len(one_C), dtype=bool), (one_C, other_C)), shape=(n_items, n_items))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def joined_by(component: Atoms, one_C: NDArray[np.int64], other_C: NDArray[np.int64]) -> Atoms:
    """Components, numbered from 0, after pairs of items have joined some."""
    return linked(len(component), component[one_C], component[other_C])[component]


class Likeness:
    """Copies and near-duplicates among the items of all splits, found once and asked several times."""

    def __init__(self, dataset: SequenceSet, reporter: Reporter, *, near: bool) -> None:
        self._dataset = dataset
        splits = dataset.splits
        letters = sum(int(split.lengths.sum()) for split in splits.values())
        with reporter.task("compare", letters * (1 + near), "letters") as advance:
            prints = fingerprint(dataset, advance)
            either = {name: each.either_N for name, each in prints.items()}
            k = default_k(dataset)
            self._signed = sign_items(dataset, either, k, advance) if near else None
        either_N = np.concatenate(list(either.values()))
        unordered_N = np.concatenate([each.unordered_N for each in prints.values()])
        self.copies_N = merged(either_N, unordered_N)
        """Equal for items that are copies, on either strand and in any order of their sequences."""
        names, self._place_N = np.unique(either_N, return_inverse=True)
        self._n_different = len(names)

    @property
    def signed(self) -> Signed:
        """The signatures.

        Raises:
            TypeError: They were not asked for.
        """
        if self._signed is None:
            raise TypeError("signatures are made with near=True")
        return self._signed

    def clusters(self, identity: float, seed: int) -> Atoms:
        """Items linked by near-duplicates, single linkage; pairs of one cluster already are not aligned."""
        signed = self.signed
        n_signed = len(signed.row_N)
        component = np.arange(n_signed)
        refused = np.zeros(0, dtype=np.int64)
        for near_C in short_pairs(self._dataset, signed, None, identity):
            component = joined_by(component, near_C.one_C, near_C.other_C)
        if len(short_items(self._dataset, signed)) == n_signed:
            return self._of_items(component)
        for pairs in candidates(signed.signatures, jaccard_at(identity, signed.k), None, seed):
            keys = pairs.first_C * n_signed + pairs.second_C
            _, first = np.unique(keys, return_index=True)
            new = first[~np.isin(keys[first], refused)]
            new = new[component[pairs.first_C[new]] != component[pairs.second_C[new]]]
            if len(new):
                near_C = verified(self._dataset, signed, _take(pairs, new), identity)
                refused = np.concatenate([refused, keys[new]])
                component = joined_by(component, near_C.one_C, near_C.other_C)
        return self._of_items(component)

    def leaks(self, in_train_N: NDArray[np.bool_], identity: float, seed: int) -> Atoms | None:
        """Items linked by what an audit of such a split would find; None where it finds nothing."""
        signed = self.signed
        first = self._first_items()
        found = nearest_in_train(self._dataset, signed, in_train_N[first], identity, seed)
        if not len(found.one_C):
            return None
        return self._of_items(linked(len(signed.row_N), found.one_C, found.other_C))

    def _first_items(self) -> NDArray[np.int64]:
        """The item, of all files, that each signature is of."""
        sizes = [len(split) for split in self._dataset.splits.values()]
        before = np.concatenate([[0], np.cumsum(sizes)])
        return before[self.signed.split_N] + self.signed.row_N

    def _of_items(self, component: NDArray[np.int64]) -> Atoms:
        """From components of signatures to components of items."""
        by_place = np.empty(self._n_different, dtype=np.int64)
        by_place[self._place_N[self._first_items()]] = component
        return by_place[self._place_N]


def _take(pairs: Pairs, chosen: NDArray[np.int64]) -> Pairs:
    return Pairs(
        first_C=pairs.first_C[chosen], second_C=pairs.second_C[chosen], agree_C=pairs.agree_C[chosen]
    )
