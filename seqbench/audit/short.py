"""Near-duplicates of short sequences, of which none is missed.

Of a sequence cut into d + 1 pieces, d edits leave at least one whole; so near-duplicates are among those that
hold one of the pieces, at most a few letters from its place (Li, Deng & Feng 2011, Pass-Join, whose
multi-match-aware bounds these are). Signatures would miss many: of 23 letters 4 changes leave hardly a k-mer.

Of these three the first is an edit of one letter away from a query, the last is the other's opposite strand:

>>> search = ShortSearch(["ACGTACGTACGT", "TTTTTTTTTTTT", "GGGGGACCCCCA"], "dna", near=0.8, longest_query=12)
>>> for found in search.find(["ACGTACGACGT", "TGGGGGTCCCCC"]):
...     print(found.query_C, found.known_C, found.identity_C.round(3), found.opposite_C)
[0] [0] [0.917] [False]
[1] [2] [1.] [ True]

Shape letters: N sequences, L letters, C candidates.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqbench.audit.letters import encode, largest_k
from seqbench.core.alphabets import Alphabet, is_nucleic, reverse_complement

SHORT: Final = 64
"""Letters up to which sequences are searched like this: one word of RapidFuzz's bit-parallel distance. Longer
ones keep enough k-mers for signatures, and their pieces would be too many."""
_QUERIES: Final = 256
"""Sequences that are looked up together."""
_CHEAPER: Final = 600
"""Pairs that are compared outright in the time of looking up one piece."""
_DEARER: Final = 25
"""A candidate takes as long as so many of all pairs, which vector instructions compare at once."""
_BLOCK: Final = 1 << 15
"""Known sequences that are compared outright together: 8 MB of distances."""
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShortPairs:
    """Pairs of a query and a known sequence, by number, that are as near as asked."""

    query_C: NDArray[np.int64]
    known_C: NDArray[np.int64]
    identity_C: NDArray[np.float64]
    opposite_C: NDArray[np.bool_]
    """Nearer on opposite strands."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Piece:
    """One piece of all known sequences of a length."""

    start: int
    width: int
    words_N: NDArray[np.uint64]
    """Ascending."""
    order_N: NDArray[np.int64]
    """Place, among those of its length, of the sequence that each is of."""


_Range = tuple[_Piece, NDArray[np.int64], NDArray[np.int64]]
"""For each query where its word first stands in a piece's, and how often."""
_Near = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]
"""Pairs: query, known sequence, and identity or edits."""
_NONE: Final = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Length:
    """All known sequences of a length, by their pieces."""

    sequences: tuple[str, ...]
    numbers: NDArray[np.int64]
    """Of these among all known ones."""
    edits: int
    """That a pair with one of them may be apart, at most."""
    pieces: tuple[_Piece, ...]


class ShortSearch:
    """Finds the near-duplicates of sequences among known ones, on either strand of nucleotides."""

    def __init__(self, known: Sequence[str], alphabet: Alphabet, near: float, longest_query: int) -> None:
        """Cut the known sequences into pieces.

        Args:
            known: As `plain` writes them, of at most `SHORT` letters.
            alphabet: Of all sequences.
            near: Least identity, 1 - edit distance / letters of the longer.
            longest_query: Letters of the longest sequence that will be looked up.
        """
        self._alphabet: Alphabet = alphabet
        self._near = near
        self._lengths: dict[int, _Length] = {}
        for length, numbers in _by_length(known).items():
            # A partner may be longer, and more edits then make the same share.
            longest = max(length, min(longest_query, int(length / near + _ROUNDING)))
            edits = int((1 - near) * longest + _ROUNDING)
            mine = tuple(known[number] for number in numbers.tolist())
            pieces = tuple(_pieces(_codes(mine, alphabet), edits + 1, alphabet))
            self._lengths[length] = _Length(sequences=mine, numbers=numbers, edits=edits, pieces=pieces)

    def find(self, queries: Sequence[str]) -> Iterator[ShortPairs]:
        """Every pair of a query and a known sequence that is as near as asked, once.

        Args:
            queries: As `plain` writes them, of at most `longest_query` letters.
        """
        for numbers in _by_length(queries).values():
            for first in range(0, len(numbers), _QUERIES):
                mine = numbers[first : first + _QUERIES]
                part = [queries[number] for number in mine.tolist()]
                forward: _Near = self._near_ones(part)
                backward: _Near = (_NONE, _NONE, np.zeros(0))
                if is_nucleic(self._alphabet):
                    backward = self._near_ones([reverse_complement(query) for query in part])
                yield _better(forward, backward, mine)

    def _near_ones(self, queries: Sequence[str]) -> _Near:
        """Each near pair of these queries, which are of one length, and known sequences."""
        codes_NL, length = _codes(queries, self._alphabet), len(queries[0])
        parts = [(_NONE, _NONE, np.zeros(0))]
        for other, known in self._lengths.items():
            edits = int((1 - self._near) * max(length, other) + _ROUNDING)
            if abs(length - other) > edits:
                continue
            ranges = _ranges(codes_NL, known, length - other, self._alphabet)
            everything = len(queries) * len(known.sequences)
            if ranges is None or _DEARER * sum(int(counts.sum()) for _, _, counts in ranges) > everything:
                near = _outright(queries, known.sequences, edits)
            else:
                near = _among(queries, known.sequences, _candidates(ranges, len(known.sequences)), edits)
            for query_C, place_C, edits_C in near:
                parts.append((query_C, known.numbers[place_C], 1 - edits_C / max(length, other)))
        query_C, known_C, identity_C = (np.concatenate(each) for each in zip(*parts, strict=True))
        return query_C, known_C, identity_C


def _outright(queries: Sequence[str], known: Sequence[str], edits: int) -> Iterator[_Near]:
    """Compare all with all: query, known sequence, and edits of the pairs that are near."""
    for first in range(0, len(known), _BLOCK):
        edits_QC = _distances(queries, known[first : first + _BLOCK], edits)
        query_C, place_C = np.nonzero(edits_QC <= edits)
        yield query_C, first + place_C, edits_QC[query_C, place_C].astype(np.float64)


def _among(
    queries: Sequence[str], known: Sequence[str], candidates: NDArray[np.int64], edits: int
) -> Iterator[_Near]:
    """Compare candidates, as query times known sequences plus known sequence, ascending."""
    query_C, place_C = candidates // len(known), candidates % len(known)
    starts = np.flatnonzero(np.diff(query_C, prepend=-1))
    stops = np.append(starts, len(query_C))[1:]
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        places = place_C[start:stop]
        edits_C = _distances(
            [queries[int(query_C[start])]], [known[place] for place in places.tolist()], edits
        )[0]
        near = np.flatnonzero(edits_C <= edits)
        if len(near):
            yield query_C[start + near], places[near], edits_C[near].astype(np.float64)


def _distances(one: Sequence[str], other: Sequence[str], edits: int) -> NDArray[np.uint8]:
    from rapidfuzz.distance import Levenshtein
    from rapidfuzz.process import cdist

    found: NDArray[np.uint8] = cdist(
        one, other, scorer=Levenshtein.distance, score_cutoff=edits, dtype=np.uint8
    )
    return found


def _by_length(sequences: Sequence[str]) -> dict[int, NDArray[np.int64]]:
    """Numbers of the sequences of each length."""
    lengths_N = np.fromiter(map(len, sequences), np.int64, len(sequences))
    return {length: np.flatnonzero(lengths_N == length) for length in np.unique(lengths_N).tolist()}


def _codes(sequences: Sequence[str], alphabet: Alphabet) -> NDArray[np.uint8]:
    """(N, L), of sequences of one length."""
    return encode(sequences, alphabet).codes_P.reshape(len(sequences), -1)[:, :-1]


def _word(codes_NL: NDArray[np.uint8], alphabet: Alphabet) -> NDArray[np.uint64]:
    """A number for the first letters, as many as fit; unknown ones only add candidates."""
    bits, most = (2 if is_nucleic(alphabet) else 5), largest_k(alphabet)
    found = np.zeros(len(codes_NL), dtype=np.uint64)
    for column in codes_NL[:, :most].T:
        found = (found << np.uint64(bits)) | (column & np.uint8((1 << bits) - 1)).astype(np.uint64)
    return found


def _pieces(codes_NL: NDArray[np.uint8], count: int, alphabet: Alphabet) -> Iterator[_Piece]:
    """Cut sequences of one length into pieces as even as can be."""
    bounds = np.linspace(0, codes_NL.shape[1], count + 1).astype(int).tolist()
    for start, stop in pairwise(bounds):
        words_N = _word(codes_NL[:, start:stop], alphabet)
        order = np.argsort(words_N, kind="stable")
        yield _Piece(start=start, width=stop - start, words_N=words_N[order], order_N=order)


def _ranges(
    codes_NL: NDArray[np.uint8], known: _Length, longer: int, alphabet: Alphabet
) -> list[_Range] | None:
    """Which known sequences hold a piece in place; None where looking it up would take too long.

    Args:
        codes_NL: Of queries that are `longer` than the known ones.
        known: What is looked up.
        longer: In letters, negative where they are shorter.
        alphabet: Of all.
    """
    windows = []
    for number, piece in enumerate(known.pieces):
        # `number` edits can lie before the piece, and the rest behind it.
        behind = known.edits - number
        lowest = max(0, piece.start - number, piece.start + longer - behind)
        highest = min(codes_NL.shape[1] - piece.width, piece.start + number, piece.start + longer + behind)
        windows += [(piece, start) for start in range(lowest, highest + 1)]
    if len(codes_NL) * len(known.sequences) <= _CHEAPER * len(windows):
        return None
    found = []
    for piece, start in windows:
        words_N = _word(codes_NL[:, start : start + piece.width], alphabet)
        low_N = np.searchsorted(piece.words_N, words_N, side="left")
        found.append((piece, low_N, np.searchsorted(piece.words_N, words_N, side="right") - low_N))
    return found


def _candidates(ranges: Sequence[_Range], n_known: int) -> NDArray[np.int64]:
    """Each pair once, as query * `n_known` + known sequence, ascending."""
    pairs = [np.zeros(0, dtype=np.int64)]
    for piece, low_N, counts_N in ranges:
        query_C = np.repeat(np.arange(len(counts_N)), counts_N)
        before_C = np.repeat(np.cumsum(counts_N) - counts_N, counts_N)
        place_C = np.arange(len(query_C)) - before_C + np.repeat(low_N, counts_N)
        pairs.append(query_C * n_known + piece.order_N[place_C])
    return np.unique(np.concatenate(pairs))


def _better(forward: _Near, backward: _Near, numbers: NDArray[np.int64]) -> ShortPairs:
    """Each pair once, as it is nearer."""
    query_C, known_C, identity_C = (np.concatenate(both) for both in zip(forward, backward, strict=True))
    opposite_C = np.arange(len(query_C)) >= len(forward[0])
    order = np.lexsort((opposite_C, -identity_C, known_C, query_C))
    new = (np.diff(query_C[order], prepend=-1) != 0) | (np.diff(known_C[order], prepend=-1) != 0)
    kept = order[new]
    return ShortPairs(
        query_C=numbers[query_C[kept]],
        known_C=known_C[kept],
        identity_C=identity_C[kept],
        opposite_C=opposite_C[kept],
    )
