"""What names a measurement before it is made, without loading a model."""

import hashlib
import json
from typing import Final

from seqbench.likelihood.documents import ScoredCorpus

METHOD: Final = 1
"""Raised when scoring the same documents gives other numbers than before; they are then scored anew."""


def likelihood_key(fingerprint: str, corpus: ScoredCorpus) -> str:
    """Name what is computed before it is: 64 hexadecimal digits.

    Args:
        fingerprint: Of the weights.
        corpus: Its hash holds documents and settings.
    """
    return hashlib.sha256(json.dumps([METHOD, fingerprint, corpus.name, corpus.sha256]).encode()).hexdigest()
