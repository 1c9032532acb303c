"""The losses of the MLP with their gradients, for a stack of networks on batches of the same size.

Every loss is a mean over items. Gradients are written out: a stack of networks keeps no autograd graph.

Shape letters: G networks of a stack, B items of a batch, K outputs, M sums that a loss needs,
N items of a split.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from seqbench.core.types import Task
from seqbench.probe.heads.base import ClassWeights, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What a stack of networks is trained to make small.

    Classification: cross-entropy on softmax. Labels: mean over labels of the binary cross-entropy on sigmoid.
    Both may be focal: an outcome's -log p is multiplied with (1 - p)^gamma, and in two classes and in labels
    with alpha for a positive and 1 - alpha for a negative (Lin et al. 2017, https://arxiv.org/abs/1708.02002,
    eq. 5). Regression: mean over targets of Huber's loss with delta 1 (0.5 d² up to |d| = 1, then |d| - 0.5),
    of d², or of the root of the mean over items of d² (the "mean columnwise RMSE").
    """

    task: Task
    class_loss: str
    """`cross_entropy` or `focal`."""
    focal_gamma: float
    """How strongly easy items are passed over; 0 is cross-entropy."""
    focal_alpha: float | None
    """Weight of positives, in two classes and in labels only; None: all weigh 1."""
    label_smoothing: float
    """Share of a target spread evenly over the classes, or over a label's two values."""
    value_loss: str
    """`huber`, `mse` or `rmse`."""
    weights_G2K: Tensor | None
    """Weight of an item's output where its target is 0 / 1, as of `class_weights`; None for all 1. In
    classification the weight of an item is that of its class, [:, 1]."""

    def sums(self, logits_GBK: Tensor, targets_GBK: Tensor) -> Tensor:
        """What `mean` needs of a batch, (G, M); the sums of several batches may be added.

        M is 1, or K for `rmse`.
        """
        if self.task is Task.CLASSIFICATION:
            losses_GB = self._class_losses(logits_GBK, targets_GBK).sum(-1)
        elif self.task is Task.LABELS:
            losses_GB = self._label_losses(logits_GBK, targets_GBK).mean(-1)
        elif self.value_loss == "rmse":
            return (logits_GBK - targets_GBK).square_().sum(1)
        elif self.value_loss == "mse":
            losses_GB = (logits_GBK - targets_GBK).square_().mean(-1)
        else:
            losses_GB = functional.huber_loss(logits_GBK, targets_GBK, reduction="none").mean(-1)
        return losses_GB.sum(1, keepdim=True)

    def mean(self, sums_GM: Tensor, n_items: int) -> Tensor:
        """Each network's loss over all items summed so far, (G,)."""
        means_GM = sums_GM / n_items
        if self.task is Task.REGRESSION and self.value_loss == "rmse":
            means_GM = means_GM.sqrt()
        return means_GM.mean(-1)

    def gradients(self, logits_GBK: Tensor, targets_GBK: Tensor) -> Tensor:
        """Gradient of each network's loss over the batch with respect to its logits, (G, B, K)."""
        _, n_items, n_outputs = logits_GBK.shape
        if self.task is Task.CLASSIFICATION:
            return self._class_gradients(logits_GBK, targets_GBK).div_(n_items)
        if self.task is Task.LABELS:
            gradients_GBK = self._label_gradients(logits_GBK, targets_GBK)
        else:
            gradients_GBK = self._value_gradients(logits_GBK - targets_GBK)
        return gradients_GBK.div_(n_items * n_outputs)

    def predictions(self, logits_GBK: Tensor) -> Tensor:
        """Class probabilities, label probabilities, or the values as they are."""
        if self.task is Task.CLASSIFICATION:
            return functional.softmax(logits_GBK, dim=-1)
        return torch.sigmoid(logits_GBK) if self.task is Task.LABELS else logits_GBK

    def _class_losses(self, logits_GBK: Tensor, targets_GBK: Tensor) -> Tensor:
        log_p = functional.log_softmax(logits_GBK, dim=-1)
        losses_GBK = -log_p * self._smooth(targets_GBK)
        if self._is_focal:
            losses_GBK *= self._class_alpha(losses_GBK) * _complement(log_p).pow_(self.focal_gamma)
        return self._weigh_items(losses_GBK, targets_GBK)

    def _class_gradients(self, logits_GBK: Tensor, targets_GBK: Tensor) -> Tensor:
        """Times B: slope_j - p_j Σ slopes, an outcome's slope being its target times p dloss/dp."""
        if not self._is_focal:
            gradients_GBK = functional.softmax(logits_GBK, dim=-1).sub_(self._smooth(targets_GBK))
            return self._weigh_items(gradients_GBK, targets_GBK)
        log_p = functional.log_softmax(logits_GBK, dim=-1)
        p, rest = log_p.exp(), _complement(log_p)
        slopes = self.focal_gamma * rest.pow(self.focal_gamma - 1) * p * log_p - rest.pow(self.focal_gamma)
        slopes *= self._class_alpha(slopes) * self._smooth(targets_GBK)
        return self._weigh_items(slopes - p * slopes.sum(-1, keepdim=True), targets_GBK)

    def _label_losses(self, logits_GBK: Tensor, targets_GBK: Tensor) -> Tensor:
        wanted = self._smooth(targets_GBK)
        if not self._is_focal:
            losses_GBK = functional.binary_cross_entropy_with_logits(logits_GBK, wanted, reduction="none")
        else:
            positive, negative = self._label_alpha
            losses_GBK = positive * wanted * self._focal_of_positive(logits_GBK)
            losses_GBK += negative * (1 - wanted) * self._focal_of_positive(-logits_GBK)
        return self._weigh_outputs(losses_GBK, targets_GBK)

    def _label_gradients(self, logits_GBK: Tensor, targets_GBK: Tensor) -> Tensor:
        """Times B and K."""
        wanted = self._smooth(targets_GBK)
        if not self._is_focal:
            gradients_GBK = torch.sigmoid(logits_GBK).sub_(wanted)
        else:
            positive, negative = self._label_alpha
            gradients_GBK = positive * wanted * self._slope_of_positive(logits_GBK)
            gradients_GBK -= negative * (1 - wanted) * self._slope_of_positive(-logits_GBK)
        return self._weigh_outputs(gradients_GBK, targets_GBK)

    def _focal_of_positive(self, logits: Tensor) -> Tensor:
        """The focal loss of a label that is 1; that of a 0 is the same of the negated logit."""
        return -functional.logsigmoid(logits) * torch.sigmoid(-logits).pow_(self.focal_gamma)

    def _slope_of_positive(self, logits: Tensor) -> Tensor:
        """The derivative of `_focal_of_positive`: (1-p)^gamma (gamma p log p - (1-p))."""
        p, rest = torch.sigmoid(logits), torch.sigmoid(-logits)
        return rest.pow(self.focal_gamma) * (self.focal_gamma * p * functional.logsigmoid(logits) - rest)

    def _value_gradients(self, differences_GBK: Tensor) -> Tensor:
        """Times B and K. Where all errors of a target are 0, so is the gradient of their root mean square."""
        if self.value_loss == "mse":
            return differences_GBK.mul_(2.0)
        if self.value_loss == "rmse":
            roots_G1K = differences_GBK.square().mean(1, keepdim=True).sqrt_()
            # Squares of smaller errors underflow: the root would be 0 beside errors that are not.
            smallest = torch.finfo(roots_G1K.dtype).tiny ** 0.5
            return differences_GBK.div_(roots_G1K.clamp_min_(smallest))
        return differences_GBK.clamp_(-1.0, 1.0)

    @property
    def _is_focal(self) -> bool:
        return self.class_loss == "focal"

    @property
    def _label_alpha(self) -> tuple[float, float]:
        return (1.0, 1.0) if self.focal_alpha is None else (self.focal_alpha, 1 - self.focal_alpha)

    def _class_alpha(self, like: Tensor) -> Tensor:
        """Alpha of each class, (K,) or (1,): only of two classes is one the positive one."""
        positive, negative = self._label_alpha
        return like.new_tensor([negative, positive] if like.shape[-1] == 2 else [1.0])

    def _smooth(self, targets_GBK: Tensor) -> Tensor:
        if self.label_smoothing == 0:
            return targets_GBK
        n_values = targets_GBK.shape[-1] if self.task is Task.CLASSIFICATION else 2
        return targets_GBK * (1 - self.label_smoothing) + self.label_smoothing / n_values

    def _weigh_items(self, values_GBK: Tensor, targets_GBK: Tensor) -> Tensor:
        if self.weights_G2K is None:
            return values_GBK
        return values_GBK.mul_((targets_GBK * self.weights_G2K[:, 1:]).sum(-1, keepdim=True))

    def _weigh_outputs(self, values_GBK: Tensor, targets_GBK: Tensor) -> Tensor:
        if self.weights_G2K is None:
            return values_GBK
        return values_GBK.mul_(torch.lerp(self.weights_G2K[:, :1], self.weights_G2K[:, 1:], targets_GBK))


def class_weights(
    targets: NDArray[np.generic], problem: Problem, mode: ClassWeights
) -> NDArray[np.float32] | None:
    """Weights of one training's outputs by the value of their target, from its train split.

    Classes weigh n / (classes that occur * items of the class), scikit-learn's `balanced`; those that do not
    occur, 1. A label's values weigh n / (2 * items of the value); 1 where the label has only one value.
    Either way the weights of the train split average 1, so that the learning rate keeps its meaning.

    Args:
        targets: (N,) class indices, or (N, K) 0/1 labels.
        problem: What is predicted.
        mode: `none` or `balanced`.

    Returns:
        (2, K), the weight where an output's target is 0 and where it is 1; None for `none` and for
        regression. In classification row 0 is 0: an item counts once, with its class.
    """
    if mode == "none" or problem.task is Task.REGRESSION:
        return None
    n_items = len(targets)
    if problem.task is Task.CLASSIFICATION:
        counts_K = np.bincount(targets.astype(np.int64), minlength=problem.n_outputs)
        balanced_K = n_items / (np.count_nonzero(counts_K) * np.maximum(counts_K, 1))
        weights_K = np.where(counts_K > 0, balanced_K, 1.0)
        return np.stack([np.zeros_like(weights_K), weights_K]).astype(np.float32)
    positive_K = np.count_nonzero(targets, axis=0)
    counts_2K = np.stack([n_items - positive_K, positive_K])
    weights_2K = np.where(counts_2K.min(axis=0) > 0, n_items / (2 * np.maximum(counts_2K, 1)), 1.0)
    return weights_2K.astype(np.float32)


def target_matrix(targets: NDArray[np.generic], problem: Problem) -> Tensor:
    """Targets as (N, K) float32: one-hot classes, 0/1 labels, or values."""
    matrix = torch.from_numpy(np.ascontiguousarray(targets))
    if problem.task is Task.CLASSIFICATION:
        matrix = functional.one_hot(matrix.long(), problem.n_outputs)
    return matrix.float()


def _complement(log_p: Tensor) -> Tensor:
    """1 - p without cancellation, and never 0: a gamma below 1 divides by a power of it."""
    return torch.expm1(log_p).neg_().clamp_min_(torch.finfo(log_p.dtype).tiny)
