"""AdamW with several learning rates, and without decay of biases and norms."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """AdamW's settings of some weights."""

    lr: float
    weight_decay: float
    """Share of the learning rate by which a step shrinks weights, never biases and norms."""


class RatedAdamW:
    """AdamW whose groups each take the same share of their own learning rate in a step."""

    def __init__(self, groups: Sequence[Mapping[str, Any]], *, fused: bool = True) -> None:
        """Make the optimiser.

        Args:
            groups: As `torch.optim.AdamW` takes them; each has an `lr`.
            fused: One kernel for all of a group's tensors.
        """
        self.adamw = torch.optim.AdamW([dict(group) for group in groups], fused=fused)
        self._lr: list[float] = [group["lr"] for group in self.adamw.param_groups]

    def step(self, factor: float) -> None:
        """Move all weights by `factor` of their learning rates along their gradients."""
        for group, lr in zip(self.adamw.param_groups, self._lr, strict=True):
            group["lr"] = lr * factor
        self.adamw.step()

    def state(self) -> dict[str, Any]:
        """Moments and counts of all weights; what `restore` takes."""
        return self.adamw.state_dict()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state of the same groups."""
        self.adamw.load_state_dict(dict(state))


def rated_adamw(network: nn.Module, rate: Rate, others: Mapping[str, Rate] | None = None) -> RatedAdamW:
    """Make the optimiser of a network's weights that are trained.

    Args:
        network: Weights that ask for no gradient are left out.
        rate: Of all weights that no prefix below names.
        others: Rates by the beginning of the weights' names, as `{"head.": Rate(…)}`; the longest counts.

    Raises:
        ValueError: A prefix names no weight that is trained.
    """
    rates = {"": rate, **(others or {})}
    prefixes = sorted(rates, key=len, reverse=True)
    undecayed = undecayed_names(network)
    groups: dict[tuple[str, bool], list[Tensor]] = {}
    for name, weight in network.named_parameters():
        if weight.requires_grad:
            prefix = next(prefix for prefix in prefixes if name.startswith(prefix))
            groups.setdefault((prefix, name not in undecayed), []).append(weight)
    used = {prefix for prefix, _ in groups}
    if unused := sorted(set(others or {}) - used):
        raise ValueError(f"no weight that is trained begins with {unused[0]!r}")
    return RatedAdamW(
        [
            {
                "params": weights,
                "lr": rates[prefix].lr,
                "weight_decay": rates[prefix].weight_decay if decays else 0.0,
            }
            for (prefix, decays), weights in groups.items()
        ],
        fused=_can_be_fused(weight for weights in groups.values() for weight in weights),
    )


def undecayed_names(network: nn.Module) -> set[str]:
    """Names of the weights that are never shrunk: biases, norms, single rows, and what says so itself.

    A norm is a module with `norm` in its class's name (LayerNorm, LlamaRMSNorm, BatchNorm1d). State-space
    models mark their time constants with the attribute `_no_weight_decay`.
    """
    found = set()
    for path, module in network.named_modules():
        is_norm = "norm" in type(module).__name__.lower()
        for name, weight in module.named_parameters(recurse=False):
            own = name.endswith("bias") or weight.dim() < 2 or getattr(weight, "_no_weight_decay", False)
            if is_norm or own:
                found.add(f"{path}.{name}" if path else name)
    return found


def _can_be_fused(weights: Iterable[Tensor]) -> bool:
    return all(weight.is_floating_point() and weight.device.type in ("cpu", "cuda") for weight in weights)
