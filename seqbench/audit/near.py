"""What near-duplicates are found by: signatures of all different items, and edit distances of pairs.

Shape letters: N items (different ones, of all splits), S sequences an item, C pairs.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqbench.audit.candidates import Pairs
from seqbench.audit.identical import Digests
from seqbench.audit.letters import Words, encode, mixed, stretches_of, words
from seqbench.audit.minhash import Signatures, bins_for, sign
from seqbench.audit.scratch import Scratch
from seqbench.audit.searched import SequenceSet, SequenceSplit
from seqbench.audit.settings import SIGNATURE
from seqbench.audit.verify import LONGEST, Item, estimates, identities
from seqbench.core.alphabets import Alphabet, is_nucleic
from seqbench.core.progress import Advance
from seqbench.core.types import SplitName

ROOM: Final = 64
"""Words that there must be for each letter of a sequence: unrelated ones then share about 1 % of theirs."""
_BATCH: Final = 2048


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Signed:
    """The different items of a data set and their signatures."""

    split_N: NDArray[np.int8]
    """Position of the item's split in the data set's `splits`."""
    row_N: NDArray[np.int64]
    """Row of the item in its split."""
    signatures: Scratch
    """(N, H), in a file."""
    k: int

    def close(self) -> None:
        """Give the file's space back."""
        self.signatures.close()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NearPairs:
    """Near-duplicates, as positions in a `Signed`."""

    one_C: NDArray[np.int64]
    other_C: NDArray[np.int64]
    identity_C: NDArray[np.float64]
    opposite_C: NDArray[np.bool_]
    """Alike on opposite strands."""


def choose_k(typical_letters: int, alphabet: Alphabet) -> int:
    """The smallest k with `ROOM` words for each letter, so that few are shared by chance."""
    base, strands = (4, 2) if is_nucleic(alphabet) else (20, 1)
    k = 3
    while base**k < ROOM * strands * typical_letters and k < 12:
        k += 1
    return k


def default_k(dataset: SequenceSet) -> int:
    """What `choose_k` gives for sequences of the median length of all splits."""
    lengths = np.concatenate([split.lengths.ravel() for split in dataset.splits.values()])
    return choose_k(int(np.median(lengths)), dataset.alphabet)


def sign_items(
    dataset: SequenceSet, digests: Mapping[SplitName, Digests], k: int, advance: Advance
) -> Signed:
    """Sign the first of all items that are equal, splits in their order.

    9 bytes an item are kept, and 256 in a file, which the caller closes.

    Args:
        dataset: To be read once.
        digests: Equal digests mean equal items, whatever the strand.
        k: Letters of a k-mer.
        advance: Told the letters read.

    Raises:
        DataError: A file was changed since it was indexed, or the disk is full.
    """
    lengths = np.concatenate([split.lengths.ravel() for split in dataset.splits.values()])
    # Shorter sequences than most fill fewer bins; that makes them harder to find, not easier to mistake.
    bins = bins_for(int(np.quantile(lengths, 0.1)) - k + 1)
    everything = np.concatenate([digests[name] for name in dataset.splits])
    is_first = np.zeros(len(everything), dtype=bool)
    is_first[np.unique(everything, return_index=True)[1]] = True
    del everything
    signatures = Scratch(np.uint16, SIGNATURE)
    split_N, row_N, before = [], [], 0
    for number, split in enumerate(dataset.splits.values()):
        rows = np.flatnonzero(is_first[before : before + len(split)])
        before += len(split)
        split_N.append(np.full(len(rows), number, dtype=np.int8))
        row_N.append(rows)
        for part_NH in _sign_split(dataset, split, rows, k, bins, advance):
            signatures.add(part_NH)
    return Signed(split_N=np.concatenate(split_N), row_N=np.concatenate(row_N), signatures=signatures, k=k)


def verified(dataset: SequenceSet, signed: Signed, pairs: Pairs, near: float) -> NearPairs:
    """The pairs that are as near as `near`, by edit distance; above `LONGEST` letters by the signatures."""
    parts = []
    for start in range(0, len(pairs.first_C), _BATCH):
        part = slice(start, start + _BATCH)
        one, other = pairs.first_C[part], pairs.second_C[part]
        identity_C = estimates(pairs.agree_C[part], signed.k)
        opposite_C = np.zeros(len(one), dtype=bool)
        longest_C = np.maximum(longest_of(dataset, signed, one), longest_of(dataset, signed, other))
        short = np.flatnonzero(longest_C <= LONGEST)
        items = read_items(dataset, signed, np.concatenate([one[short], other[short]]))
        identity_C[short], opposite_C[short] = identities(
            [items[place] for place in one[short].tolist()],
            [items[place] for place in other[short].tolist()],
            dataset.alphabet,
            near,
        )
        kept = identity_C >= near
        parts.append((one[kept], other[kept], identity_C[kept], opposite_C[kept]))
    if not parts:
        return no_pairs()
    one_C, other_C, identity_C, opposite_C = (np.concatenate(each) for each in zip(*parts, strict=True))
    return NearPairs(one_C=one_C, other_C=other_C, identity_C=identity_C, opposite_C=opposite_C)


def _sign_split(
    dataset: SequenceSet, split: SequenceSplit, rows: NDArray[np.int64], k: int, bins: int, advance: Advance
) -> Iterator[Signatures]:
    for start, stop in stretches_of(split):
        wanted = rows[np.searchsorted(rows, start) : np.searchsorted(rows, stop)] - start
        found = split.sequences(start, stop)
        chosen = [found[row] for row in wanted.tolist()]
        if chosen:
            yield sign(_words_of(chosen, k, dataset.alphabet), len(chosen), bins)
        advance(float(split.lengths[start:stop].sum()))


def _words_of(items: list[Item], k: int, alphabet: Alphabet) -> Words:
    """The k-mers of items; those of the first, second … sequence are different words."""
    found = []
    for number, sequences in enumerate(zip(*items, strict=True)):
        text = encode(sequences, alphabet)
        these = words(text, k, alphabet, canonical=is_nucleic(alphabet))
        tagged = mixed(these.words_W, SIGNATURE + number) if number else these.words_W
        found.append(Words(words_W=tagged, owner_W=these.owner_W))
    return Words(
        words_W=np.concatenate([each.words_W for each in found]),
        owner_W=np.concatenate([each.owner_W for each in found]),
    )


def longest_of(dataset: SequenceSet, signed: Signed, places_C: NDArray[np.int64]) -> NDArray[np.int64]:
    """Letters of the longest sequence of some items."""
    longest_C = np.empty(len(places_C), dtype=np.int64)
    for number, split in enumerate(dataset.splits.values()):
        mine = signed.split_N[places_C] == number
        longest_C[mine] = split.lengths[signed.row_N[places_C[mine]]].max(axis=1)
    return longest_C


def read_items(dataset: SequenceSet, signed: Signed, places: NDArray[np.int64]) -> dict[int, Item]:
    """The sequences of some items; neighbours in a file are read together."""
    items: dict[int, Item] = {}
    splits = list(dataset.splits.values())
    wanted = np.unique(places)
    rows, numbers = signed.row_N[wanted], signed.split_N[wanted]
    # Equal items are left out, so neighbours here are mostly neighbours in the file.
    breaks = np.flatnonzero((np.diff(rows) != 1) | (np.diff(numbers) != 0)) + 1
    for run in np.split(np.arange(len(wanted)), breaks):
        if len(run):
            split = splits[numbers[run[0]]]
            found = split.sequences(int(rows[run[0]]), int(rows[run[-1]]) + 1)
            items |= dict(zip(wanted[run].tolist(), found, strict=True))
    return items


def no_pairs() -> NearPairs:
    """None at all."""
    none = np.zeros(0, dtype=np.int64)
    return NearPairs(one_C=none, other_C=none, identity_C=np.zeros(0), opposite_C=np.zeros(0, dtype=bool))
