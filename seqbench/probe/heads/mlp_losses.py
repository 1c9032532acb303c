"""The losses of the MLP with their gradients, for a stack of networks on the same batch.

Shape letters: L layers (networks), B items of a batch, K outputs.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from seqbench.probe.heads.base import Problem
from seqbench.vocabulary import Task


def target_matrix(targets: NDArray[np.generic], problem: Problem) -> Tensor:
    """Targets as (N, K) float32: one-hot classes, 0/1 labels, or values."""
    matrix = torch.from_numpy(np.ascontiguousarray(targets))
    if problem.task is Task.CLASSIFICATION:
        matrix = functional.one_hot(matrix.long(), problem.n_outputs)
    return matrix.float()


def losses(task: Task, logits_LBK: Tensor, targets_BK: Tensor) -> Tensor:
    """Each network's loss summed over the items, (L,).

    An item's loss is its cross-entropy, or the mean over labels of the binary cross-entropy, or the mean over
    targets of the Huber loss with delta 1 (0.5 d² up to |d| = 1, then |d| - 0.5).
    """
    if task is Task.CLASSIFICATION:
        return -(functional.log_softmax(logits_LBK, dim=-1) * targets_BK).sum((1, 2))
    targets_LBK = targets_BK.expand_as(logits_LBK)
    loss = functional.binary_cross_entropy_with_logits if task is Task.LABELS else functional.huber_loss
    return loss(logits_LBK, targets_LBK, reduction="none").mean(-1).sum(1)


def gradients(task: Task, logits_LBK: Tensor, targets_BK: Tensor) -> Tensor:
    """Gradient of each network's mean loss over the batch with respect to its logits, (L, B, K)."""
    n_items, n_outputs = targets_BK.shape
    if task is Task.CLASSIFICATION:
        return functional.softmax(logits_LBK, dim=-1).sub_(targets_BK).mul_(1 / n_items)
    if task is Task.LABELS:
        difference = torch.sigmoid(logits_LBK).sub_(targets_BK)
    else:
        difference = (logits_LBK - targets_BK).clamp_(-1.0, 1.0)
    return difference.mul_(1 / (n_items * n_outputs))


def predictions(task: Task, logits_LBK: Tensor) -> Tensor:
    """Class probabilities, label probabilities, or the values as they are."""
    if task is Task.CLASSIFICATION:
        return functional.softmax(logits_LBK, dim=-1)
    return torch.sigmoid(logits_LBK) if task is Task.LABELS else logits_LBK
