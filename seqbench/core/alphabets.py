"""The letters of DNA, RNA, proteins and text, the k-mers that describe each, and the other strand."""

from collections.abc import Mapping
from typing import Final, Literal

Alphabet = Literal["dna", "rna", "protein", "text"]

LETTERS: Final[Mapping[Alphabet, str]] = {
    "dna": "ACGT",
    "rna": "ACGU",
    "protein": "ACDEFGHIKLMNPQRSTVWY",
    "text": "ABCDEFGHIJKLMNOPQRSTUVWXYZ ",
}
"""Without codes of ambiguity, upper case. Of text, what audits and counts of letters tell apart: its other
characters are one unknown letter to them. Models get a text as it is."""

KMER_LENGTHS: Final[Mapping[Alphabet, int]] = {"dna": 4, "rna": 4, "protein": 2, "text": 2}
"""Letters of the k-mers that stand for composition: 256 columns of nucleotides, 400 of proteins.

Both are what composition beyond single letters is described by in their fields: tetranucleotides are the
usual signature of DNA (Teeling et al. 2004, Environmental Microbiology 6), dipeptides of proteins (Bhasin &
Raghava 2004, Journal of Biological Chemistry 279). Proteins' 3-mers would be 8,000 columns, of which a
sequence of 300 letters fills 298 at most.
"""

_CODES: Final = "ACGTRYSWKMBDHVN"
_PARTNERS: Final = "TGCAYRSWMKVHDBN"
"""The IUPAC codes (Cornish-Bowden 1985, Nucleic Acids Research 13) and what they pair with: R (A or G) with Y
(T or C), and so on."""

_DNA: Final = str.maketrans(_CODES + _CODES.lower() + "Uu", _PARTNERS + _PARTNERS.lower() + "Aa")
_RNA: Final = _DNA | str.maketrans("Aa", "Uu")


def is_nucleic(alphabet: Alphabet) -> bool:
    """Whether sequences have two strands and four letters."""
    return alphabet in ("dna", "rna")


def reverse_complement(sequence: str) -> str:
    """The other strand, read in its own direction.

    Case is kept, IUPAC codes become their partners, and a sequence with U and without T stays RNA. Other
    characters, such as gaps, stay what they are.
    """
    is_rna = ("U" in sequence or "u" in sequence) and "T" not in sequence and "t" not in sequence
    return sequence.translate(_RNA if is_rna else _DNA)[::-1]
