"""What the last hidden states depend on, found by one backward pass: the only parts worth training.

Models carry parts that hidden states do not pass through (BERT's pooler, ESM's contact head, a decoder). Such
weights get no gradient, and peft's `all-linear` would give them adapters nevertheless.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor, enable_grad, nn
from torch.utils.hooks import RemovableHandle


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What a backward pass from the last hidden states came to."""

    weights: frozenset[str]
    """Names of parameters with a gradient."""
    linear: tuple[str, ...]
    """Names of linear maps whose output has a gradient, in the model's order."""
    other_linear: tuple[str, ...]
    """Linear maps without one, or whose weight is used past them, as that of Mamba's `dt_proj`."""
    early: frozenset[str]
    """Names of parameters of the modules that run before a block."""


def is_linear(module: nn.Module) -> bool:
    """Whether a module is a linear map that peft has adapters for."""
    from transformers.pytorch_utils import Conv1D

    return isinstance(module, nn.Linear | Conv1D)


def find_reach(
    model: nn.Module, run: Callable[[], Tensor], blocks: Sequence[nn.Module], n_early: int
) -> Reach:
    """Run a model forwards and backwards once.

    Args:
        model: In evaluation mode; all its parameters ask for gradients afterwards, and hold none.
        run: Gives the last hidden states of a few tokens.
        blocks: The model's blocks, in order.
        n_early: How many of them count as early, with all that runs before.

    Returns:
        Experts that the few tokens did not go to count as reached where others of the same place are.
    """
    model.requires_grad_(True)
    named = dict(model.named_modules())
    reached: set[str] = set()
    handles: list[RemovableHandle] = []

    def watch(name: str) -> Callable[[nn.Module, object, object], None]:
        def note(module: nn.Module, inputs: object, output: object) -> None:
            if isinstance(output, Tensor) and output.requires_grad:
                output.register_hook(lambda slope: reached.add(name))  # type: ignore[no-untyped-call]

        return note

    linear = [name for name, module in named.items() if is_linear(module)]
    handles += [named[name].register_forward_hook(watch(name)) for name in linear]
    early = _Early(named, blocks, n_early)
    try:
        with enable_grad():
            run().float().square().sum().backward()  # type: ignore[no-untyped-call]
        weights = {name for name, weight in model.named_parameters() if weight.grad is not None}
    finally:
        for handle in [*handles, *early.handles]:
            handle.remove()
        model.zero_grad(set_to_none=True)
    every = [name for name, _ in model.named_parameters()]
    linear_reached = _with_experts(linear, reached)
    return Reach(
        weights=frozenset(_with_experts(every, weights)),
        linear=tuple(name for name in linear if name in linear_reached),
        other_linear=tuple(name for name in linear if name not in linear_reached),
        early=frozenset(name for name, weight in model.named_parameters() if id(weight) in early.weights),
    )


class _Early:
    """Notes the parameters of all modules that run before a block, and of the blocks before it."""

    def __init__(self, named: dict[str, nn.Module], blocks: Sequence[nn.Module], n_early: int) -> None:
        self.weights: set[int] = set()
        """By identity, as a weight may have several names."""
        self.handles: list[RemovableHandle] = []
        if not n_early:
            return
        first = blocks[n_early] if n_early < len(blocks) else None
        self._is_early = True

        def note(module: nn.Module, inputs: object) -> None:
            self._is_early = self._is_early and module is not first
            if self._is_early:
                self.weights.update(map(id, module.parameters(recurse=False)))

        self.handles = [module.register_forward_pre_hook(note) for module in named.values()]


def _with_experts(names: Sequence[str], reached: set[str]) -> set[str]:
    """Names that were reached, and those of other experts at the same place."""
    patterns = {pattern_of(name) for name in reached if "expert" in name}
    return reached | {name for name in names if "expert" in name and pattern_of(name) in patterns}


def pattern_of(name: str) -> str:
    """A name with a star for each number: `encoder.layer.*.output.dense`."""
    return re.sub(r"(?<=\.)\d+(?=\.|$)", "*", name)


def patterns_of(names: Sequence[str]) -> str:
    """Names as patterns, each once, with how many there are; for messages."""
    counts: dict[str, int] = {}
    for name in names:
        counts[pattern_of(name)] = counts.get(pattern_of(name), 0) + 1
    return ", ".join(f"{pattern} ({count})" if count > 1 else pattern for pattern, count in counts.items())
