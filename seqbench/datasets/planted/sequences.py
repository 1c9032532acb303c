"""DNA as arrays of codes, for making and matching thousands of sequences at once.

Shape letters: N items, T positions (short sequences end in padding), W width of a motif, M sites an item.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from seqbench.datasets.planted.draws import PlantedDraws

Codes = NDArray[np.uint8]
"""(N, T) of 0 to 3 for A, C, G, T and 4 for padding."""

PAD = 4
_LETTERS = np.frombuffer(b"ACGT ", dtype=np.uint8)
_IUPAC = {
    "A": "A", "C": "C", "G": "G", "T": "T", "R": "AG", "Y": "CT", "S": "CG", "W": "AT",
    "K": "GT", "M": "AC", "B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG", "N": "ACGT",
}  # fmt: skip


def random_codes(draws: PlantedDraws, lengths: NDArray[np.int64], width: int) -> Codes:
    """Sequences of equally likely, independent letters, padded to (N, width)."""
    codes = draws.integers(4, len(lengths), width).astype(np.uint8)
    codes[np.arange(width) >= lengths[:, None]] = PAD
    return codes


def texts(codes: Codes) -> list[str]:
    """The letters of each sequence, without padding."""
    return [row.tobytes().decode("ascii").rstrip() for row in _LETTERS[codes]]


def put(codes: Codes, starts: NDArray[np.int64], sites: Codes) -> None:
    """Overwrite, in place, a stretch of each sequence from its start on with the (N, W) sites."""
    columns = starts[:, None] + np.arange(sites.shape[1])
    np.put_along_axis(codes, columns, sites, axis=1)


@dataclass(frozen=True)
class Motif:
    """A pattern in IUPAC codes, such as `RTGASTCAY`."""

    pattern: str

    def __len__(self) -> int:
        return len(self.pattern)

    @cached_property
    def allowed(self) -> NDArray[np.bool_]:
        """(W, 5): whether a code may stand at a position; padding never may."""
        return np.array([[letter in _IUPAC[code] for letter in "ACGT "] for code in self.pattern])

    def sample(self, draws: PlantedDraws, count: int) -> Codes:
        """(count, W) instances, the allowed letters of each position equally likely."""
        return pick(draws, np.broadcast_to(self.allowed[:, :4], (count, len(self), 4)))

    def occurrences(self, codes: Codes) -> NDArray[np.int64]:
        """(N,): at how many positions of each sequence the motif matches, on the strand as given."""
        span = codes.shape[1] - len(self) + 1
        matches = np.ones((len(codes), span), dtype=np.bool_)
        for position, allowed in enumerate(self.allowed):
            matches &= allowed[codes[:, position : position + span]]
        return np.asarray(matches.sum(axis=1, dtype=np.int64))


def pick(draws: PlantedDraws, allowed: NDArray[np.bool_]) -> Codes:
    """Choose one of the allowed codes along the last axis, each equally likely."""
    nth = draws.uniform(*allowed.shape[:-1]) * allowed.sum(axis=-1)
    chosen = np.argmax(np.cumsum(allowed, axis=-1) > nth[..., None], axis=-1)
    return np.asarray(chosen, dtype=np.uint8)


def plant(
    draws: PlantedDraws, lengths: NDArray[np.int64], motifs: tuple[Motif, ...], wanted: NDArray[np.bool_]
) -> tuple[Codes, NDArray[np.int64]]:
    """Make random sequences with one site for each motif: an instance where wanted, else one shuffled.

    Sites lie anywhere, in any order, without overlap. A sequence in which a motif occurs more or less often
    than wanted, by chance, is drawn again.

    Args:
        draws: Where the randomness comes from.
        lengths: (N,) letters of each sequence, at least the motifs' together.
        motifs: M motifs; one may stand there several times.
        wanted: (N, M).

    Returns:
        The codes (N, longest), and the (N, M) starts of the sites.
    """
    codes = np.full((len(lengths), int(lengths.max())), PAD, dtype=np.uint8)
    starts = np.zeros(wanted.shape, dtype=np.int64)
    rows = np.arange(len(lengths))
    while rows.size:
        new = random_codes(draws, lengths[rows], codes.shape[1])
        starts[rows] = _starts(draws, lengths[rows], np.array([len(motif) for motif in motifs]))
        for column, motif in enumerate(motifs):
            sites = motif.sample(draws, len(rows))
            shuffled = np.take_along_axis(sites, draws.orders(len(rows), len(motif)), axis=1)
            put(new, starts[rows, column], np.where(wanted[rows, column, None], sites, shuffled))
        codes[rows] = new
        rows = rows[~_as_wanted(new, motifs, wanted[rows])]
    return codes, starts


def _starts(draws: PlantedDraws, lengths: NDArray[np.int64], widths: NDArray[np.int64]) -> NDArray[np.int64]:
    """(N, M) starts of sites of the given widths, in random order without overlap."""
    order = draws.orders(len(lengths), len(widths))
    free = lengths - widths.sum()
    gaps = np.sort(draws.integers(free[:, None] + 1, len(lengths), len(widths)), axis=1)
    before = np.cumsum(widths[order], axis=1) - widths[order]
    starts = np.zeros_like(order)
    np.put_along_axis(starts, order, gaps + before, axis=1)
    return starts


def _as_wanted(codes: Codes, motifs: tuple[Motif, ...], wanted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    fine = np.ones(len(codes), dtype=np.bool_)
    for motif in set(motifs):
        columns = [column for column, other in enumerate(motifs) if other == motif]
        fine &= motif.occurrences(codes) == wanted[:, columns].sum(axis=1)
    return fine
