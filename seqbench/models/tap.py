"""Taking every layer of a transformer as it is computed, so that hidden states never pile up.

Layer 0 is the input of the first block, layer i the output of block i, and the last layer what the model
itself returns as `last_hidden_state`, after a final norm where it has one: `hidden_states` in transformers.

Shape letters: B sequences in a batch, T tokens, H hidden width.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn

Take = Callable[[Tensor], Tensor]
TakeLayer = Callable[[int, Tensor], Tensor]
Inputs = dict[str, Any]

FAULTS: Final = (RuntimeError, IndexError, TypeError, ValueError, AttributeError, KeyError)
"""What code of models raises when it is not run as it expects; NotImplementedError is a RuntimeError."""


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


def first_declared(n_declared: int, n_blocks: int) -> int | None:
    """The layer that the first entry of a model's `hidden_states` is; None where their number does not tell.

    n + 1 entries are the embedding output and every block, n + 2 the last norm as well (HyenaDNA), n the
    blocks alone (NeoBERT).
    """
    return {n_blocks: 1, n_blocks + 1: 0, n_blocks + 2: 0}.get(n_declared)


class LayerTap:
    """Runs a model and hands each wanted layer to a function as soon as it exists."""

    def __init__(self, model: nn.Module, n_layers: int) -> None:
        self._model = model
        self.n_layers = n_layers
        self._blocks = find_blocks(model, n_layers - 1)
        self.lacking: dict[int, str] = {}
        """Layers that can't be had, and why; known after `check`."""

    @property
    def blocks(self) -> list[nn.Module] | None:
        """The model's blocks in order; None where layers are not taken by hooks."""
        return self._blocks

    @property
    def method(self) -> str:
        """How layers are taken: 'hooks', or 'output_hidden_states' where hooks can't be trusted."""
        return "hooks" if self._blocks is not None else "output_hidden_states"

    def check(self, inputs: Inputs) -> None:
        """Compare hooks with `output_hidden_states` on one batch; where they differ, use the latter."""
        try:
            declared, last = declared_states(self._model, inputs)
        except FAULTS:  # custom code that does not offer them: nothing to compare with
            declared, last = None, None
        if self._blocks is not None and self._hooks_agree(inputs, declared, last):
            return
        self._blocks = None
        have = self._numbered(declared, last)
        for layer in range(self.n_layers):
            if layer not in have:
                count = "no hidden_states" if declared is None else f"{len(declared)} hidden_states"
                self.lacking[layer] = f"the model returns {count} of {self.n_layers - 1} blocks"

    def _hooks_agree(self, inputs: Inputs, declared: list[Tensor] | None, last: Tensor | None) -> bool:
        layers = range(self.n_layers)
        try:
            hooked = self.take(inputs, layers, lambda layer, hidden: hidden.detach().clone())
        except FAULTS:  # a block of another calling convention
            return False
        if len(hooked) < self.n_layers:
            return False
        if declared is None or last is None:
            return True
        top = self.n_layers - 1
        # Without the embedding output NeoBERT returns n entries, but state-space models n + 1.
        starts = [0, 1] if top > 1 or len(declared) == top else [0]
        return _close(hooked[top], last) and any(
            len(declared) >= top - start
            and all(_close(hooked[layer], declared[layer - start]) for layer in range(start, top))
            for start in starts
        )

    def _numbered(self, declared: list[Tensor] | None, last: Tensor | None) -> dict[int, Tensor]:
        """Layers by number, of what a model returns."""
        top = self.n_layers - 1
        found: dict[int, Tensor] = {}
        start = None if declared is None else first_declared(len(declared), top)
        if declared is not None and start is not None:
            found = {layer: declared[layer - start] for layer in range(start, top)}
        return found if last is None else {**found, top: last}

    def take(self, inputs: Inputs, layers: Sequence[int], take: TakeLayer) -> dict[int, Tensor]:
        """Forward one batch.

        Args:
            inputs: Arguments of the model's forward.
            layers: Wanted layers; blocks above the deepest do not run.
            take: Reduces a layer's hidden states to what is kept, while the pass is still going on.

        Returns:
            What `take` returned, by layer.
        """
        if self._blocks is None:
            hidden = self._numbered(*declared_states(self._model, inputs))
            return {layer: take(layer, hidden[layer]) for layer in layers}
        wanted, deepest, top = frozenset(layers), max(layers), self.n_layers - 1
        taken: dict[int, Tensor] = {}

        def keep(layer: int, hidden: Tensor) -> None:
            if layer in wanted:
                taken[layer] = take(layer, hidden)
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
            taken[top] = take(top, last_state(output))
        except _DeepestReached:
            pass
        finally:
            for handle in handles:
                handle.remove()
        return taken

    def run(self, inputs: Inputs, layers: Sequence[int], take: Take) -> dict[int, Tensor]:
        """As `take`, with a function that need not know the layer."""
        return self.take(inputs, layers, lambda layer, hidden: take(hidden))


def declared_states(model: nn.Module, inputs: Mapping[str, Any]) -> tuple[list[Tensor] | None, Tensor]:
    """A model's own `hidden_states`, None where it returns none, and its last hidden state."""
    try:
        output = model(**inputs, output_hidden_states=True)
    except TypeError:  # a forward that knows no such argument
        output = model(**inputs)
    states = getattr(output, "hidden_states", None)
    return None if states is None else list(states), last_state(output)


def last_state(output: Any) -> Tensor:
    """What a model returns as its last hidden state.

    Raises:
        TypeError: It returns no tensor.
    """
    found = output if isinstance(output, Tensor) else getattr(output, "last_hidden_state", None)
    found = output[0] if found is None else found
    if not isinstance(found, Tensor):
        raise TypeError(f"the model returns {type(found).__name__} as its last hidden state")
    return found


def _close(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(
        one.float(), other.float(), rtol=1e-4, atol=1e-5, equal_nan=True
    )


def _block_hook(layer: int, keep: Callable[[int, Tensor], None]) -> Callable[..., None]:
    def hook(module: nn.Module, args: Any, output: Any) -> None:
        hidden = output if isinstance(output, Tensor) else output[0]
        if not isinstance(hidden, Tensor):
            raise TypeError("a block does not return hidden states")
        keep(layer, hidden)

    return hook


def _hidden_argument(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    hidden = args[0] if args else kwargs["hidden_states"]
    if not isinstance(hidden, Tensor):
        raise TypeError("the first block is not called with hidden states")
    return hidden
