"""A planted data set about composition, which k-mer counts can tell: GC fraction and CpG ratio."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqbench.core.types import Task
from seqbench.datasets.planted.draws import PlantedDraws
from seqbench.datasets.planted.rules import PlantedSplit, Rule, Sizes
from seqbench.datasets.planted.sequences import PAD, Codes

GC_RANGE: Final = (0.3, 0.7)
CPG_RANGE: Final = (0.1, 1.3)
"""How much likelier G is after C than elsewhere."""
NOISE_SD: Final = (0.03, 0.2)
"""Standard deviation of the normal noise on the two targets."""
DECIMALS: Final = 6
"""Rounding hides differences in the last bits between platforms."""

_C, _G = 1, 2


def gc_and_cpg(codes: Codes) -> NDArray[np.float64]:
    """The (N, 2) GC fraction, and CpG observed over expected: CpG · length / (C · G), 0 without C or G.

    The ratio is that of Gardiner-Garden and Frommer (1987), J. Mol. Biol. 196, 261-282.
    """
    lengths = (codes != PAD).sum(axis=1)
    c, g = (codes == _C).sum(axis=1), (codes == _G).sum(axis=1)
    cpg = ((codes[:, :-1] == _C) & (codes[:, 1:] == _G)).sum(axis=1)
    return np.stack([(c + g) / lengths, cpg * lengths / np.maximum(c * g, 1)], axis=1)


def _make(draws: PlantedDraws, items: int, sizes: Sizes) -> PlantedSplit:
    lengths = sizes.lengths(draws, items)
    gc = GC_RANGE[0] + (GC_RANGE[1] - GC_RANGE[0]) * draws.uniform(items)
    cpg = CPG_RANGE[0] + (CPG_RANGE[1] - CPG_RANGE[0]) * draws.uniform(items)
    codes = _chains(draws, gc, cpg, int(lengths.max()))
    codes[np.arange(codes.shape[1]) >= lengths[:, None]] = PAD
    truth = gc_and_cpg(codes)
    labels = np.round(truth + draws.normal(items, 2) * np.array(NOISE_SD), DECIMALS)
    return PlantedSplit(sequences=(codes,), labels=labels, best=truth)


def _chains(draws: PlantedDraws, gc: NDArray[np.float64], cpg: NDArray[np.float64], width: int) -> Codes:
    """(N, width) Markov chains whose letters follow `gc`, but G after C is `cpg` times as likely."""
    usual = np.stack([1 - gc, gc, gc, 1 - gc], axis=1) / 2
    after_c = usual.copy()
    after_c[:, _G] *= cpg
    others = [0, 1, 3]
    after_c[:, others] *= ((1 - after_c[:, _G]) / usual[:, others].sum(axis=1))[:, None]
    limits = np.cumsum(np.stack([usual, after_c], axis=1), axis=2)[:, :, :3]
    codes = np.zeros((len(gc), width), dtype=np.uint8)
    rows, drawn = np.arange(len(gc)), draws.uniform(width, len(gc))
    before = np.zeros(len(gc), dtype=np.int64)
    for position in range(width):
        codes[:, position] = (drawn[position][:, None] >= limits[rows, before]).sum(axis=1)
        before = (codes[:, position] == _C).astype(np.int64)
    return codes


RULE: Final = Rule(
    name="planted_composition",
    task=Task.REGRESSION,
    seq_keys=("seq",),
    words="target 0 is the GC fraction, target 1 CpG observed over expected (CpG · length / (C · G)), with "
    f"normal noise of standard deviation {NOISE_SD[0]} and {NOISE_SD[1]}",
    best="the two numbers without the noise",
    make=_make,
)
