"""What is trained on embeddings: each head takes plain arrays and answers with predictions by layer."""

from seqbench.probe.heads.base import Convergence, FittedHead, Head, HeadData, Problem
from seqbench.probe.heads.registry import HEADS, create

__all__ = ["HEADS", "Convergence", "FittedHead", "Head", "HeadData", "Problem", "create"]
