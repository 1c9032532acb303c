"""Items with the same sequences: copies within and across splits, on either strand, and their labels.

Shape letters: N items, S sequences an item, K labels or targets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seqbench.audit.letters import plain, stretches_of
from seqbench.audit.searched import SequenceSet
from seqbench.core.alphabets import is_nucleic, reverse_complement
from seqbench.core.missing import MISSING, known
from seqbench.core.progress import Advance
from seqbench.core.types import SplitName, Task
from seqbench.datasets.dataset import Dataset, Split

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


def fingerprint(dataset: SequenceSet, advance: Advance) -> dict[SplitName, Fingerprints]:
    """Hash every item, in capitals and with T for U.

    Kept are 8 bytes an item, 16 where there are two strands; of several sequences 16 + 8 S more.

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
    """Which items have an equal, in any split, whose label differs; of letters, that of any.

    Targets of a regression differ where they are more than `TOLERANCE` standard deviations of train apart.

    Args:
        dataset: With the labels.
        digests: Equal digests mean equal sequences.
    """
    names = list(dataset.splits)
    all_M = np.concatenate([digests[name] for name in names])
    # What has no label contradicts none.
    known_M = np.flatnonzero(np.concatenate([_has_label(dataset.splits[name]) for name in names]))
    order = known_M[np.argsort(all_M[known_M], kind="stable")]
    same = all_M[order[1:]] == all_M[order[:-1]]
    # Most items have no equal, and are not looked at.
    several = np.flatnonzero(np.append(same, False) | np.append(False, same))
    order, again = order[several], np.append(False, same)[several]
    conflict_M = np.zeros(len(all_M), dtype=bool)
    if len(order):
        starts = np.flatnonzero(~again)
        if dataset.level == "token":
            contradicts = _contradicting_letters(dataset, names, order, starts)
        else:
            contradicts = _contradicting(dataset, _labels_at(dataset, names, order), starts)
        conflict_M[order] = np.repeat(contradicts, np.diff(np.append(starts, len(order))))
    ends = np.cumsum([len(digests[name]) for name in names])[:-1]
    return dict(zip(names, np.split(conflict_M, ends), strict=True))


def _has_label(split: Split) -> NDArray[np.bool_]:
    return split.labelled if split.letters is None else split.letters.labelled_items()


def _contradicting_letters(
    dataset: Dataset, names: Sequence[SplitName], places: NDArray[np.int64], starts: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """The same of groups whose labels are of letters: whether any letter's differ that are both known."""
    ends = np.cumsum([len(dataset.splits[name]) for name in names])
    found = np.zeros(len(starts), dtype=np.bool_)
    for group, items in enumerate(np.split(places, starts[1:])):
        of_items = []
        for item in items.tolist():
            split = int(np.searchsorted(ends, item, side="right"))
            letters = dataset.splits[names[split]].letters
            assert letters is not None
            of_items.append(letters.item(item - (int(ends[split - 1]) if split else 0)))
        whole = of_items[0].copy()  # what is known of each letter, of the items so far
        for labels in of_items[1:]:
            both = known(whole) & known(labels)
            found[group] |= bool(_differ(dataset, whole, labels)[both].any())
            whole = np.where(known(whole), whole, labels)
    return found


def _differ(dataset: Dataset, one: NDArray[Any], other: NDArray[Any]) -> NDArray[np.bool_]:
    """Which labels of two sequences differ; same shape."""
    if dataset.task is not Task.REGRESSION:
        return np.asarray(one != other)
    sd_K = np.nanstd(dataset.splits["train"].index.known_labels, axis=0)
    return np.asarray(np.abs(one - other) > TOLERANCE * sd_K)


def _labels_at(dataset: Dataset, names: Sequence[SplitName], places: NDArray[np.int64]) -> NDArray[Any]:
    """The labels, (M, K), of items numbered through all splits."""
    parts = [dataset.splits[name].labels for name in names]
    ends = np.cumsum([len(part) for part in parts])
    found = np.empty((len(places), *parts[0].shape[1:]), dtype=parts[0].dtype)
    for part, end in zip(parts, ends.tolist(), strict=True):
        mine = (places >= end - len(part)) & (places < end)
        found[mine] = part[places[mine] - (end - len(part))]
    return found.reshape(len(places), -1)


def _contradicting(dataset: Dataset, labels_MK: NDArray[Any], starts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether labels of a group, which starts where it is told, differ; what is missing agrees with all."""
    if dataset.task is Task.REGRESSION:
        highest, lowest = np.fmax.reduceat(labels_MK, starts), np.fmin.reduceat(labels_MK, starts)
        sd_K = np.nanstd(dataset.splits["train"].index.known_labels, axis=0)
        differs = highest - lowest > TOLERANCE * sd_K
    else:
        above_MK = np.where(labels_MK == MISSING, 2, labels_MK) if dataset.task is Task.LABELS else labels_MK
        highest, lowest = np.maximum.reduceat(labels_MK, starts), np.minimum.reduceat(above_MK, starts)
        differs = highest > lowest
    found: NDArray[np.bool_] = differs.any(axis=1)
    return found


def _of_split(dataset: SequenceSet, name: SplitName, advance: Advance) -> Fingerprints:
    split, protein = dataset.splits[name], not is_nucleic(dataset.alphabet)
    n_items, n_seqs = len(split), dataset.n_seqs
    item_N = np.empty(n_items, np.uint64)
    # What is the same by nature is the same array.
    opposite_N = item_N if protein else np.empty(n_items, np.uint64)
    unordered_N, sequence_NS = item_N, item_N[:, None]
    if n_seqs > 1:
        unordered_N, sequence_NS = np.empty(n_items, np.uint64), np.empty((n_items, n_seqs), np.uint64)
    for start, stop in stretches_of(split):
        for row, found in enumerate(split.sequences(start, stop), start=start):
            sequences = [plain(sequence, dataset.alphabet) for sequence in found]
            item_N[row] = _digest(sequences)
            if not protein:
                opposite_N[row] = _digest([reverse_complement(each) for each in sequences])
            if n_seqs > 1:
                sequence_NS[row] = [_digest([sequence]) for sequence in sequences]
                unordered_N[row] = _digest(sorted(sequences))
        advance(float(split.lengths[start:stop].sum()))
    return Fingerprints(
        item_N=item_N, opposite_N=opposite_N, unordered_N=unordered_N, sequence_NS=sequence_NS
    )


def _digest(sequences: Sequence[str]) -> int:
    return int.from_bytes(blake2b("\n".join(sequences).encode(), digest_size=8).digest(), "big")
