"""Forward passes of a loaded transformer over windows of chosen lengths, every layer at hand.

Shape letters: B windows in a batch, T tokens, H hidden width.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqbench.models.batches import pad
from seqbench.models.preflight.subject import Ready
from seqbench.models.tap import FAULTS, LayerTap, declared_states

States = dict[int, Tensor]
"""Hidden states by layer, (T, H) each."""

TOLERANCE: Final = {"float32": 1e-4, "float16": 1e-2, "bfloat16": 6e-2}
"""The largest difference that rounding explains, by the dtype of compute.

One rounding is 6e-8, 5e-4 or 4e-3 of a value. Some tens of blocks, each of which sums in another order when
the shape of a batch changes, add up to ten or twenty of these; the float32 figure leaves room for matrix
products in TF32. Padding that leaks changes rows by 0.1 and more.
"""

LONG_TOKENS: Final = 96
"""Tokens of the longer window that checks run on; the shorter has a third, so that padding outweighs it."""

POOL_LETTERS: Final = 504
"""Letters taken from each sequence for the tokens that windows are made of: a multiple of 3, for codons."""

POOL_SEQUENCES: Final = 32
"""Sequences that windows are made of."""


class Passes:
    """A loaded transformer and tokens of real sequences to run it on."""

    def __init__(self, embedder: Ready, sequences: Sequence[str]) -> None:
        """Tokenise a few sequences.

        Args:
            embedder: The transformer, ready for a data set.
            sequences: Some of that data set's.

        Where the tokenizer makes no token of any, windows are of letters that it knows.
        """
        self.embedder = embedder
        self.forward = embedder.forward
        self.limit = embedder.transformer.limit
        self.layers = self.forward.layers.numbers
        """Those that can be pooled."""
        self._prefix, self._suffix = embedder.tokens.prefix, embedder.tokens.suffix
        self._specials = len(self._prefix) + len(self._suffix)
        self._own = self._own_tokens(sequences)
        self.long = LONG_TOKENS if self.limit is None else min(LONG_TOKENS, self.limit)
        self.short = max(self._specials + 1, self.long // 3)

    @property
    def dtype(self) -> str:
        """float32, bfloat16 or float16: what the model computes in."""
        return str(self.forward.dtype).removeprefix("torch.")

    @property
    def tolerance(self) -> float:
        """The largest difference that rounding explains in that dtype."""
        return TOLERANCE[self.dtype]

    def window(self, tokens: int, start: int = 0) -> NDArray[np.int32]:
        """A window of exactly so many tokens, special ones included, from own token `start` on, cyclic."""
        return self.around(np.resize(np.roll(self._own, -start), tokens - self._specials))

    def around(self, own: Sequence[int] | NDArray[np.int32]) -> NDArray[np.int32]:
        """A window of some own tokens."""
        return np.concatenate([self._prefix, np.asarray(own), self._suffix]).astype(np.int32)

    def leave_out(self, ids: Collection[int]) -> None:
        """Make windows without some tokens, unless there are no others."""
        kept = self._own[~np.isin(self._own, list(ids))]
        if len(kept):
            self._own = kept

    def run(self, *windows: NDArray[np.int32]) -> States:
        """Every layer of the first window, computed in one batch with the others."""
        tokens = len(windows[0])
        return self.reduce(lambda hidden_BTH: hidden_BTH[0, :tokens].detach().clone(), *windows)

    def reduce(self, take: Callable[[Tensor], Tensor], *windows: NDArray[np.int32]) -> States:
        """What `take` makes of each layer's (B, T, H)."""
        with torch.inference_mode():
            taken = self.forward.layers.run(self._inputs(windows), self.layers, take)
        return {layer: taken[layer] for layer in self.layers}

    def hooked(self, window: NDArray[np.int32]) -> States | None:
        """Every layer by hooks, trusted or not, all its positions; None where there is no place for them."""
        tap = LayerTap(self.forward.model, self.forward.n_layers)
        if tap.blocks is None:
            return None
        with torch.inference_mode():
            try:
                return tap.run(
                    self._inputs([window]),
                    range(self.forward.n_layers),
                    lambda hidden_BTH: hidden_BTH[0].detach().clone(),
                )
            except FAULTS:  # blocks of another calling convention
                return None

    def declared(self, window: NDArray[np.int32]) -> list[Tensor] | None:
        """What the model returns as `hidden_states`, its last state behind; None where it returns none."""
        with torch.inference_mode():
            try:
                states, last = declared_states(self.forward.model, self._inputs([window]))
            except FAULTS:
                return None
        return None if states is None else [hidden[0] for hidden in (*states, last)]

    def _inputs(self, windows: Sequence[NDArray[np.int32]]) -> dict[str, Any]:
        return self.forward.inputs(*pad(windows, self.forward.pad_id))

    def _own_tokens(self, sequences: Sequence[str]) -> NDArray[np.int32]:
        chosen = [sequence[:POOL_LETTERS] for sequence in sequences[:POOL_SEQUENCES]]
        tokens = self.embedder.tokens
        own = np.concatenate(tokens.encode(chosen))
        return own if len(own) else tokens.encode([tokens.example])[0]


def difference(found_TH: Tensor, truth_TH: Tensor) -> float:
    """Root mean square over tokens of `|found - truth| / |truth|`, the norms taken over a token's vector.

    Each token counts alike: in decoders the first token's vector is often a hundred times longer than the
    others', and would hide what happens to them. Infinite where either is not finite.
    """
    found_TH, truth_TH = found_TH.float(), truth_TH.float()
    if found_TH.shape != truth_TH.shape:
        return float("inf")
    ratio_T = (found_TH - truth_TH).norm(dim=1) / truth_TH.norm(dim=1).clamp_min(1e-12)
    value = float(ratio_T.square().mean().sqrt())
    return value if np.isfinite(value) else float("inf")


def largest(found: States, truth: States) -> tuple[float, int]:
    """The largest `difference` of any layer of `truth`, and that layer; infinite where `found` lacks it."""
    by_layer = {
        layer: difference(found[layer], hidden) if layer in found else float("inf")
        for layer, hidden in truth.items()
    }
    layer = max(by_layer, key=lambda layer: by_layer[layer])
    return by_layer[layer], layer


def short(value: float) -> str:
    """A difference for a table."""
    return f"{value:.1e}" if value else "0"


def apart(value: float) -> str:
    """A difference for a sentence whose subject are two things."""
    return f"differ by {value:.1e} at most" if value else "agree to the bit"
