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
    constant predictions of a target that varies leave no correlation. What is not known counts in none.
    """

    def __init__(self, task: Task, targets_F: Sequence[Tensor]) -> None:
        """Prepare.

        Args:
            task: What is predicted.
            targets_F: A matrix (N, K) a fit: one-hot classes, 0/1 labels, or values; NaN where they are not
                known.
        """
        self._task = task
        self.wanted = targets_F[0].numel() <= MOST_VALUES
        """Whether eval is small enough."""
        if not self.wanted:
            return
        targets_FNK = torch.stack(list(targets_F))
        known_FNK = ~targets_FNK.isnan()
        self._known = None if bool(known_FNK.all()) else known_FNK.transpose(1, 2).contiguous()[:, None]
        targets_FNK = targets_FNK.nan_to_num()
        if task is Task.CLASSIFICATION:
            self._targets = targets_FNK.argmax(-1)[:, None]
        else:
            targets_FKN = targets_FNK.transpose(1, 2).contiguous()[:, None]
            self._targets = targets_FKN if task is Task.LABELS else self._centred_ranks(targets_FKN)

    def __call__(self, predictions_CFLNK: Tensor) -> Tensor:
        """Score, (C, F, L), float64; NaN where the metric is undefined."""
        if self._task is Task.CLASSIFICATION:
            right = (predictions_CFLNK.argmax(-1) == self._targets).double()
            if self._known is None:
                return right.mean(-1)
            known = self._known[:, :, 0].double()
            return (right * known).sum(-1) / known.sum(-1)
        predictions = predictions_CFLNK.transpose(-1, -2).contiguous()
        return self._roc_auc(predictions) if self._task is Task.LABELS else self._spearman(predictions)

    def _roc_auc(self, predictions_CFLKN: Tensor) -> Tensor:
        """From the ranks of positives (Mann & Whitney's U); ties count half."""
        positive = self._targets.double()
        n_positive = positive.sum(-1)
        n_known = positive.shape[-1] if self._known is None else self._known.sum(-1)
        n_negative = n_known - n_positive
        rank_sum = (average_ranks(self._last(predictions_CFLKN)) * positive).sum(-1)
        areas = (rank_sum - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative)
        return areas.nanmean(-1)

    def _spearman(self, predictions_CFLKN: Tensor) -> Tensor:
        ranks = self._centred_ranks(predictions_CFLKN)
        lengths = ranks.square().sum(-1).sqrt() * self._targets.square().sum(-1).sqrt()
        correlations = (ranks * self._targets).sum(-1) / lengths
        varies = (self._targets != 0).any(-1).expand_as(correlations)
        return torch.where(varies, correlations, 0.0).sum(-1) / varies.sum(-1)

    def _last(self, values_XKN: Tensor) -> Tensor:
        """Values, of which those of items that are not known come after all others."""
        return values_XKN if self._known is None else values_XKN.masked_fill(~self._known, torch.inf)

    def _centred_ranks(self, values_XKN: Tensor) -> Tensor:
        """Ranks among what is known less their mean; 0 of what is not known."""
        ranks = average_ranks(self._last(values_XKN))
        if self._known is None:
            return ranks - (values_XKN.shape[-1] + 1) / 2
        return (ranks - (self._known.sum(-1, keepdim=True) + 1) / 2) * self._known


def average_ranks(values_XN: Tensor) -> Tensor:
    """Ranks from 1 along the last dimension, ties sharing the mean of theirs; float64."""
    ordered = values_XN.sort(dim=-1).values
    below = torch.searchsorted(ordered, values_XN)
    up_to = torch.searchsorted(ordered, values_XN, right=True)
    return (below + up_to + 1).double() / 2
