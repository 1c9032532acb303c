"""The vectors of letters that have labels, from the stored vectors of tokens.

A letter's vector is that of the token that stands for it; where several do, as overlapping k-mers, their
mean. A letter that no token stands for, such as one beyond a truncated input, is in no part of a probe.

Shape letters: N items, M letters of a split, C letters of some items that a token stands for, R tokens,
H hidden width, B items that are read.
"""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from seqbench.core.missing import labelled
from seqbench.core.types import SplitName
from seqbench.errors import ProbeError
from seqbench.store import Embeddings, Ragged, TokenArray, TokenEmbeddings
from seqbench.store.tokens import offsets_of

READ_BYTES = 8 * 1024**2
"""Of tokens that are read at a time."""


class LetterVectors:
    """The letters of a split: which of them have a label and a vector, and these vectors."""

    def __init__(self, entry: TokenEmbeddings, split: SplitName) -> None:
        """Read labels and where tokens stand, no vectors.

        Raises:
            ProbeError: Items have several sequences, or other letters than tokens stand for.
            StoreError: Labels of letters are missing or damaged.
        """
        if entry.facts.n_seqs != 1:
            raise ProbeError(f"{entry.name}: labels of letters go with items of one sequence")
        letters = entry.letters(split)
        self._entry, self._split = entry, split
        self._tokens = entry.offsets(split)
        self._starts = letters.offsets
        self.has_spans = entry.has_spans(split)
        item_M = np.repeat(np.arange(len(letters)), letters.lengths)
        place_M = np.arange(letters.n_letters) - np.repeat(letters.offsets[:-1], letters.lengths)
        covered_M = self._covered(item_M, place_M)
        covered_M &= (entry.items(split).coverage_NS[:, 0] != 0)[item_M]
        self._covered_M = covered_M
        before = np.concatenate([[0], np.cumsum(covered_M, dtype=np.int64)])
        self.lengths_N: NDArray[np.int64] = np.diff(before[letters.offsets])
        """Letters of each item that a token stands for."""
        used_M = covered_M & labelled(letters.values)
        self.labels = letters.values[used_M]
        """Of letters that have a label and a vector, item by item, as in the file."""
        from seqbench.metrics.letters import LetterPlaces

        self.places = LetterPlaces(sequence_M=item_M[used_M], place_M=place_M[used_M])
        """Where these letters stand."""
        self.ranks = (before[:-1] - before[letters.offsets[:-1]][item_M])[used_M]
        """Their numbers among those of their item that a token stands for."""

    def __len__(self) -> int:
        return len(self.places)

    def _covered(self, item_M: NDArray[np.int64], place_M: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which letters a token stands for."""
        if not self.has_spans:
            lengths_N = np.diff(self._tokens)
            if (lengths_N > np.diff(self._starts)).any():
                raise ProbeError(f"{self._entry.name} {self._split}: there are more tokens than letters")
            return np.asarray(place_M < lengths_N[item_M])
        steps = np.zeros(len(item_M) + 1, dtype=np.int64)
        for first, last in self._groups(8):
            spans_R2 = self._spans(first, last)
            np.add.at(steps, spans_R2[:, 0], 1)
            np.add.at(steps, spans_R2[:, 1], -1)
        return np.asarray(np.cumsum(steps[:-1]) > 0)

    def _groups(self, token_bytes: int) -> Iterator[tuple[int, int]]:
        """First and behind the last of items that are read together."""
        part_N = self._tokens[:-1] * token_bytes // READ_BYTES
        cuts = [0, *(np.flatnonzero(np.diff(part_N)) + 1).tolist(), len(part_N)]
        yield from ((first, last) for first, last in itertools.pairwise(cuts) if last > first)

    def _spans(self, first: int, last: int) -> NDArray[np.int64]:
        """Of the tokens of some items, (R, 2): first letter and the one behind the last, of all M."""
        starts_R = np.repeat(self._starts[first:last], np.diff(self._tokens[first : last + 1]))
        spans_R2: NDArray[np.int64] = self._entry.spans(self._split, first, last).astype(np.int64)
        spans_R2 += starts_R[:, None]
        if len(spans_R2) and spans_R2.max() > self._starts[-1]:
            raise ProbeError(f"{self._entry.name} {self._split}: tokens stand for letters that are not there")
        return spans_R2

    def array(self, layer: int) -> "TokenArray | LetterArray":
        """One layer, an item's letters as its tokens."""
        array = self._entry.tokens(layer, self._split)
        return LetterArray(array, self) if self.has_spans else array

    def read(self, layer: int) -> NDArray[np.float32]:
        """The vectors of all letters that have a label, in their order, float32.

        Raises:
            StoreError: Tokens are missing or damaged.
        """
        array = self.array(layer)
        found = np.empty((len(self), array.hidden), dtype=np.float32)
        bounds = np.searchsorted(self.places.sequence_M, np.arange(len(self.lengths_N) + 1))
        for first, last in self._groups(4 * array.hidden):
            ragged = array.read(np.arange(first, last))
            rows = slice(int(bounds[first]), int(bounds[last]))
            own = ragged.offsets_Q[self.places.sequence_M[rows] - first] + self.ranks[rows]
            found[rows] = ragged.values_RH[own]
        return found

    def letters_of(self, ragged: Ragged, items_B: NDArray[np.int64]) -> Ragged:
        """From tokens of some items to the letters that they stand for, the mean of several; float32."""
        spans = [self._spans(item, item + 1) for item in items_B.tolist()]
        spans_R2 = np.concatenate([np.empty((0, 2), dtype=np.int64), *spans])
        # Letters counted through the items that were asked for, in their order.
        own = np.diff(self._starts)[items_B]
        shift_B = offsets_of(own)[:-1] - self._starts[items_B]
        shift_R = np.repeat(shift_B, np.array([len(each) for each in spans], dtype=np.int64))
        letters, values_CH = means_by_letter(ragged.values_RH, spans_R2 + shift_R[:, None])
        lengths_B = np.diff(np.searchsorted(letters, offsets_of(own)))
        return Ragged(values_RH=values_CH, offsets_Q=offsets_of(lengths_B), n_seqs=1)


def means_by_letter(
    values_RH: NDArray[np.floating], spans_R2: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The mean of the tokens that stand for each letter.

    Args:
        values_RH: Vectors of tokens.
        spans_R2: The first letter of each and the one behind its last.

    Returns:
        The letters that any token stands for, ascending, (C,), and their vectors (C, H), float32.
    """
    lengths_R = spans_R2[:, 1] - spans_R2[:, 0]
    token_P = np.repeat(np.arange(len(lengths_R)), lengths_R)
    within_P = np.arange(lengths_R.sum()) - np.repeat(np.cumsum(lengths_R) - lengths_R, lengths_R)
    letter_P = spans_R2[:, 0][token_P] + within_P
    order = np.argsort(letter_P, kind="stable")
    letters, starts, counts = np.unique(letter_P[order], return_index=True, return_counts=True)
    if not len(letters):
        return letters, np.zeros((0, values_RH.shape[1]), dtype=np.float32)
    sums_CH = np.add.reduceat(values_RH[token_P[order]].astype(np.float32), starts, axis=0)
    return letters, (sums_CH / counts[:, None]).astype(np.float32)


class LetterArray:
    """A layer whose tokens stand for other than one letter each, read as letters; as `TokenArray`."""

    n_seqs = 1
    stored = np.dtype(np.float32)

    def __init__(self, array: TokenArray, letters: LetterVectors) -> None:
        self._array, self._letters = array, letters
        self.hidden, self.where = array.hidden, array.where

    @property
    def lengths_NS(self) -> NDArray[np.int64]:
        """Letters of each item that a token stands for, (N, 1)."""
        return self._letters.lengths_N[:, None]

    def read(self, items_B: NDArray[np.int64], *, as_stored: bool = False) -> Ragged:
        """Read the letters of some items, each once; float32 whatever `as_stored` says, as means are."""
        return self._letters.letters_of(self._array.read(items_B, as_stored=as_stored), items_B)


_KNOWN: WeakKeyDictionary[Any, Mapping[SplitName, LetterVectors]] = WeakKeyDictionary()


def letter_vectors(entry: Embeddings) -> Mapping[SplitName, LetterVectors] | None:
    """The letters of each split of an entry whose labels are of letters; None of all others.

    Raises:
        ProbeError: As of `LetterVectors`.
        StoreError: As of `LetterVectors`.
    """
    if entry.facts.level != "token" or not isinstance(entry, TokenEmbeddings):
        return None
    if entry not in _KNOWN:
        _KNOWN[entry] = {split: LetterVectors(entry, split) for split in entry.splits}
    return _KNOWN[entry]
