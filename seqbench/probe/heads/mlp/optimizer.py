"""The optimiser of a stack of networks, with one rate or several."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from seqbench.probe.heads.mlp.stack import MlpStack
from seqbench.training.optimizer import Rate, RatedAdamW


def stack_optimizer(stack: MlpStack, rates: Sequence[Rate]) -> RatedAdamW:
    """Fused AdamW on a stack whose networks come in equal runs, one run a rate."""
    return RatedAdamW(_one_rate(stack, rates[0]) if len(rates) == 1 else _several_rates(stack, rates))


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
