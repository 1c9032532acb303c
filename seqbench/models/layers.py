"""Which layers of a model can be pooled, and which of their positions are those of the tokens.

Most layers have one position a token. Some models pad inside (BigBird, Reformer) or put learned tokens before
the sequence; where the tokens stand is found by changing the first and the last of them. A layer that is
shortened (towers of convolutions), or of another width than the others, is left out by name.

Shape letters: B sequences in a batch, T tokens, P positions of a layer, H hidden width.
"""

from collections import Counter
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from seqbench.errors import ModelError
from seqbench.models.base import told
from seqbench.models.tap import FAULTS, Inputs, LayerTap, Take


class _Unplaced(Exception):
    """A layer has other positions than tokens, and it is not known yet where the tokens stand."""

    def __init__(self, positions: int) -> None:
        super().__init__(f"{positions} positions")
        self.positions = positions


class Layers:
    """The layers of a model as (B, T, H), each pooled as soon as it exists."""

    def __init__(self, tap: LayerTap, name: str) -> None:
        self._tap = tap
        self._name = name
        self.left_out: dict[int, str] = dict(tap.lacking)
        """Layers that can't be pooled, and why; known after `settle`."""
        self.hidden = 0
        """Width of all others."""
        self._starts: dict[tuple[int, int], int | None] = {}
        """By tokens and positions, the position of the first token; None where it can't be told."""

    @property
    def numbers(self) -> list[int]:
        """The layers that can be pooled, in order."""
        return [layer for layer in range(self._tap.n_layers) if layer not in self.left_out]

    def settle(self, trials: Sequence[Inputs]) -> None:
        """Find out which layers can be pooled, and how wide they are.

        Args:
            trials: Batches of some lengths.

        Raises:
            ModelError: None can be.
        """
        widths: dict[int, int] = {}
        for inputs in trials:
            shapes = self._tap.take(inputs, self.numbers, lambda layer, hidden: torch.tensor(hidden.shape))
            for layer, shape in shapes.items():
                widths[layer] = int(shape[-1])
                if reason := self._fault(inputs, tuple(shape.tolist())):
                    self.left_out[layer] = reason
        counts = Counter(widths[layer] for layer in self.numbers)
        if not counts:
            raise ModelError(f"model {self._name!r}: none of its layers can be pooled: {told(self.left_out)}")
        most = max(counts.values())
        self.hidden = next(widths[layer] for layer in self.numbers[::-1] if counts[widths[layer]] == most)
        for layer in self.numbers:
            if widths[layer] != self.hidden:
                self.left_out[layer] = f"{widths[layer]} wide, the others {self.hidden}"

    def _fault(self, inputs: Inputs, shape: tuple[int, ...]) -> str | None:
        tokens = inputs["input_ids"].shape[1]
        if len(shape) != 3:
            return f"its shape is {shape}, not batch × tokens × width"
        if shape[1] == tokens or self._start(inputs, shape[1]) is not None:
            return None
        return f"{shape[1]:,} positions for {tokens:,} tokens"

    def run(
        self, inputs: Inputs, layers: Sequence[int], take: Take, again: Callable[[], None] = lambda: None
    ) -> dict[int, Tensor]:
        """Forward one batch; see `LayerTap.take`.

        Args:
            inputs: Arguments of the model's forward.
            layers: Wanted layers.
            take: Reduces (B, T, H) hidden states to what is kept.
            again: Called before `take` gets all layers anew.

        Raises:
            ModelError: A layer has not one position a token at this length, though it had at others.
        """
        tokens = inputs["input_ids"].shape[1]
        while True:
            try:
                return self._tap.take(
                    inputs, layers, lambda layer, hidden: take(self._of_tokens(layer, hidden, tokens))
                )
            except _Unplaced as found:
                positions = found.positions
            self._start(inputs, positions)
            again()

    def _of_tokens(self, layer: int, hidden_BPH: Tensor, tokens: int) -> Tensor:
        positions = hidden_BPH.shape[1]
        if positions == tokens:
            return hidden_BPH
        if (tokens, positions) not in self._starts:
            raise _Unplaced(positions)
        start = self._starts[tokens, positions]
        if start is None:
            raise ModelError(
                f"model {self._name!r}: layer {layer} has {positions:,} positions for {tokens:,} tokens, so "
                "it can't be pooled (leave it out of extract.layers)"
            )
        return hidden_BPH[:, start : start + tokens]

    def _start(self, inputs: Inputs, positions: int) -> int | None:
        """Where the first token stands among the positions of a layer; kept."""
        key = (inputs["input_ids"].shape[1], positions)
        if key not in self._starts:
            self._starts[key] = self._find_start(inputs, positions)
        return self._starts[key]

    def _find_start(self, inputs: Inputs, positions: int) -> int | None:
        ids_1T = inputs["input_ids"][:1]
        tokens = ids_1T.shape[1]
        if positions < tokens or tokens < 2 or 0 in self.left_out:
            return None
        rest = inputs | {key: torch.ones_like(ids_1T) for key in inputs.keys() & {"attention_mask"}}
        try:
            as_is, first, last = (
                self._tap.run({**rest, "input_ids": ids}, [0], lambda hidden: hidden.detach().clone())[0]
                for ids in (ids_1T, _with_other(ids_1T, 0), _with_other(ids_1T, tokens - 1))
            )
        except FAULTS:
            return None
        if as_is.ndim != 3 or as_is.shape[1] != positions:
            return None
        moved = [(other != as_is)[0].any(dim=-1).nonzero().flatten().tolist() for other in (first, last)]
        at_first, at_last = moved
        if len(at_first) == len(at_last) == 1 and at_last[0] - at_first[0] == tokens - 1:
            return int(at_first[0])
        return None


def _with_other(ids_1T: Tensor, at: int) -> Tensor:
    """The same ids, but for another one at one place."""
    old = ids_1T[0, at]
    others = ids_1T[ids_1T != old]
    changed = ids_1T.clone()
    changed[0, at] = others[0] if len(others) else int(old == 0)
    return changed
