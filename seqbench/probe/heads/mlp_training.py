"""Training a stack of MLPs: the same batches for all networks, the best epoch kept for each.

Shape letters: L layers of the model (one network each), N items, H features, K outputs, E epochs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from seqbench.probe.heads import mlp_losses
from seqbench.probe.heads.base import ChooseEpoch
from seqbench.probe.heads.mlp_draws import Draws
from seqbench.probe.heads.mlp_stack import MlpStack
from seqbench.vocabulary import Task

PREDICT_ROWS = 2048
"""Items of one forward pass outside training."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How long and how fast; the units are those of `MlpHead`."""

    widths: Sequence[int]
    dropout: float
    lr: float
    batch_size: int
    epochs: int
    choose_epoch: ChooseEpoch


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitTensors:
    """A split on the device that trains."""

    features_NLH: Tensor
    """Items first: the rows of a batch, all layers of an item together, are then one gather."""
    targets_NK: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """Mean loss of an item, by epoch and network, (E, L), on the CPU."""

    train_EL: Tensor
    """Measured while training: with dropout, over weights that change within the epoch."""
    eval_EL: Tensor
    """Measured after the epoch, without dropout."""


@torch.no_grad()
def train(
    task: Task,
    train_split: SplitTensors,
    eval_split: SplitTensors,
    schedule: Schedule,
    draws: Draws,
    epoch_done: Callable[[], None],
) -> tuple[MlpStack, Curves]:
    """Train one network a layer with Adam and leave each at the weights of its chosen epoch.

    A network's numbers never meet another's, so each is what it would be alone, and one that diverges stays
    by itself.
    """
    n_layers = train_split.features_NLH.shape[1]
    device = train_split.features_NLH.device
    stack = MlpStack(n_layers, schedule.widths, draws, device)
    optimizer = torch.optim.Adam([stack.values], lr=schedule.lr, fused=True)
    best_values = stack.values.clone()
    best_L = torch.full((n_layers,), torch.inf, device=device)
    train_curve, eval_curve = [], []
    for _ in range(schedule.epochs):
        train_curve.append(_train_epoch(task, stack, train_split, schedule, draws, optimizer))
        eval_L = _mean_losses(task, stack, eval_split)
        eval_curve.append(eval_L)
        improved_L = eval_L < best_L
        best_L = torch.where(improved_L, eval_L, best_L)
        if schedule.choose_epoch == "best":
            stack.copy_networks(improved_L, best_values)
        epoch_done()
    if schedule.choose_epoch == "best":
        stack.values.copy_(best_values)
    return stack, Curves(train_EL=torch.stack(train_curve).cpu(), eval_EL=torch.stack(eval_curve).cpu())


def _train_epoch(
    task: Task,
    stack: MlpStack,
    split: SplitTensors,
    schedule: Schedule,
    draws: Draws,
    optimizer: torch.optim.Optimizer,
) -> Tensor:
    n_items, n_layers, _ = split.features_NLH.shape
    total_L = torch.zeros(n_layers, device=split.features_NLH.device)
    for batch in draws.epoch(n_items, schedule.batch_size, schedule.widths[1:-1], schedule.dropout):
        features_LBH = split.features_NLH.index_select(0, batch.index_B).transpose(0, 1)
        targets_BK = split.targets_NK.index_select(0, batch.index_B)
        activations = stack.forward(features_LBH, batch.masks_BO)
        total_L += mlp_losses.losses(task, activations[-1], targets_BK)
        stack.backward(activations, batch.masks_BO, mlp_losses.gradients(task, activations[-1], targets_BK))
        optimizer.step()
    return total_L / n_items


def _mean_losses(task: Task, stack: MlpStack, split: SplitTensors) -> Tensor:
    total_L = torch.zeros(split.features_NLH.shape[1], device=split.features_NLH.device)
    for logits_LBK, rows in _logits(stack, split.features_NLH):
        total_L += mlp_losses.losses(task, logits_LBK, split.targets_NK[rows])
    return total_L / len(split.features_NLH)


@torch.no_grad()
def predict(task: Task, stack: MlpStack, features_NLH: Tensor) -> Tensor:
    """Predict all items with all networks, (L, N, K) on the CPU, float32; values are still standardised."""
    parts = [mlp_losses.predictions(task, logits_LBK).cpu() for logits_LBK, _ in _logits(stack, features_NLH)]
    return torch.cat(parts, dim=1)


def _logits(stack: MlpStack, features_NLH: Tensor) -> list[tuple[Tensor, slice]]:
    spans = [slice(first, first + PREDICT_ROWS) for first in range(0, len(features_NLH), PREDICT_ROWS)]
    return [(stack.forward(features_NLH[rows].transpose(0, 1), ())[-1], rows) for rows in spans]
