"""Whether candidates are near-duplicates: their edit distance, on both strands.

Shape letters: C pairs, S sequences an item.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seqbench.audit.letters import plain
from seqbench.audit.minhash import identity_at
from seqbench.audit.settings import SIGNATURE
from seqbench.core.alphabets import Alphabet, is_nucleic, reverse_complement
from seqbench.errors import DataError

LONGEST: Final = 20_000
"""Letters up to which sequences are aligned: time grows with the square. Above, identity is estimated from
the k-mers that they share."""

_ROUNDING: Final = 1e-6

Item = tuple[str, ...]


def need_rapidfuzz() -> None:
    """See that the package that computes edit distances is there.

    Raises:
        DataError: It is not; says how to get it.
    """
    if find_spec("rapidfuzz") is None:
        raise DataError(
            "rapidfuzz, which near-duplicates are verified with, is not installed "
            "(pip install 'seqbench[audit]', or --near 1 to look for copies only)"
        )


def identities(
    one: Sequence[Item], other: Sequence[Item], alphabet: Alphabet, near: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Identity of pairs of items: 1 - edit distance / letters of the longer, of the least alike sequences.

    Args:
        one: The sequences of C items, none above `LONGEST`.
        other: Those of their partners.
        alphabet: Nucleotides are compared on both strands.
        near: What is less alike gets 0, which is faster.

    Returns:
        Shape (C,): identities, and whether the one is like the other's reverse complement.
    """
    mine = [[plain(sequence, alphabet) for sequence in item] for item in one]
    theirs = [[plain(sequence, alphabet) for sequence in item] for item in other]
    forward_C = _least(mine, theirs, near)
    if not is_nucleic(alphabet):
        return forward_C, np.zeros(len(forward_C), dtype=bool)
    opposite = [[reverse_complement(sequence) for sequence in item] for item in theirs]
    backward_C = _least(mine, opposite, near)
    return np.maximum(forward_C, backward_C), backward_C > forward_C


def estimates(agree_C: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    """Identity by the share of the signature in which two agree."""
    return identity_at(agree_C / SIGNATURE, k)


def _least(mine: Sequence[Sequence[str]], theirs: Sequence[Sequence[str]], near: float) -> Any:
    from rapidfuzz.distance import Levenshtein
    from rapidfuzz.process import cpdist

    least_C = np.ones(len(mine))
    for column in range(len(mine[0]) if mine else 0):
        found_C = cpdist(
            [item[column] for item in mine],
            [item[column] for item in theirs],
            scorer=Levenshtein.normalized_similarity,
            # At the threshold itself RapidFuzz may round either way (3.14: at 0.6, 0.8 and 0.85).
            score_cutoff=near - _ROUNDING,
            dtype=np.float64,
        )
        least_C = np.minimum(least_C, np.where(found_C >= near, found_C, 0.0))
    return least_C
