"""Items with the same sequences: copies within and across splits, on either strand, and their labels.

Shape letters: N items, S sequences an item, K labels or targets.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqbench.audit.letters import plain, reverse_complement, stretches_of
from seqbench.datasets.dataset import Dataset
from seqbench.progress import Advance
from seqbench.vocabulary import SplitName, Task

TOLERANCE: Final = 0.5
"""Equal sequences contradict each other from targets so many standard deviations (of train) apart: half of
one is above the noise of most replicated assays."""

Digests = NDArray[np.uint64]
"""64 bits of a hash: among a million items two share one with a chance of 3e-8."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fingerprints:
    """Digests of a split's items."""

    item_N: Digests
    """Of all sequences, in order."""
    opposite_N: Digests
    """Of their reverse complements, in order; of proteins the same as `item_N`."""
    unordered_N: Digests
    """Of the sequences whatever their order; of items of one sequence the same as `item_N`."""
    sequence_NS: Digests
    """Of each sequence."""

    @property
    def either_N(self) -> Digests:
        """The same for an item and its reverse complement."""
        return np.minimum(self.item_N, self.opposite_N)


def fingerprint(dataset: Dataset, advance: Advance) -> dict[SplitName, Fingerprints]:
    """Hash every item, in capitals and with T for U; 8 (3 + S) bytes an item are kept.

    Args:
        dataset: To be read once.
        advance: Told the letters read.

    Raises:
        DataError: A file was changed since it was indexed.
    """
    return {name: _of_split(dataset, name, advance) for name in dataset.splits}


def partners(digests_N: Digests, among_M: Digests) -> NDArray[np.int64]:
    """For each digest the first place where it stands in `among_M`, or -1; shape (N,)."""
    known, first = np.unique(among_M, return_index=True)
    place_N = np.minimum(np.searchsorted(known, digests_N), len(known) - 1)
    return np.where(known[place_N] == digests_N, first[place_N], -1)


def repeats(digests_N: Digests) -> NDArray[np.bool_]:
    """Which items stood there before."""
    first = np.unique(digests_N, return_index=True)[1]
    again_N = np.ones(len(digests_N), dtype=bool)
    again_N[first] = False
    return again_N


def conflicting(dataset: Dataset, digests: Mapping[SplitName, Digests]) -> dict[SplitName, NDArray[np.bool_]]:
    """Which items have an equal, in any split, whose label differs.

    Targets of a regression differ where they are more than `TOLERANCE` standard deviations of train apart.

    Args:
        dataset: With the labels.
        digests: Equal digests mean equal sequences.
    """
    names = list(dataset.splits)
    all_M = np.concatenate([digests[name] for name in names])
    labels_MK = np.concatenate(
        [dataset.splits[name].labels.reshape(len(digests[name]), -1) for name in names]
    ).astype(np.float64)
    apart: NDArray[np.float64] = np.zeros(labels_MK.shape[1])
    if dataset.task is Task.REGRESSION:
        apart = TOLERANCE * np.asarray(dataset.splits["train"].labels, np.float64).std(axis=0)
    order = np.argsort(all_M, kind="stable")
    starts = np.flatnonzero(np.diff(all_M[order], prepend=~all_M[order[:1]]))
    ordered_MK = labels_MK[order]
    span = np.maximum.reduceat(ordered_MK, starts) - np.minimum.reduceat(ordered_MK, starts)
    sizes = np.diff(np.append(starts, len(order)))
    conflict_M = np.empty(len(order), dtype=bool)
    conflict_M[order] = np.repeat((span > apart).any(axis=1), sizes)
    ends = np.cumsum([len(digests[name]) for name in names])[:-1]
    return dict(zip(names, np.split(conflict_M, ends), strict=True))


def _of_split(dataset: Dataset, name: SplitName, advance: Advance) -> Fingerprints:
    split, protein = dataset.splits[name], dataset.alphabet == "protein"
    n_items, n_seqs = len(split), dataset.n_seqs
    item_N, opposite_N, unordered_N = (np.empty(n_items, np.uint64) for _ in range(3))
    sequence_NS = np.empty((n_items, n_seqs), np.uint64)
    for start, stop in stretches_of(split):
        for row, found in enumerate(split.sequences(start, stop), start=start):
            sequences = [plain(sequence, dataset.alphabet) for sequence in found]
            sequence_NS[row] = [_digest(sequence) for sequence in sequences]
            item_N[row] = sequence_NS[row, 0] if n_seqs == 1 else _digest(*sequences)
            opposite_N[row] = (
                item_N[row] if protein else _digest(*(reverse_complement(each) for each in sequences))
            )
            unordered_N[row] = item_N[row] if n_seqs == 1 else _digest(*sorted(sequences))
        advance(float(split.lengths[start:stop].sum()))
    return Fingerprints(
        item_N=item_N, opposite_N=opposite_N, unordered_N=unordered_N, sequence_NS=sequence_NS
    )


def _digest(*sequences: str) -> int:
    return int.from_bytes(blake2b("\n".join(sequences).encode(), digest_size=8).digest(), "big")
