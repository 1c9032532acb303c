"""What the shortcut controls are given of each item.

Shape letters: N items, S sequences an item, A letters, W k-mers, C classes, labels or targets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqbench.audit.identical import Digests
from seqbench.audit.letters import UNKNOWN, Text, encode, stretches_of, words
from seqbench.core.alphabets import KMER_LENGTHS, LETTERS, Alphabet, is_nucleic
from seqbench.core.progress import Advance
from seqbench.datasets.dataset import Dataset, Split

BINS: Final = 32
"""Quantile bins of a number, so that a linear head can follow any curve of it."""
_FOLDS: Final = 5

Features = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Counted:
    """Numbers of some items of a split."""

    length_NS: Features
    letters_NC: Features
    """Share of each letter in each sequence, (N, S * A)."""
    kmers_NC: Features
    """Share of each k-mer in each sequence, (N, S * W)."""
    gc_NS: Features
    written_NC: Features
    """Share of lower case, and of letters outside the alphabet, in each sequence, (N, 2 S)."""


def count(dataset: Dataset, split: Split, rows: NDArray[np.int64], advance: Advance) -> Counted:
    """Count letters and k-mers of some items.

    Args:
        dataset: Of the split.
        split: To be read once.
        rows: Ascending.
        advance: Told the letters read.

    Raises:
        DataError: The file was changed since it was indexed.
    """
    made = {name: np.zeros((0, 0), np.float32) for name in Counted.__slots__}
    filled = 0
    for start, stop in stretches_of(split):
        wanted = rows[np.searchsorted(rows, start) : np.searchsorted(rows, stop)] - start
        if len(wanted):
            found = split.sequences(start, stop)
            columns = zip(*(found[row] for row in wanted.tolist()), strict=True)
            counted = [_count(sequences, dataset.alphabet) for sequences in columns]
            # The sequences of an item side by side, in place: a second copy of all would be 20 MB and more.
            for name, parts in zip(Counted.__slots__, zip(*counted, strict=True), strict=True):
                if not filled:
                    made[name] = np.empty((len(rows), len(parts) * parts[0].shape[1]), dtype=np.float32)
                np.concatenate(parts, axis=1, out=made[name][filled : filled + len(wanted)])
            filled += len(wanted)
        advance(float(split.lengths[start:stop].sum()))
    return Counted(**made)


def binned(train_NS: Features, others: Sequence[Features]) -> list[Features]:
    """Columns as they are, their logarithm, and a column for each quantile bin of train.

    Returns:
        Of train and each of the others, (N, C).
    """
    made: list[list[Features]] = [[] for _ in (train_NS, *others)]
    for column in range(train_NS.shape[1]):
        edges = np.unique(np.quantile(train_NS[:, column], np.linspace(0, 1, BINS + 1)[1:-1]))
        for place, values_NS in enumerate((train_NS, *others)):
            values = values_NS[:, column]
            bins = np.searchsorted(edges, values, side="left")
            onehot = np.eye(len(edges) + 1, dtype=np.float32)[bins]
            made[place].append(np.column_stack([values, np.log1p(values), onehot]).astype(np.float32))
    return [np.hstack(parts) for parts in made]


def target_means(
    train_NS: Digests,
    targets_NC: NDArray[np.float64],
    rows: NDArray[np.int64],
    others: Sequence[Digests],
    seed: int,
) -> list[Features]:
    """For each sequence of an item, the mean targets of the items of train that hold it, and their number.

    Items of train are told of the others only: in five folds, each by the rest, for a mean that leaves out
    just the item itself gives its own target away. One item's worth of the overall mean is added throughout.

    Args:
        train_NS: Digests of all of train.
        targets_NC: Their targets, classes as columns of 0 and 1.
        rows: Items of train that are wanted.
        others: Digests of items outside train.
        seed: Of the folds.

    Returns:
        For these rows of train, and for each of the others, (N, S * (C + 1)).
    """
    fold_N = np.random.default_rng(seed).permutation(len(train_NS)) % _FOLDS
    inside = np.zeros((len(rows), train_NS.shape[1] * (targets_NC.shape[1] + 1)), dtype=np.float32)
    for fold in range(_FOLDS):
        mine = fold_N[rows] == fold
        rest = fold_N != fold
        inside[mine] = _means(train_NS[rest], targets_NC[rest], train_NS[rows[mine]])
    return [inside, *(_means(train_NS, targets_NC, other) for other in others)]


def _means(known_NS: Digests, targets_NC: NDArray[np.float64], wanted_NS: Digests) -> Features:
    names, place = np.unique(known_NS, return_inverse=True)
    place_NS = place.reshape(known_NS.shape)
    sums = np.zeros((len(names) + 1, targets_NC.shape[1]))
    counts = np.zeros(len(names) + 1)
    for column in place_NS.T:
        np.add.at(sums, column, targets_NC)
        counts += np.bincount(column, minlength=len(counts))
    overall = targets_NC.mean(axis=0)
    found = np.minimum(np.searchsorted(names, wanted_NS), len(names) - 1)
    found[names[found] != wanted_NS] = len(names)
    means = (sums[found] + overall) / (counts[found][..., None] + 1)
    with_counts = np.concatenate([means, np.log1p(counts[found])[..., None]], axis=2)
    return with_counts.reshape(len(wanted_NS), -1).astype(np.float32)


def _count(sequences: Sequence[str], alphabet: Alphabet) -> tuple[Features, ...]:
    """Length, letters, k-mers, GC, and lower case and unknown letters of one sequence of each item."""
    n_items = len(sequences)
    text = encode(sequences, alphabet)
    length_N1 = np.asarray([[len(sequence)] for sequence in sequences], dtype=np.float32)
    letters_NA = _bins(text.owner_P, text.codes_P.astype(np.int64), text.codes_P != UNKNOWN, n_items, 20)
    letters_NA = letters_NA[:, : len(LETTERS[alphabet])]
    lower = np.asarray(
        [[len(each) - sum(map(each.count, _CAPITALS & set(each)))] for each in sequences], dtype=np.float32
    )
    known_N1 = letters_NA.sum(axis=1, keepdims=True)
    share_NA: Features = letters_NA / np.maximum(known_N1, 1)
    return (
        length_N1,
        share_NA,
        _kmers(text, alphabet),
        share_NA[:, 1:2] + share_NA[:, 2:3],
        (np.hstack([lower, length_N1 - known_N1]) / length_N1).astype(np.float32),
    )


_CAPITALS: Final = set("ABCDEFGHIJKLMNOPQRSTUVWXYZ-.*")


def _kmers(text: Text, alphabet: Alphabet) -> Features:
    k = KMER_LENGTHS[alphabet]
    bits = 2 if is_nucleic(alphabet) else 5
    size = 1 << bits * k
    found = words(text, k, alphabet, canonical=False)
    everywhere = np.ones(len(found.words_W), dtype=bool)
    counts = _bins(found.owner_W, found.words_W.astype(np.int64), everywhere, text.n_sequences, size)
    if not is_nucleic(alphabet):
        digits = np.arange(size)[:, None] >> (bits * np.arange(k)) & 31
        counts = counts[:, (digits < 20).all(axis=1)]
    shares: Features = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return shares


def _bins(
    owner: NDArray[np.int32], value: NDArray[np.int64], chosen: NDArray[np.bool_], n_items: int, size: int
) -> Features:
    places = owner[chosen].astype(np.int64) * size + value[chosen]
    return np.bincount(places, minlength=n_items * size).reshape(n_items, size).astype(np.float32)
