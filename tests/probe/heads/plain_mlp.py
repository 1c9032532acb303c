"""An ordinary network with autograd, loop and torch's optimiser: what a network of a stack has to equal."""

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn

from seqbench.core.types import Task
from seqbench.probe.heads import HeadData
from seqbench.probe.heads.mlp.draws import Draws

LOSSES = {
    Task.CLASSIFICATION: nn.CrossEntropyLoss(),
    Task.LABELS: nn.BCEWithLogitsLoss(),
    Task.REGRESSION: nn.HuberLoss(),
}
ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU, "tanh": nn.Tanh}


class SharedDropout(nn.Module):
    """Dropout by the masks it is handed."""

    mask: torch.Tensor | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x if self.mask is None else x * self.mask


def network_of(widths: list[int], settings: dict[str, Any]) -> tuple[nn.Sequential, list[SharedDropout]]:
    modules: list[nn.Module] = []
    for n_inputs, n_outputs in pairwise(widths):
        norm = [nn.LayerNorm(n_outputs)] if settings["norm"] == "layer" else []
        activation = ACTIVATIONS[settings["activation"]]()
        modules += [nn.Linear(n_inputs, n_outputs), *norm, activation, SharedDropout()]
    while not isinstance(modules[-1], nn.Linear):
        modules.pop()
    return nn.Sequential(*modules), [module for module in modules if isinstance(module, SharedDropout)]


def factor(step: int, n_steps: int, settings: dict[str, Any]) -> float:
    rising = math.ceil(settings["warmup"] * n_steps)
    if step < rising:
        return (step + 1) / rising
    share = (step - rising) / (n_steps - rising)
    return 1.0 if settings["decay"] == "constant" else (1 + math.cos(math.pi * share)) / 2


def optimizer_of(network: nn.Module, settings: dict[str, Any]) -> torch.optim.Optimizer:
    decaying = [value for value in network.parameters() if value.dim() == 2]
    others = [value for value in network.parameters() if value.dim() < 2]
    groups = [
        {"params": decaying, "weight_decay": settings["weight_decay"]},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings["lr"], fused=False, foreach=False)


def train_alone(
    train: HeadData,
    task: Task,
    n_outputs: int,
    seed: int,
    settings: dict[str, Any],
    layer: int = 0,
    criterion: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = None,
) -> nn.Sequential:
    """Train as `MlpHead` says it does, without standardisation; only order and masks come from the stream."""
    features, targets = torch.from_numpy(train.features_LNH[layer]), torch.from_numpy(train.targets)
    targets = targets if task is Task.CLASSIFICATION else targets.float()
    hidden = list(settings["hidden"])
    widths = [features.shape[1], *hidden, n_outputs]
    torch.manual_seed(seed)
    network, drops = network_of(widths, settings)
    draws, optimizer = Draws(seed, torch.device("cpu")), optimizer_of(network, settings)
    for n_inputs, n_out in pairwise(widths):
        draws.linear(n_inputs, n_out)
    steps_a_pass = math.ceil(math.ceil(len(features) / settings["batch_size"]) / settings["accumulate"])
    n_steps = settings["steps"] or settings["epochs"] * steps_a_pass
    criterion = criterion or LOSSES[task]
    step = 0
    while step < n_steps:
        batches = list(draws.epoch(len(features), settings["batch_size"], hidden, settings["dropout"]))
        for together in _parts(batches, settings["accumulate"]):
            if step == n_steps:
                break
            optimizer.zero_grad()
            for batch in together:
                for drop, mask in zip(drops, batch.masks_BO, strict=False):
                    drop.mask = mask
                loss = criterion(network(features[batch.index_B]), targets[batch.index_B])
                (loss / len(together)).backward()
            if settings["clip"]:
                nn.utils.clip_grad_norm_(network.parameters(), settings["clip"])
            for group in optimizer.param_groups:
                group["lr"] = settings["lr"] * factor(step, n_steps, settings)
            optimizer.step()
            step += 1
    for drop in drops:
        drop.mask = None
    return network


def _parts(items: list[Any], size: int) -> Iterator[list[Any]]:
    for first in range(0, len(items), size):
        yield items[first : first + size]


def predict_alone(network: nn.Sequential, task: Task, features: np.ndarray) -> np.ndarray:
    logits = network(torch.from_numpy(features)).detach()
    outputs = {Task.CLASSIFICATION: logits.softmax(1), Task.LABELS: logits.sigmoid()}
    return outputs.get(task, logits).numpy()
