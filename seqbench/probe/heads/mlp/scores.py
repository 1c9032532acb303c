"""The primary metric on eval after every epoch, for all networks of a stack at once.

Shape letters: C rates, F fits, L layers (their product is the stack), N items, K outputs.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from seqbench.core.types import Task

MOST_VALUES = 20_000
"""Items times outputs of eval above which the curve goes without scores: ranking them would cost more than a
tenth of an epoch."""


class EvalScores:
    """Accuracy, mean area under the ROC curve of labels, or mean Spearman correlation of targets.

    As in `seqbench.metrics`: a label with one value only, or a constant target, is left out of the mean;
    constant predictions of a target that varies leave no correlation.
    """

    def __init__(self, task: Task, targets_F: Sequence[Tensor]) -> None:
        """Prepare.

        Args:
            task: What is predicted.
            targets_F: A matrix (N, K) a fit: one-hot classes, 0/1 labels, or values.
        """
        self._task = task
        self.wanted = targets_F[0].numel() <= MOST_VALUES
        """Whether eval is small enough."""
        if not self.wanted:
            return
        targets_FNK = torch.stack(list(targets_F))
        if task is Task.CLASSIFICATION:
            self._targets = targets_FNK.argmax(-1)[:, None]
        else:
            targets_FKN = targets_FNK.transpose(1, 2).contiguous()
            self._targets = (targets_FKN if task is Task.LABELS else _centred_ranks(targets_FKN))[:, None]

    def __call__(self, predictions_CFLNK: Tensor) -> Tensor:
        """Score, (C, F, L), float64; NaN where the metric is undefined."""
        if self._task is Task.CLASSIFICATION:
            return (predictions_CFLNK.argmax(-1) == self._targets).double().mean(-1)
        predictions = predictions_CFLNK.transpose(-1, -2).contiguous()
        return self._roc_auc(predictions) if self._task is Task.LABELS else self._spearman(predictions)

    def _roc_auc(self, predictions_CFLKN: Tensor) -> Tensor:
        """From the ranks of positives (Mann & Whitney's U); ties count half."""
        positive = self._targets.double()
        n_positive = positive.sum(-1)
        n_negative = positive.shape[-1] - n_positive
        rank_sum = (average_ranks(predictions_CFLKN) * positive).sum(-1)
        areas = (rank_sum - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative)
        return areas.nanmean(-1)

    def _spearman(self, predictions_CFLKN: Tensor) -> Tensor:
        ranks = _centred_ranks(predictions_CFLKN)
        lengths = ranks.square().sum(-1).sqrt() * self._targets.square().sum(-1).sqrt()
        correlations = (ranks * self._targets).sum(-1) / lengths
        varies = (self._targets != 0).any(-1).expand_as(correlations)
        return torch.where(varies, correlations, 0.0).sum(-1) / varies.sum(-1)


def average_ranks(values_XN: Tensor) -> Tensor:
    """Ranks from 1 along the last dimension, ties sharing the mean of theirs; float64."""
    ordered = values_XN.sort(dim=-1).values
    below = torch.searchsorted(ordered, values_XN)
    up_to = torch.searchsorted(ordered, values_XN, right=True)
    return (below + up_to + 1).double() / 2


def _centred_ranks(values_XN: Tensor) -> Tensor:
    return average_ranks(values_XN) - (values_XN.shape[-1] + 1) / 2
