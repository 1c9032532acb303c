"""How long an MLP trains and how fast: steps, the learning rate's course, AdamW with several rates.

Shape letters: G networks of a stack.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from seqbench.config.fields import Decay
from seqbench.probe.heads.base import ChooseEpoch
from seqbench.probe.heads.mlp.stack import MlpStack


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """AdamW's settings of a network."""

    lr: float
    weight_decay: float
    """Share of the learning rate by which a step shrinks weights, never biases and norms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The course of a training; the fields are those of `MlpHead`."""

    dropout: float
    batch_size: int
    accumulate: int
    epochs: int
    steps: int | None
    patience: int | None
    warmup: float
    decay: Decay
    clip: float | None
    choose_epoch: ChooseEpoch
    checkpoint_steps: int | None

    def steps_a_pass(self, n_items: int) -> int:
        """Optimiser steps of one pass over train; the last one may be of fewer batches."""
        return math.ceil(math.ceil(n_items / self.batch_size) / self.accumulate)

    def n_steps(self, n_items: int) -> int:
        """Optimiser steps of the whole training, if nothing ends it early."""
        return self.epochs * self.steps_a_pass(n_items) if self.steps is None else self.steps

    def n_passes(self, n_items: int) -> int:
        """Passes over train, the last of which `steps` may cut short; a learning curve has a point a pass."""
        return math.ceil(self.n_steps(n_items) / self.steps_a_pass(n_items))

    def factor(self, step: int, n_steps: int) -> float:
        """Share of the learning rate that a step takes.

        Rises on a line from 0 before the first step to 1 at the last of the warm-up, which are
        ceil(warmup * n_steps) steps. Then stays, or falls as half a cosine that reaches 0 after the last step
        (Loshchilov & Hutter 2017, https://arxiv.org/abs/1608.03983, without restarts).

        Args:
            step: From 0.
            n_steps: Of the whole training.
        """
        n_rising = math.ceil(self.warmup * n_steps)
        if step < n_rising:
            return (step + 1) / n_rising
        if self.decay == "constant":
            return 1.0
        return 0.5 * (1 + math.cos(math.pi * (step - n_rising) / (n_steps - n_rising)))

    @property
    def changes_rate(self) -> bool:
        """Whether `factor` is ever other than 1."""
        return self.warmup > 0 or self.decay != "constant"


class StackOptimizer:
    """Fused AdamW on a stack whose networks come in equal runs, one run a rate."""

    def __init__(self, stack: MlpStack, rates: Sequence[Rate]) -> None:
        groups = _one_rate(stack, rates[0]) if len(rates) == 1 else _several_rates(stack, rates)
        self.adamw = torch.optim.AdamW(groups, fused=True)
        self._lr: list[float] = [group["lr"] for group in self.adamw.param_groups]

    def step(self, factor: float) -> None:
        """Move all networks by `factor` of their learning rates along the gradients in the stack."""
        for group, lr in zip(self.adamw.param_groups, self._lr, strict=True):
            group["lr"] = lr * factor
        self.adamw.step()


def _one_rate(stack: MlpStack, rate: Rate) -> list[dict[str, Any]]:
    """Without decay the whole stack is one tensor, and a step one call."""
    if rate.weight_decay == 0:
        return [_group(rate, [(stack.values, stack.gradient_values)], decays=False)]
    weights, others = slice(0, stack.n_decaying), slice(stack.n_decaying, None)
    return [
        _group(rate, [(stack.values[weights], stack.gradient_values[weights])], decays=True),
        _group(rate, [(stack.values[others], stack.gradient_values[others])], decays=False),
    ]


def _several_rates(stack: MlpStack, rates: Sequence[Rate]) -> list[dict[str, Any]]:
    groups, run = [], stack.n_networks // len(rates)
    sections = zip(stack.sections(stack.values), stack.sections(stack.gradient_values), strict=True)
    for decays, (tensors, gradients) in zip((True, False), sections, strict=True):
        pairs = list(zip(tensors, gradients, strict=True))
        for place, rate in enumerate(rates):
            networks = slice(place * run, (place + 1) * run)
            parts = [(tensor[networks], gradient[networks]) for tensor, gradient in pairs]
            groups.append(_group(rate, parts, decays=decays))
    return groups


def _group(rate: Rate, tensors: Sequence[tuple[Tensor, Tensor]], *, decays: bool) -> dict[str, Any]:
    for values, gradients in tensors:
        values.grad = gradients
    weight_decay = rate.weight_decay if decays else 0.0
    return {"params": [values for values, _ in tensors], "lr": rate.lr, "weight_decay": weight_decay}
