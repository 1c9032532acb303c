"""The likelihood of whole sequences, for variants and designs: every letter is asked for once.

ACGTAC  ->  A·G·A· and ·C·T·C  ->  bits of all six letters
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqbench.core.alphabets import Alphabet
from seqbench.likelihood.scorer import LetterScorer
from seqbench.likelihood.segments import Segment, SegmentSettings, segments_of

WHOLE: Final = SegmentSettings(letters=1 << 40)
"""Sequences are cut by the model's window alone."""
_TOGETHER: Final = 64
"""Passes that are made together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceLikelihood:
    """What a model pays for a sequence."""

    n_letters: int
    """Scored: without unknown ones such as N."""
    bits: float
    """For all of them: minus the pseudo-log-likelihood in base 2 (causal models: the log-likelihood)."""


def sequence_likelihood(
    scorer: LetterScorer, sequence: str, alphabet: Alphabet, share: float
) -> SequenceLikelihood:
    """Score all letters of a sequence.

    Masked models are asked in several passes, in each of which every n-th letter (of text, word) is hidden,
    so each once. With one letter a pass the sum is the pseudo-log-likelihood of Salazar et al. 2020
    (https://arxiv.org/abs/1910.14659); with more, letters are hidden from each other and cost more.

    Args:
        scorer: The model, for this alphabet.
        sequence: Not empty.
        alphabet: Of the sequence.
        share: Hidden in a pass; 0: one letter a pass.

    Raises:
        ModelError: The tokenizer does not tell which letters its tokens stand for.
    """
    (segment,) = segments_of(sequence, alphabet, WHOLE)
    passes = iter([segment]) if scorer.objective == "clm" else _passes(segment, share, alphabet)
    n_letters, bits = 0, 0.0
    while together := list(islice(passes, _TOGETHER)):
        for found in scorer.score(together):
            n_letters, bits = n_letters + found.n_letters, bits + found.bits
    return SequenceLikelihood(n_letters=n_letters, bits=bits)


def _passes(segment: Segment, share: float, alphabet: Alphabet) -> Iterator[Segment]:
    """The same segment with other letters hidden, each letter (of text, word) in one of them."""
    units_P = _units(segment, alphabet)
    n_units = int(units_P.max()) + 1
    n_passes = n_units if share == 0 else min(n_units, max(1, round(1 / share)))
    for number in range(n_passes):
        yield segment._replace(asked_P=(units_P >= 0) & (units_P % n_passes == number))


def _units(segment: Segment, alphabet: Alphabet) -> NDArray[np.int64]:
    """Number of each letter among those that count, of text of its word; -1 for others."""
    begins_P = segment.countable_P.copy()
    if alphabet == "text":
        begins_P[1:] &= ~segment.countable_P[:-1]
    return np.where(segment.countable_P, np.cumsum(begins_P) - 1, -1)
