"""Taking every layer of a transformer as it is computed, so that hidden states never pile up.

Layer 0 is the input of the first block, layer i the output of block i, and the last layer what the model
itself returns as `last_hidden_state`, after a final norm where it has one: `hidden_states` in transformers.

Shape letters: B sequences in a batch, T tokens, H hidden width.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

Take = Callable[[Tensor], Tensor]


class _DeepestReached(Exception):
    """Ends a forward pass once the deepest wanted layer is taken."""


def find_blocks(model: nn.Module, n_blocks: int) -> list[nn.Module] | None:
    """The model's blocks in order, or None where they can't be told.

    Most families of transformers declare the class of their blocks in `_can_record_outputs`; others are found
    by the one `ModuleList` of as many entries as the model has blocks.
    """
    declared = (getattr(model, "_can_record_outputs", None) or {}).get("hidden_states")
    block_class = getattr(declared, "target_class", declared)
    if isinstance(block_class, type):
        found = [module for module in model.modules() if isinstance(module, block_class)]
        if len(found) == n_blocks:
            return found
    lists = [
        module for module in model.modules() if isinstance(module, nn.ModuleList) and len(module) == n_blocks
    ]
    return list(lists[0]) if len(lists) == 1 else None


class LayerTap:
    """Runs a model and hands each wanted layer to a function as soon as it exists."""

    def __init__(self, model: nn.Module, n_layers: int) -> None:
        self._model = model
        self._n_layers = n_layers
        self._blocks = find_blocks(model, n_layers - 1)

    @property
    def blocks(self) -> list[nn.Module] | None:
        """The model's blocks in order; None where layers are not taken by hooks."""
        return self._blocks

    @property
    def method(self) -> str:
        """How layers are taken: 'hooks', or 'output_hidden_states' where hooks can't be trusted."""
        return "hooks" if self._blocks is not None else "output_hidden_states"

    def check(self, inputs: dict[str, Tensor]) -> None:
        """Compare hooks with `output_hidden_states` on one batch; where they differ, use the latter."""
        if self._blocks is None:
            return
        layers = range(self._n_layers)
        try:
            hooked = self.run(inputs, layers, lambda hidden: hidden.detach().clone())
        except (TypeError, IndexError, AttributeError, KeyError):  # a block of another calling convention
            self._blocks = None
            return
        try:
            truth = _all_hidden_states(self._model, inputs)
        except (TypeError, AttributeError):  # custom code that does not offer them: nothing to compare with
            return
        in_order = [hooked[layer] for layer in layers]
        # State-space models leave the embedding output out: block 1, …, block n, final norm.
        without_first = [hooked[0], *truth[:-2], truth[-1]]
        if not (_agree(in_order, truth) or (self._n_layers > 2 and _agree(in_order, without_first))):
            self._blocks = None

    def run(self, inputs: dict[str, Tensor], layers: Sequence[int], take: Take) -> dict[int, Tensor]:
        """Forward one batch.

        Args:
            inputs: Arguments of the model's forward.
            layers: Wanted layers; blocks above the deepest do not run.
            take: Reduces (B, T, H) hidden states to what is kept, while the pass is still going on.

        Returns:
            What `take` returned, by layer.
        """
        if self._blocks is None:
            hidden = _all_hidden_states(self._model, inputs)
            return {layer: take(hidden[layer]) for layer in layers}
        wanted, deepest, top = frozenset(layers), max(layers), self._n_layers - 1
        taken: dict[int, Tensor] = {}

        def keep(layer: int, hidden: Tensor) -> None:
            if layer in wanted:
                taken[layer] = take(hidden)
            if layer == deepest:
                raise _DeepestReached

        handles = [
            self._blocks[0].register_forward_pre_hook(
                lambda module, args, kwargs: keep(0, _hidden_argument(args, kwargs)), with_kwargs=True
            )
        ]
        for layer, block in enumerate(self._blocks[:deepest], start=1):
            if layer < top:  # the top layer is the model's own output, after its final norm
                handles.append(block.register_forward_hook(_block_hook(layer, keep)))
        try:
            output = self._model(**inputs)
            taken[top] = take(output[0])
        except _DeepestReached:
            pass
        finally:
            for handle in handles:
                handle.remove()
        return taken


def _agree(one: Sequence[Tensor], other: Sequence[Tensor]) -> bool:
    return len(one) == len(other) and all(
        left.shape == right.shape
        and torch.allclose(left.float(), right.float(), rtol=1e-4, atol=1e-5, equal_nan=True)
        for left, right in zip(one, other, strict=True)
    )


def _block_hook(layer: int, keep: Callable[[int, Tensor], None]) -> Callable[..., None]:
    def hook(module: nn.Module, args: Any, output: Any) -> None:
        keep(layer, output[0] if isinstance(output, tuple) else output)

    return hook


def _hidden_argument(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    hidden = args[0] if args else kwargs["hidden_states"]
    if not isinstance(hidden, Tensor):
        raise TypeError("the first block is not called with hidden states")
    return hidden


def _all_hidden_states(model: nn.Module, inputs: dict[str, Tensor]) -> list[Tensor]:
    output = model(**inputs, output_hidden_states=True)
    return [*output.hidden_states[:-1], output[0]]
