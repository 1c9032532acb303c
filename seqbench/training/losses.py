"""Losses of classes, labels and values, where labels may be missing; for autograd.

A loss is a mean over items, and over labels or targets. It comes in two parts that can be added up over
batches: sums, which take the outputs, and weights, which take the labels alone. So the gradient of many
batches together can be computed a batch at a time, each item weighing the same (`network.py`).

Shape letters: B items of a batch, K outputs (classes, labels or targets), M sums that a loss needs; … stands
for none or more dimensions, such as the networks of a stack or the letters of a sequence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import torch
from torch import Tensor
from torch.nn import functional

from seqbench.config.fields import ClassLoss, ValueLoss
from seqbench.core.types import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLoss:
    """What a network is trained to make small.

    Classification: cross-entropy on softmax. Labels: mean over labels of the binary cross-entropy on sigmoid.
    Both may be focal: an outcome's -log p is multiplied with (1 - p)^gamma, and in two classes and in labels
    with alpha for a positive and 1 - alpha for a negative (Lin et al. 2017, https://arxiv.org/abs/1708.02002,
    eq. 5). Regression: mean over targets of Huber's loss with delta 1 (0.5 d² up to |d| = 1, then |d| - 0.5),
    of d², or of the root of the mean over items of d² (the "mean columnwise RMSE").

    Targets are a matrix: one-hot classes, 0/1 labels or values, as `target_matrix` makes it. NaN is a missing
    label (of a class: in the whole row): it counts in no sum and in no weight. Of classes the mean is over
    the items that have one, of labels over all that are there, of values over the items of each target, then
    over targets.

    >>> loss = TaskLoss(task=Task.REGRESSION, value_loss="rmse")
    >>> outputs, targets = torch.tensor([[1.0], [2.0], [5.0]]), torch.tensor([[0.0], [float("nan")], [5.0]])
    >>> loss.mean(loss.sums(outputs, targets), loss.weights(targets))
    tensor(0.7071)
    """

    task: Task
    class_loss: ClassLoss = "cross_entropy"
    focal_gamma: float = 2.0
    """How strongly easy items are passed over; 0 is cross-entropy."""
    focal_alpha: float | None = None
    """Weight of positives, in two classes and in labels only; None: all weigh 1."""
    label_smoothing: float = 0.0
    """Share of a target spread evenly over the classes, or over a label's two values."""
    value_loss: ValueLoss = "huber"
    weights_2K: Tensor | None = None
    """Weight of an item's output where its target is 0 / 1, on average 1 in train; None for all 1. In
    classification the weight of an item is that of its class, [1]. (…, 2, K) for networks of their own."""

    @property
    def is_linear(self) -> bool:
        """Whether the mean is linear in the sums."""
        return not (self.task is Task.REGRESSION and self.value_loss == "rmse")

    def sums(self, outputs_BK: Tensor, targets_BK: Tensor) -> Tensor:
        """Losses summed over the items of a batch, (…, M), in float32; M is 1, of regression K."""
        outputs_BK = outputs_BK.float()
        known_BK = ~targets_BK.isnan()
        targets_BK = torch.where(known_BK, targets_BK, 0.0)
        losses_BK = torch.where(known_BK, self.losses(outputs_BK, targets_BK), 0.0)
        if self.task is Task.REGRESSION:
            return losses_BK.sum(-2)
        by_item_B = losses_BK.sum(-1) if self.task is Task.CLASSIFICATION else losses_BK.mean(-1)
        return by_item_B.sum(-1, keepdim=True)

    def weights(self, targets_BK: Tensor) -> Tensor:
        """How many labels a batch has for each sum, (…, M), float32; class weights do not count."""
        known_BK = (~targets_BK.isnan()).float()
        if self.task is Task.REGRESSION:
            return known_BK.sum(-2)
        return known_BK.mean(-1).sum(-1, keepdim=True)

    def mean(self, sums_M: Tensor, weights_M: Tensor) -> Tensor:
        """The loss over everything summed so far, (…,); a target without a label adds 0."""
        means_M = sums_M / weights_M.clamp_min(torch.finfo(torch.float32).tiny)
        return (means_M if self.is_linear else _root(means_M)).mean(-1)

    def predictions(self, outputs_BK: Tensor) -> Tensor:
        """Class probabilities, label probabilities, or the values as they are."""
        if self.task is Task.CLASSIFICATION:
            return functional.softmax(outputs_BK, dim=-1)
        return torch.sigmoid(outputs_BK) if self.task is Task.LABELS else outputs_BK

    def losses(self, outputs_BK: Tensor, targets_BK: Tensor) -> Tensor:
        """Weighed losses that are still to be summed, (…, B, K); no target is missing."""
        if self.task is Task.CLASSIFICATION:
            return self.weigh_items(self._class_losses(outputs_BK, targets_BK), targets_BK)
        if self.task is Task.LABELS:
            return self.weigh_outputs(self._label_losses(outputs_BK, targets_BK), targets_BK)
        if self.value_loss == "huber":
            return functional.huber_loss(outputs_BK, targets_BK, reduction="none")
        return (outputs_BK - targets_BK).square()

    def _class_losses(self, outputs_BK: Tensor, targets_BK: Tensor) -> Tensor:
        log_p = functional.log_softmax(outputs_BK, dim=-1)
        losses_BK = -log_p * self.smooth(targets_BK)
        if self.class_loss != "focal":
            return losses_BK
        return losses_BK * (self.class_alpha(losses_BK) * complement(log_p).pow(self.focal_gamma))

    def _label_losses(self, outputs_BK: Tensor, targets_BK: Tensor) -> Tensor:
        wanted = self.smooth(targets_BK)
        if self.class_loss != "focal":
            return functional.binary_cross_entropy_with_logits(outputs_BK, wanted, reduction="none")
        positive, negative = self.label_alpha
        of_positives = positive * wanted * self._focal_of_positive(outputs_BK)
        return of_positives + negative * (1 - wanted) * self._focal_of_positive(-outputs_BK)

    def _focal_of_positive(self, outputs: Tensor) -> Tensor:
        """The focal loss of a label that is 1; that of a 0 is the same of the negated logit."""
        return -functional.logsigmoid(outputs) * torch.sigmoid(-outputs).pow(self.focal_gamma)

    @property
    def label_alpha(self) -> tuple[float, float]:
        """Alpha of a positive and of a negative label."""
        return (1.0, 1.0) if self.focal_alpha is None else (self.focal_alpha, 1 - self.focal_alpha)

    def class_alpha(self, like: Tensor) -> Tensor:
        """Alpha of each class, (K,) or (1,): only of two classes is one the positive one."""
        positive, negative = self.label_alpha
        return like.new_tensor([negative, positive] if like.shape[-1] == 2 else [1.0])

    def smooth(self, targets_BK: Tensor) -> Tensor:
        """Targets, of which a share is spread evenly."""
        if self.label_smoothing == 0:
            return targets_BK
        n_values = targets_BK.shape[-1] if self.task is Task.CLASSIFICATION else 2
        return targets_BK * (1 - self.label_smoothing) + self.label_smoothing / n_values

    def weigh_items(self, values_BK: Tensor, targets_BK: Tensor) -> Tensor:
        """Losses or their slopes, times the weight of each item's class."""
        if self.weights_2K is None:
            return values_BK
        return values_BK * (targets_BK * self.weights_2K[..., 1:, :]).sum(-1, keepdim=True)

    def weigh_outputs(self, values_BK: Tensor, targets_BK: Tensor) -> Tensor:
        """Losses or their slopes, times the weight of each label's value."""
        if self.weights_2K is None:
            return values_BK
        return values_BK * torch.lerp(self.weights_2K[..., :1, :], self.weights_2K[..., 1:, :], targets_BK)


@dataclass(frozen=True, slots=True)
class SharedLoss:
    """Several targets of an item that one network predicts: the weighted mean of their losses.

    A target's share does not depend on how many labels the others have.
    """

    parts: tuple[TaskLoss, ...]
    widths: tuple[int, ...]
    """Outputs of each target; they stand side by side in outputs and target matrix."""
    shares: tuple[float, ...]
    """Weight of each target; only their proportions count."""

    @property
    def is_linear(self) -> bool:
        """Whether the mean is linear in the sums."""
        return all(part.is_linear for part in self.parts)

    def sums(self, outputs_BK: Tensor, targets_BK: Tensor) -> Tensor:
        """As of `TaskLoss`, those of all targets side by side."""
        pairs = zip(_cut(outputs_BK, self.widths), _cut(targets_BK, self.widths), strict=True)
        return torch.cat([part.sums(*pair) for part, pair in zip(self.parts, pairs, strict=True)], -1)

    def weights(self, targets_BK: Tensor) -> Tensor:
        """As of `TaskLoss`, those of all targets side by side."""
        own = _cut(targets_BK, self.widths)
        return torch.cat([part.weights(targets) for part, targets in zip(self.parts, own, strict=True)], -1)

    def mean(self, sums_M: Tensor, weights_M: Tensor) -> Tensor:
        """The loss over everything summed so far."""
        means = self.means(sums_M, weights_M)
        return (means * means.new_tensor(self.shares)).sum(-1) / sum(self.shares)

    def means(self, sums_M: Tensor, weights_M: Tensor) -> Tensor:
        """The loss of each target over everything summed so far, (…, targets); 0 of one without labels."""
        numbers = [
            width if part.task is Task.REGRESSION else 1
            for part, width in zip(self.parts, self.widths, strict=True)
        ]
        own = zip(self.parts, _cut(sums_M, numbers), _cut(weights_M, numbers), strict=True)
        return torch.stack([part.mean(sums, weights) for part, sums, weights in own], -1)

    def predictions(self, outputs_BK: Tensor) -> Tensor:
        """As of `TaskLoss`, those of all targets side by side."""
        own = zip(self.parts, _cut(outputs_BK, self.widths), strict=True)
        return torch.cat([part.predictions(outputs) for part, outputs in own], -1)


def target_matrix(targets: Tensor, task: Task, n_outputs: int) -> Tensor:
    """Targets as (…, K) float32, NaN where a label is missing.

    Args:
        targets: Class indices (…,) or 0/1 labels (…, K), negative where missing; values (…, K), NaN where
            missing.
        task: What they are.
        n_outputs: K.
    """
    if task is Task.REGRESSION:
        return targets.float()
    if task is Task.LABELS:
        return targets.float().masked_fill_(targets < 0, torch.nan)
    targets = targets.long()
    missing = targets < 0
    one_hot = functional.one_hot(targets.clamp_min(0), n_outputs).float()
    return one_hot.masked_fill_(missing[..., None], torch.nan)


def complement(log_p: Tensor) -> Tensor:
    """1 - p without cancellation, and never 0: a gamma below 1 has no slope there."""
    return (-torch.expm1(log_p)).clamp_min(torch.finfo(log_p.dtype).tiny)


def _cut(values_XK: Tensor, widths: Sequence[int]) -> list[Tensor]:
    """The last dimension in parts of these widths."""
    starts = [0, *accumulate(widths)]
    return [values_XK[..., first:last] for first, last in pairwise(starts)]


def _root(means: Tensor) -> Tensor:
    """The square root, whose slope at 0 is taken as 0: where all errors are 0, nothing is to be learned."""
    safe = means.clamp_min(torch.finfo(means.dtype).tiny)
    return torch.where(means > 0, safe.sqrt(), 0.0)
