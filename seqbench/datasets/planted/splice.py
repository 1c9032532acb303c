"""A planted data set like splice sites: what decides is where the consensus lies, not whether it occurs.

Shape letters: N items, T positions, W width of a site.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqbench.core.types import Task
from seqbench.datasets.planted.draws import PlantedDraws
from seqbench.datasets.planted.rules import PlantedSplit, Rule, Sizes
from seqbench.datasets.planted.sequences import Codes, put, random_codes

Weights = NDArray[np.float64]
"""(W, 4) probabilities of A, C, G, T at each position of a site."""

# After the textbook consensus MAG|GTRAGT and YYYYYYYYYYNCAG|G; the numbers are ours, rounded.
DONOR: Final[Weights] = np.array([
    [0.35, 0.35, 0.20, 0.10], [0.60, 0.15, 0.10, 0.15], [0.10, 0.05, 0.80, 0.05],
    [0, 0, 1, 0], [0, 0, 0, 1], [0.55, 0.05, 0.35, 0.05],
    [0.70, 0.10, 0.10, 0.10], [0.05, 0.05, 0.85, 0.05], [0.15, 0.15, 0.20, 0.50],
])  # fmt: skip
ACCEPTOR: Final[Weights] = np.array(
    [[0.10, 0.35, 0.10, 0.45]] * 10
    + [
        [0.25, 0.25, 0.25, 0.25],
        [0.05, 0.70, 0.05, 0.20],
        [1, 0, 0, 0],
        [0, 0, 1, 0],
        [0.25, 0.15, 0.50, 0.10],
    ]
)
DONOR_BEFORE: Final = 3
"""Letters of the donor site before the centre, so that GT starts at the centre."""
ACCEPTOR_BEFORE: Final = 14
"""Letters of the acceptor site before the centre, so that AG ends just before it."""

_BACKGROUND = 0.25


def decoy(site: Weights) -> Weights:
    """Keep the certain letters of a site (GT or AG); give every other position the mean of the others."""
    certain = site.max(axis=1, keepdims=True) == 1
    mean = site[~certain[:, 0]].mean(axis=0)
    return np.where(certain, site, mean)


def posterior(codes: Codes) -> NDArray[np.float64]:
    """The (N, 3) probabilities of donor, acceptor and neither, given how the sequences were made.

    Bayes' rule with equal priors; likelihoods are ratios to the background, and where the place of a site off
    the centre is unknown they are averaged over all places it can have.
    """
    centre = codes.shape[1] // 2
    donor, acceptor = _ratios(codes, DONOR), _ratios(codes, ACCEPTOR)
    left = donor[:, slice(*_left(centre))].mean(axis=1)
    right = acceptor[:, slice(*_right(centre, codes.shape[1]))].mean(axis=1)
    decoys = (
        _ratios(codes, decoy(DONOR))[:, centre - DONOR_BEFORE]
        + _ratios(codes, decoy(ACCEPTOR))[:, centre - ACCEPTOR_BEFORE]
    ) / 2
    likelihood = np.stack(
        [
            donor[:, centre - DONOR_BEFORE] * right,
            acceptor[:, centre - ACCEPTOR_BEFORE] * left,
            decoys * left * right,
        ],
        axis=1,
    )
    return np.asarray(likelihood / likelihood.sum(axis=1, keepdims=True))


def _make(draws: PlantedDraws, items: int, sizes: Sizes) -> PlantedSplit:
    length = sizes.one_length
    centre = length // 2
    classes = draws.classes(items, 3)
    codes = random_codes(draws, np.full(items, length), length)
    like_donor = draws.uniform(items) < 0.5
    for rows, weights, before in (
        (classes == 0, DONOR, DONOR_BEFORE),
        (classes == 1, ACCEPTOR, ACCEPTOR_BEFORE),
        ((classes == 2) & like_donor, decoy(DONOR), DONOR_BEFORE),
        ((classes == 2) & ~like_donor, decoy(ACCEPTOR), ACCEPTOR_BEFORE),
    ):
        _put_sampled(draws, codes, rows, weights, (centre - before, centre - before + 1))
    # Every sequence holds one site of either kind, so that k-mer counts do not tell donors from acceptors.
    _put_sampled(draws, codes, classes != 0, DONOR, _left(centre))
    _put_sampled(draws, codes, classes != 1, ACCEPTOR, _right(centre, length))
    return PlantedSplit(sequences=(codes,), labels=classes, best=posterior(codes))


def _left(centre: int) -> tuple[int, int]:
    """First and last-plus-one start of a donor site off the centre, clear of any site at it."""
    return 0, centre - ACCEPTOR_BEFORE - len(DONOR) + 1


def _right(centre: int, length: int) -> tuple[int, int]:
    """First and last-plus-one start of an acceptor site off the centre, clear of any site at it."""
    return centre + len(DONOR) - DONOR_BEFORE, length - len(ACCEPTOR) + 1


def _put_sampled(
    draws: PlantedDraws, codes: Codes, chosen: NDArray[np.bool_], weights: Weights, starts: tuple[int, int]
) -> None:
    """Write a site drawn from the weights into the chosen rows, its start equally likely in the range."""
    rows = np.flatnonzero(chosen)
    limits = np.cumsum(weights, axis=1)[:, :3]
    sites = (draws.uniform(len(rows), len(weights), 1) >= limits).sum(axis=2).astype(np.uint8)
    changed = codes[rows]
    put(changed, starts[0] + draws.integers(starts[1] - starts[0], len(rows)), sites)
    codes[rows] = changed


def _ratios(codes: Codes, weights: Weights) -> NDArray[np.float64]:
    """(N, T - W + 1): how much likelier each stretch is as a site than as background."""
    span = codes.shape[1] - len(weights) + 1
    ratios = np.ones((len(codes), span))
    for position, probabilities in enumerate(weights / _BACKGROUND):
        ratios *= probabilities[codes[:, position : position + span]]
    return ratios


RULE: Final = Rule(
    name="planted_splice",
    task=Task.CLASSIFICATION,
    seq_keys=("seq",),
    words="a site drawn from a position weight matrix lies at the centre: 0 a donor (MAG|GTRAGT), 1 an "
    "acceptor (Y10 NCAG|G), 2 neither (GT or AG with the site's letters in no order); each sequence also "
    "holds, off the centre, the donor (before) and the acceptor (after) that it does not have there",
    best="Bayes' rule with the matrices the sequences were drawn from, the places of the other sites unknown",
    make=_make,
)
