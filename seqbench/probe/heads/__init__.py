"""What is trained on embeddings: each head takes plain arrays and answers with predictions by layer."""

from seqbench.probe.heads.base import FittedHead, Head, HeadData, Problem
from seqbench.probe.heads.registry import HEADS, create
from seqbench.training.health import Convergence

__all__ = ["HEADS", "Convergence", "FittedHead", "Head", "HeadData", "Problem", "create"]
