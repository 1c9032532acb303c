"""Planted data sets about motifs: is one there, which of four are there, does a variant break it."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqbench.core.types import Task
from seqbench.datasets.planted.draws import PlantedDraws
from seqbench.datasets.planted.rules import FLIP_RATE, PlantedSplit, Rule, Sizes, believed, flip
from seqbench.datasets.planted.sequences import Codes, Motif, pick, plant

# Each is its own reverse complement, so that the strand does not matter, and turns up in about one random
# sequence in a hundred or fewer. They resemble the sites of AP-1, SRF, NF-kB and C/EBP.
MOTIFS: Final = (Motif("RTGASTCAY"), Motif("CCWWWWWWGG"), Motif("GGGRNNYCCC"), Motif("RTTRCGYAAY"))

SHARE: Final = 0.4
"""Share of items that hold each of the four motifs, independently."""

_RULE_ANSWER = f"the rule's answer, believed to {100 * (1 - FLIP_RATE):.0f} %"
_FLIPPED = f"{100 * FLIP_RATE:.0f} % of the labels, of each value, are flipped"


def _make_motif(draws: PlantedDraws, items: int, sizes: Sizes) -> PlantedSplit:
    truth = draws.classes(items, 2) == 1
    codes, _ = plant(draws, sizes.lengths(draws, items), MOTIFS[:1], truth[:, None])
    positive = believed(truth)
    return PlantedSplit(
        sequences=(codes,), labels=flip(draws, truth), best=np.stack([1 - positive, positive], axis=1)
    )


def _make_motifs4(draws: PlantedDraws, items: int, sizes: Sizes) -> PlantedSplit:
    truth = draws.uniform(items, len(MOTIFS)) < SHARE
    codes, _ = plant(draws, sizes.lengths(draws, items), MOTIFS, truth)
    labels = np.stack([flip(draws, column) for column in truth.T], axis=1)
    return PlantedSplit(sequences=(codes,), labels=labels, best=believed(truth))


def _make_variant(draws: PlantedDraws, items: int, sizes: Sizes) -> PlantedSplit:
    motif = MOTIFS[0]
    intact = np.ones((items, 2), dtype=np.bool_)
    reference, starts = plant(draws, sizes.lengths(draws, items), (motif, motif), intact)
    everywhere, nowhere = np.ones(items, dtype=np.bool_), np.zeros(items, dtype=np.bool_)
    # The second copy is spoilt already, so that losing the motif's k-mers does not tell the label.
    reference = _substitute(draws, reference, starts[:, 1], motif, breaks=everywhere, tolerated=nowhere)
    kind = draws.classes(items, 4)
    site = np.where(kind == 3, starts[:, 1], starts[:, 0])
    alternate = _substitute(draws, reference, site, motif, breaks=kind < 2, tolerated=kind == 2)
    truth = (motif.occurrences(reference) > 0) & (motif.occurrences(alternate) == 0)
    positive = believed(truth)
    return PlantedSplit(
        sequences=(reference, alternate),
        labels=flip(draws, truth),
        best=np.stack([1 - positive, positive], axis=1),
    )


def _substitute(
    draws: PlantedDraws,
    codes: Codes,
    site: NDArray[np.int64],
    motif: Motif,
    *,
    breaks: NDArray[np.bool_],
    tolerated: NDArray[np.bool_],
) -> Codes:
    """Exchange one letter in each sequence's site, by one the motif forbids, one it allows, or any other."""
    rows = np.arange(len(codes))
    present = np.take_along_axis(codes, site[:, None] + np.arange(len(motif)), axis=1)
    options = np.ones((len(codes), len(motif), 4), dtype=np.bool_)
    options[breaks] = ~motif.allowed[:, :4]
    options[tolerated] = motif.allowed[:, :4]
    options &= np.arange(4) != present[:, :, None]
    position = pick(draws, np.asarray(options.any(axis=2)))
    changed = codes.copy()
    changed[rows, site + position] = pick(draws, options[rows, position])
    return changed


RULES: Final = (
    Rule(
        name="planted_motif",
        task=Task.CLASSIFICATION,
        seq_keys=("seq",),
        words=f"1 if {MOTIFS[0].pattern} (IUPAC) occurs anywhere, else 0; the others hold its letters "
        f"shuffled, so that composition is the same; {_FLIPPED}",
        best=_RULE_ANSWER,
        make=_make_motif,
    ),
    Rule(
        name="planted_motifs4",
        task=Task.LABELS,
        seq_keys=("seq",),
        words="label i is 1 if motif i occurs anywhere "
        f"({', '.join(motif.pattern for motif in MOTIFS)}; each in {100 * SHARE:.0f} % of the items, "
        f"else with its letters shuffled); {_FLIPPED}",
        best=_RULE_ANSWER,
        make=_make_motifs4,
    ),
    Rule(
        name="planted_variant",
        task=Task.CLASSIFICATION,
        seq_keys=("seq1", "seq2"),
        words=f"seq1 holds {MOTIFS[0].pattern} once, and a copy with one letter wrong; seq2 is seq1 with one "
        "letter exchanged in either; 1 if that breaks the motif, 0 if it is a letter the motif allows there "
        f"or in the copy; {_FLIPPED}",
        best=_RULE_ANSWER,
        make=_make_variant,
    ),
)
