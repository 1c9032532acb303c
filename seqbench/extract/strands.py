"""Both strands of a nucleic acid: the reverse complement, and what is made of its embedding.

Shape letters: N sequences, H hidden width.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqbench.vocabulary import Strands

_LETTERS: Final = "ACGTRYSWKMBDHVN"
_PARTNERS: Final = "TGCAYRSWMKVHDBN"
"""The IUPAC codes and what they pair with: R (A or G) with Y (T or C), and so on."""

DNA: Final = str.maketrans(_LETTERS + _LETTERS.lower() + "Uu", _PARTNERS + _PARTNERS.lower() + "Aa")
RNA: Final = DNA | str.maketrans("Aa", "Uu")


def reverse_complement(sequence: str) -> str:
    """The other strand, read in its own direction.

    Case is kept, IUPAC codes become their partners, and a sequence with U and without T stays RNA. Other
    characters, such as gaps, stay what they are.
    """
    is_rna = ("U" in sequence or "u" in sequence) and "T" not in sequence and "t" not in sequence
    return sequence.translate(RNA if is_rna else DNA)[::-1]


def join_strands(
    forward_NH: NDArray[np.float32], reverse_NH: NDArray[np.float32], strands: Strands
) -> tuple[NDArray[np.float32], float]:
    """Average both strands, or put them side by side.

    Returns:
        Shape (N, H) or (N, 2H), and the mean cosine between the strands: 1 for a model that does not care
        which strand it reads. NaN where no row is finite.
    """
    if strands == "mean":
        joined = (forward_NH + reverse_NH) / 2
    else:
        joined = np.concatenate([forward_NH, reverse_NH], axis=1)
    dots = np.einsum("nh,nh->n", forward_NH, reverse_NH, dtype=np.float64)
    norms = np.linalg.norm(forward_NH, axis=1).astype(np.float64) * np.linalg.norm(reverse_NH, axis=1)
    cosines = dots[norms > 0] / norms[norms > 0]
    return joined.astype(np.float32, copy=False), float(cosines.mean()) if len(cosines) else float("nan")
