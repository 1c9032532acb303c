"""Bits a letter over documents, and how sure they are: documents are drawn, never letters.

Shape letters: R resamples (and the data before them), N documents.
"""

import numpy as np

from seqbench.metrics.averages import Floats, ratio
from seqbench.metrics.bootstrap import Interval, interval
from seqbench.metrics.resamples import affordable_resamples, item_resamples
from seqbench.metrics.small_samples import is_collapsed, least_items
from seqbench.metrics.weighting import weighted_sums

LEVEL = 0.95


def mean_bits(bits_N: Floats, letters_N: Floats, *, n_resamples: int = 1000, seed: int = 0) -> Floats:
    """Bits a letter on the data and on resamples of its documents, (R,): all bits through all letters.

    Equal numbers of documents, resamples and seed draw the same documents, so two models compare in pairs.

    Args:
        bits_N: Of each document, for all its letters together.
        letters_N: That were scored of it.
        n_resamples: Asked for; fewer are drawn of very many documents.
        seed: Of the draws.
    """
    wanted = affordable_resamples(n_resamples, len(bits_N), 1)
    sums = [
        weighted_sums(np.stack([bits_N, letters_N]), weights_NR)
        for weights_NR in item_resamples(len(bits_N), wanted, seed)
    ]
    bits_R, letters_R = np.concatenate(sums, axis=1)
    return ratio(bits_R, letters_R)


def bits_interval(values_R: Floats, n_documents: int) -> tuple[float, float | None, float | None]:
    """Bits a letter with their 95 % percentile interval; None where documents are too few for one."""
    found: Interval = interval(values_R, LEVEL)
    has_none = n_documents < least_items(LEVEL) or np.isnan(found.low) or is_collapsed(found.low, found.high)
    return (found.value, None, None) if has_none else (found.value, found.low, found.high)
