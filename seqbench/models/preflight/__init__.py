"""A preflight of models: what can go wrong with embeddings is measured before it costs GPU-days."""

from seqbench.models.preflight.certificate import Certificate, Check, Verdict
from seqbench.models.preflight.preflight import certify, preflight
from seqbench.models.preflight.sample import Sample, draw

__all__ = ["Certificate", "Check", "Sample", "Verdict", "certify", "draw", "preflight"]
