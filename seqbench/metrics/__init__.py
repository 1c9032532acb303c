"""Scores of predictions with bootstrap intervals."""

from seqbench.metrics.names import METRICS, PRIMARY, higher_is_better
from seqbench.metrics.scores import ClassScore, MetricScore
from seqbench.metrics.scoring import score

__all__ = ["METRICS", "PRIMARY", "ClassScore", "MetricScore", "higher_is_better", "score"]
