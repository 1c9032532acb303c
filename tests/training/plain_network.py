"""A small network, its data, and an ordinary torch loop over the same batches: what the loop has to equal."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from seqbench.core.types import Task
from seqbench.training.batches import BatchPlan, PlannedBatches
from seqbench.training.loop import Course, Loop
from seqbench.training.losses import TaskLoss
from seqbench.training.network import NetworkTraining, SupervisedObjective, mean_loss
from seqbench.training.optimizer import Rate, rated_adamw

LOSS = TaskLoss(task=Task.REGRESSION, value_loss="mse")
RATE = Rate(lr=1e-2, weight_decay=0.1)


@dataclass
class Data:
    """Rows of features and targets, cut where they are sliced."""

    x: Tensor
    y: Tensor

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, rows: Any) -> "Data":
        return Data(self.x[rows], self.y[rows])


def data_of(n_items: int = 40, n_targets: int = 3) -> Data:
    torch.manual_seed(1)
    x = torch.randn(n_items, 6)
    return Data(x, torch.tanh(x @ torch.randn(6, n_targets)))


def network_of(n_targets: int = 3, dropout: float = 0.0) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(6, 8), nn.LayerNorm(8), nn.GELU(), nn.Dropout(dropout), nn.Linear(8, n_targets)
    )


def objective_of(loss: Any = LOSS) -> SupervisedObjective[Data]:
    return SupervisedObjective(
        loss, outputs=lambda network, batch: network(batch.x), targets=lambda batch: batch.y
    )


def plan_of(data: Data, batch_size: int = 7) -> BatchPlan:
    return BatchPlan(n_items=len(data), seed=3, batch_size=batch_size)


def loop_of(
    data: Data, course: Course, *, network: nn.Module | None = None, batch_size: int = 7, **changed: Any
) -> tuple[Loop[Data], NetworkTraining[Data]]:
    network = network_of(data.y.shape[1]) if network is None else network
    objective = changed.pop("objective", objective_of())
    settings = {"evaluate": lambda: {"eval_loss": mean_loss(network, objective, [data])}, "seed": 5}
    optimizer = changed.pop("optimizer", None) or rated_adamw(network, RATE)
    training = NetworkTraining(network, objective, optimizer, **(settings | changed))
    batches = PlannedBatches(plan_of(data, batch_size), lambda items_B: data[torch.from_numpy(items_B)])
    return Loop(course, training, batches), training


def train_plainly(
    data: Data, course: Course, *, batch_size: int = 7, clip: float | None = None, loss: Any = None
) -> nn.Sequential:
    """Train with torch's own loss on all items of a step at once, its AdamW and its clipping."""
    network, plan = network_of(data.y.shape[1]), plan_of(data, batch_size)
    matrices = [weight for weight in network.parameters() if weight.dim() > 1]
    others = [weight for weight in network.parameters() if weight.dim() < 2]
    groups = [{"params": matrices, "weight_decay": RATE.weight_decay}, {"params": others, "weight_decay": 0}]
    optimizer = torch.optim.AdamW(groups, lr=RATE.lr, foreach=False, fused=False)
    loss, step, number = loss or nn.functional.mse_loss, 0, 0
    while step < course.n_steps:
        batches = plan.batches(number)
        for first in range(0, len(batches), course.accumulate):
            if step == course.n_steps:
                break
            items = torch.from_numpy(np.concatenate(batches[first : first + course.accumulate]))
            optimizer.zero_grad()
            loss(network(data.x[items]), data.y[items]).backward()
            if clip is not None:
                nn.utils.clip_grad_norm_(network.parameters(), clip)
            for group in optimizer.param_groups:
                group["lr"] = RATE.lr * course.schedule.factor(step, course.n_steps)
            optimizer.step()
            step += 1
        number += 1
    return network


def weights_of(network: nn.Module) -> Tensor:
    return torch.cat([weight.detach().reshape(-1) for weight in network.parameters()])
