"""Scores of predictions with bootstrap intervals."""

from seqbench.metrics.names import METRICS, PRIMARY, higher_is_better
from seqbench.metrics.scores import ClassScore, MetricScore
from seqbench.metrics.scoring import score, score_many
from seqbench.metrics.thresholds import choose_thresholds

__all__ = [
    "METRICS",
    "PRIMARY",
    "ClassScore",
    "MetricScore",
    "choose_thresholds",
    "higher_is_better",
    "score",
    "score_many",
]
