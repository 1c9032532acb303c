"""Scores of predictions with bootstrap intervals, and tests of whether two of them differ."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_HOMES = {
    "names": ("METRICS", "PRIMARY", "all_metrics", "higher_is_better"),
    "paired": ("Difference", "paired_difference"),
    "rank_tests": ("cliques", "critical_difference", "friedman", "holm", "ranks"),
    "replicating": ("replicates",),
    "scores": ("ClassScore", "MetricScore"),
    "scoring": ("score", "score_many"),
    "small_samples": ("effective_items", "is_collapsed"),
    "thresholds": ("choose_thresholds",),
}
"""Which module each name comes from: who wants one of them does not load all."""


def __getattr__(name: str) -> Any:
    """Load what is asked for."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"seqbench.metrics.{home}"), name)
    raise AttributeError(f"module 'seqbench.metrics' has no attribute {name!r}")
