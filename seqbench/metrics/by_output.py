"""What classes and labels have in common: rankings averaged over them, and scores of each alone.

Shape letters: R resamples, N items, K outputs (classes or labels).
"""

from collections.abc import Sequence

import numpy as np

from seqbench.metrics.averages import Floats, mean_defined
from seqbench.metrics.confusion import ClassCounts
from seqbench.metrics.ranking import Ranking, ranking_metrics
from seqbench.metrics.results import defined
from seqbench.metrics.scores import ClassScore
from seqbench.metrics.weighting import Weights

UNKNOWN = "not known of any item of the split"
"""Why a label or target has no score."""


def ranked_means(rankings: Sequence[Ranking], weights_NR: Weights) -> dict[str, Floats]:
    """ROC AUC and average precision, averaged over outputs that have both positives and negatives."""
    pairs = [ranking_metrics(ranking, weights_NR) for ranking in rankings]
    auc_KR, average_precision_KR = (np.stack(rows) for rows in zip(*pairs, strict=True))
    return {"roc_auc": mean_defined(auc_KR), "auprc": mean_defined(average_precision_KR)}


def ranked_scores(
    counts: ClassCounts, rankings: Sequence[Ranking], n_items: int, *, absent: str, everywhere: str
) -> list[ClassScore]:
    """Precision, recall, F1, MCC, ROC AUC and average precision by class or label.

    Args:
        counts: Of the whole split, (K, 1).
        rankings: By class or label.
        n_items: Of the split.
        absent: The reason where no item is of the class, which leaves nothing defined.
        everywhere: The reason where all items are, which leaves only precision, recall and F1.
    """
    by_counts = {"precision": counts.precision, "recall": counts.recall, "f1": counts.f1, "mcc": counts.mcc}
    ones_N1 = np.ones((n_items, 1), dtype=np.uint8)
    scores = []
    for label, ranking in enumerate(rankings):
        support = int(counts.actual[label, 0])
        values = {metric: float(column[label, 0]) for metric, column in by_counts.items()}
        auc_R, average_precision_R = ranking_metrics(ranking, ones_N1)
        values |= {"roc_auc": float(auc_R[0]), "auprc": float(average_precision_R[0])}
        if support == len(ranking.order):
            values["mcc"] = np.nan
        if support == 0:
            values = dict.fromkeys(values, np.nan)
        reason = absent if support == 0 else everywhere
        if not len(ranking.order):
            reason = UNKNOWN
        scores += [
            ClassScore(
                label=label,
                metric=metric,
                value=defined(value),
                support=support,
                reason=reason if np.isnan(value) else None,
            )
            for metric, value in values.items()
        ]
    return scores
