"""Scores of predictions with bootstrap intervals, and tests of whether two of them differ."""

from seqbench.metrics.names import METRICS, PRIMARY, all_metrics, higher_is_better
from seqbench.metrics.paired import Difference, paired_difference
from seqbench.metrics.rank_tests import cliques, critical_difference, friedman, holm, ranks
from seqbench.metrics.replicating import replicates
from seqbench.metrics.scores import ClassScore, MetricScore
from seqbench.metrics.scoring import score, score_many
from seqbench.metrics.small_samples import effective_items, is_collapsed
from seqbench.metrics.thresholds import choose_thresholds

__all__ = [
    "METRICS",
    "PRIMARY",
    "ClassScore",
    "Difference",
    "MetricScore",
    "all_metrics",
    "choose_thresholds",
    "cliques",
    "critical_difference",
    "effective_items",
    "friedman",
    "higher_is_better",
    "holm",
    "is_collapsed",
    "paired_difference",
    "ranks",
    "replicates",
    "score",
    "score_many",
]
