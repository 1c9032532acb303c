"""The losses of a stack of networks on batches of the same size.

Values are those of `training.losses`. A stack of networks keeps no autograd graph: of one target whose labels
are all known, which is what most data sets have, gradients are computed by hand; else autograd gives those by
the logits.

Shape letters: G networks of a stack, B items of a batch, K outputs, M sums that a loss needs,
N items of a split.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from seqbench.core.missing import MISSING, known
from seqbench.core.types import Task
from seqbench.probe.heads.base import ClassWeights, Problem
from seqbench.training.losses import SharedLoss, TaskLoss, complement


class StackLoss(Protocol):
    """What each network of a stack is trained to make small."""

    def sums(self, logits_GBK: Tensor, targets_GBK: Tensor) -> Tensor:
        """What `mean` needs of a batch, (G, M); the sums of several batches may be added."""

    def weights(self, targets_GBK: Tensor) -> Tensor | int:
        """What sums are divided by, (G, M) or one number for all; those of several batches may be added."""

    def mean(self, sums_GM: Tensor, weights_GM: Tensor | int) -> Tensor:
        """Each network's loss over all items summed so far, (G,)."""

    def gradients(self, logits_GBK: Tensor, targets_GBK: Tensor) -> Tensor:
        """Gradient of each network's loss over the batch with respect to its logits, (G, B, K)."""

    def predictions(self, logits_GBK: Tensor) -> Tensor:
        """Probabilities or values."""

    def by_target(self, sums_GM: Tensor, weights_GM: Tensor | int) -> list[Tensor]:
        """The loss of each target, (G,) each; nothing where there is one."""


@dataclass(frozen=True, slots=True)
class LossOfGaps:
    """The loss of several targets, or of labels of which some are missing; NaN stands for these."""

    rule: TaskLoss | SharedLoss
    """Weights of labels are (G, 2, K)."""

    def sums(self, logits_GBK: Tensor, targets_GBK: Tensor) -> Tensor:
        """See `StackLoss`."""
        return self.rule.sums(logits_GBK, targets_GBK)

    def weights(self, targets_GBK: Tensor) -> Tensor | int:
        """See `StackLoss`."""
        return self.rule.weights(targets_GBK)

    def mean(self, sums_GM: Tensor, weights_GM: Tensor | int) -> Tensor:
        """See `StackLoss`."""
        return self.rule.mean(sums_GM, torch.as_tensor(weights_GM))

    def gradients(self, logits_GBK: Tensor, targets_GBK: Tensor) -> Tensor:
        """See `StackLoss`; networks do not meet, so the gradient of their sum is that of each."""
        weights_GM = self.rule.weights(targets_GBK)
        with torch.enable_grad():
            logits_GBK = logits_GBK.detach().requires_grad_()
            loss = self.rule.mean(self.rule.sums(logits_GBK, targets_GBK), weights_GM).sum()
        return torch.autograd.grad(loss, logits_GBK)[0]

    def predictions(self, logits_GBK: Tensor) -> Tensor:
        """See `StackLoss`."""
        return self.rule.predictions(logits_GBK)

    def by_target(self, sums_GM: Tensor, weights_GM: Tensor | int) -> list[Tensor]:
        """See `StackLoss`."""
        if isinstance(self.rule, TaskLoss):
            return []
        return list(self.rule.means(sums_GM, torch.as_tensor(weights_GM)).unbind(-1))


@dataclass(frozen=True, slots=True)
class LossByHand:
    """The loss of one target whose labels are all known: a mean over items.

    >>> loss = LossByHand(TaskLoss(task=Task.REGRESSION, value_loss="mse"))
    >>> logits, targets = torch.tensor([[[1.0], [3.0]]]), torch.tensor([[[1.0], [1.0]]])
    >>> loss.mean(loss.sums(logits, targets), loss.weights(targets))
    tensor([2.])
    >>> loss.gradients(logits, targets).squeeze()
    tensor([0., 2.])
    """

    rule: TaskLoss
    """Its weights are (G, 2, K)."""

    def sums(self, logits_GBK: Tensor, targets_GBK: Tensor) -> Tensor:
        """See `StackLoss`; M is 1, or K for `rmse`."""
        losses_GBK = self.rule.losses(logits_GBK, targets_GBK)
        if not self.rule.is_linear:
            return losses_GBK.sum(1)
        is_of_classes = self.rule.task is Task.CLASSIFICATION
        losses_GB = losses_GBK.sum(-1) if is_of_classes else losses_GBK.mean(-1)
        return losses_GB.sum(1, keepdim=True)

    def weights(self, targets_GBK: Tensor) -> Tensor | int:
        """See `StackLoss`: the items."""
        return targets_GBK.shape[1]

    def mean(self, sums_GM: Tensor, weights_GM: Tensor | int) -> Tensor:
        """See `StackLoss`."""
        means_GM = sums_GM / weights_GM
        if not self.rule.is_linear:
            means_GM = means_GM.sqrt()
        return means_GM.mean(-1)

    def predictions(self, logits_GBK: Tensor) -> Tensor:
        """See `StackLoss`."""
        return self.rule.predictions(logits_GBK)

    def by_target(self, sums_GM: Tensor, weights_GM: Tensor | int) -> list[Tensor]:
        """See `StackLoss`."""
        return []

    def gradients(self, logits_GBK: Tensor, targets_GBK: Tensor) -> Tensor:
        """See `StackLoss`."""
        _, n_items, n_outputs = logits_GBK.shape
        if self.rule.task is Task.CLASSIFICATION:
            return self._class_gradients(logits_GBK, targets_GBK).div_(n_items)
        if self.rule.task is Task.LABELS:
            gradients_GBK = self._label_gradients(logits_GBK, targets_GBK)
        else:
            gradients_GBK = self._value_gradients(logits_GBK - targets_GBK)
        return gradients_GBK.div_(n_items * n_outputs)

    def _class_gradients(self, logits_GBK: Tensor, targets_GBK: Tensor) -> Tensor:
        """Times B: slope_j - p_j Σ slopes, an outcome's slope being its target times p dloss/dp."""
        rule, gamma = self.rule, self.rule.focal_gamma
        if rule.class_loss != "focal":
            gradients_GBK = functional.softmax(logits_GBK, dim=-1).sub_(rule.smooth(targets_GBK))
            return rule.weigh_items(gradients_GBK, targets_GBK)
        log_p = functional.log_softmax(logits_GBK, dim=-1)
        p, rest = log_p.exp(), complement(log_p)
        slopes = gamma * rest.pow(gamma - 1) * p * log_p - rest.pow(gamma)
        slopes *= rule.class_alpha(slopes) * rule.smooth(targets_GBK)
        return rule.weigh_items(slopes - p * slopes.sum(-1, keepdim=True), targets_GBK)

    def _label_gradients(self, logits_GBK: Tensor, targets_GBK: Tensor) -> Tensor:
        """Times B and K."""
        rule, wanted = self.rule, self.rule.smooth(targets_GBK)
        if rule.class_loss != "focal":
            gradients_GBK = torch.sigmoid(logits_GBK).sub_(wanted)
        else:
            positive, negative = rule.label_alpha
            gradients_GBK = positive * wanted * self._slope_of_positive(logits_GBK)
            gradients_GBK -= negative * (1 - wanted) * self._slope_of_positive(-logits_GBK)
        return rule.weigh_outputs(gradients_GBK, targets_GBK)

    def _slope_of_positive(self, logits: Tensor) -> Tensor:
        """The derivative of a positive label's focal loss: (1-p)^gamma (gamma p log p - (1-p))."""
        gamma, p, rest = self.rule.focal_gamma, torch.sigmoid(logits), torch.sigmoid(-logits)
        return rest.pow(gamma) * (gamma * p * functional.logsigmoid(logits) - rest)

    def _value_gradients(self, differences_GBK: Tensor) -> Tensor:
        """Times B and K. Where all errors of a target are 0, so is the gradient of their root mean square."""
        if self.rule.value_loss == "mse":
            return differences_GBK.mul_(2.0)
        if self.rule.value_loss == "rmse":
            roots_G1K = differences_GBK.square().mean(1, keepdim=True).sqrt_()
            # Squares of smaller errors underflow: the root would be 0 beside errors that are not.
            smallest = torch.finfo(roots_G1K.dtype).tiny ** 0.5
            return differences_GBK.div_(roots_G1K.clamp_min_(smallest))
        return differences_GBK.clamp_(-1.0, 1.0)


def class_weights(
    targets: NDArray[np.generic], problem: Problem, mode: ClassWeights
) -> NDArray[np.float32] | None:
    """Weights of one training's outputs by the value of their target, from its train split.

    Classes weigh n / (classes that occur * items of the class), scikit-learn's `balanced`; those that do not
    occur, 1. A label's values weigh n / (2 * items of the value); 1 where the label has only one value.
    Either way the weights of the train split average 1, so that the learning rate keeps its meaning. Items
    are those whose class or label is known.

    Args:
        targets: (N,) class indices, or (N, K) 0/1 labels; -1 where they are not known.
        problem: What is predicted.
        mode: `none` or `balanced`.

    Returns:
        (2, K), the weight where an output's target is 0 and where it is 1; None for `none` and for
        regression. In classification row 0 is 0: an item counts once, with its class.
    """
    if mode == "none" or problem.task is Task.REGRESSION:
        return None
    if problem.task is Task.CLASSIFICATION:
        known_N = targets[targets != MISSING].astype(np.int64)
        counts_K = np.bincount(known_N, minlength=problem.n_outputs)
        balanced_K = len(known_N) / (np.count_nonzero(counts_K) * np.maximum(counts_K, 1))
        weights_K = np.where(counts_K > 0, balanced_K, 1.0)
        return np.stack([np.zeros_like(weights_K), weights_K]).astype(np.float32)
    positive_K, known_K = np.count_nonzero(targets == 1, axis=0), np.count_nonzero(known(targets), axis=0)
    counts_2K = np.stack([known_K - positive_K, positive_K])
    weights_2K = np.where(counts_2K.min(axis=0) > 0, known_K / (2 * np.maximum(counts_2K, 1)), 1.0)
    return weights_2K.astype(np.float32)
