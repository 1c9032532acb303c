"""What a language model makes of the held-out documents of a corpus.

Shape letters: N documents.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from seqbench.core.alphabets import Alphabet

Symbol = Literal["base", "residue", "character"]
Objective = Literal["mlm", "clm"]

SYMBOLS: Final[Mapping[Alphabet, Symbol]] = {
    "dna": "base", "rna": "base", "protein": "residue", "text": "character",
}  # fmt: skip
"""What a letter of an alphabet is called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LikelihoodRecord:
    """Bits a letter of one model on one corpus; a later record of the key takes its place."""

    key: str
    """Hash of weights, documents and settings."""
    run_id: str
    model: str
    fingerprint: str
    """Of the weights."""
    base: str | None
    """Model that it was adapted from; None for one that the config names."""
    step: int | None
    """Steps of that adaptation."""
    corpus: str
    documents_sha256: str
    """Of what was scored and which letters were asked for: bits compare where it is equal."""
    is_watched: bool
    """Whether no adaptation of the config was trained on the corpus."""
    symbol: Symbol
    objective: Objective
    bits: float
    """A letter."""
    low: float | None
    """Lower end of the 95 % interval over documents; None for a single document."""
    high: float | None
    n_tokens: int
    token_perplexity: float
    seconds: float
    device: str
    settings: Mapping[str, object]
    finished_at: datetime
    """With a time zone; stored as UTC."""
    rows_N: NDArray[np.int64]
    """Rows of the documents in the corpus."""
    letters_N: NDArray[np.int64]
    """Letters of each that were scored."""
    bits_N: NDArray[np.float64]
    """Bits for all of these."""
