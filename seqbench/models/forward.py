"""A model on its device: one batch of token ids in, pooled layers out.

Shape letters: B windows in a batch, T tokens, P poolings, L wanted layers, H hidden width.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from seqbench.core.malloc import keep_freed_memory
from seqbench.core.memory import is_out_of_memory
from seqbench.core.types import Pooling
from seqbench.errors import ModelError, said
from seqbench.models.arithmetic import as_float32, use_float32
from seqbench.models.attention import use_shared_masks
from seqbench.models.base import told
from seqbench.models.batches import pad
from seqbench.models.layers import Layers
from seqbench.models.likeness import alike
from seqbench.models.packed import pack
from seqbench.models.pooling import pool_all
from seqbench.models.rows import Coming, Fetch, Rows, TokenRows, fetch
from seqbench.models.state import FreshState
from seqbench.models.tap import FAULTS, LayerTap, last_state
from seqbench.models.vocabulary import check_ids, embedded_ids

SpeedUp = Callable[[nn.Module], Callable[[], None] | None]
"""Changes a model and gives what changes it back; None where it does not apply, and nothing was changed."""


class Forward:
    """A model ready to run: how it takes masks, how its layers are taken, and faster linear layers."""

    def __init__(
        self,
        model: Any,
        *,
        name: str,
        n_layers: int,
        windows: Sequence[NDArray[np.int32]],
        pad_id: int,
        speeds_up: bool = True,
    ) -> None:
        """Find out how the model wants to be run.

        Args:
            model: In eval mode, on its device.
            name: For messages.
            n_layers: Layers, layer 0 included.
            windows: Two windows of unlike lengths to try it on.
            pad_id: Token that stands where there is none; where the embedding lacks it, id 0 does, as padding
                is masked.
            speeds_up: Whether the model may be changed to run faster, which a model that is trained must not.

        Raises:
            ModelError: It can't be run, its embedding lacks ids of the windows, or none of its layers can be
                pooled.
        """
        self.model: nn.Module = model
        self.device: torch.device = next(model.parameters()).device
        self.dtype: torch.dtype = next(model.parameters()).dtype
        self._name = name
        self.n_layers = n_layers
        parameters = inspect.signature(model.forward).parameters
        self._takes_mask = "attention_mask" in parameters
        self._wants_mask = False
        # Without it decoders keep keys and values of every layer for a next token that never comes.
        self._extra = {"use_cache": False} if "use_cache" in parameters else {}
        self.state = FreshState(model)
        self.tap = LayerTap(model, n_layers)
        self._unpack: Callable[[], None] | None = None
        self._is_compiled = False
        self.sped_up: list[str] = []
        """What was changed in the model to make it faster."""
        with torch.inference_mode():
            self.vocabulary = embedded_ids(model, self.inputs(*pad([max(windows, key=len)], 0)))
            """Ids that the model's embedding has; None where ids are looked up in no table."""
            self.pad_id = pad_id if self.vocabulary is None or 0 <= pad_id < self.vocabulary else 0
            self.check_vocabulary(np.concatenate(windows))
            self._try(windows)
            self.layers = self._find_layers(windows)
            self._check_history(windows)
            if self.device.type == "cpu" and speeds_up:
                keep_freed_memory()
                before = self._states(windows)
                self._speed_up("float32 arithmetic", use_float32, windows, before)
                self._speed_up("shared masks", use_shared_masks, windows, before)
                self._unpack = self._speed_up("packed linear layers", pack, windows, before)
            self.equal_lengths = not self._takes_mask or self._padding_leaks(windows)
            self.state.restore()
        # How it computes then hangs on a batch's length: BigBird's attention is sparse from 705 tokens on.
        self.equal_lengths = self.equal_lengths or self.state.switches
        """Whether padding changes embeddings, so that batches must hold windows of one length."""

    @property
    def computes_in(self) -> torch.dtype:
        """The type of its arithmetic: its own, or float32 where the device would have to emulate that."""
        return next(self.model.parameters()).dtype

    def _try(self, windows: Sequence[NDArray[np.int32]]) -> None:
        """Run the longest window: a model that can't be run is not one whose layers can't be had.

        Models of multimolecule's UTR-LM family fail without a mask, even one of ones; where a mask of ones
        makes a difference, what comes of it is right, as tokenizers give one.
        """
        ids_BT, mask_BT = pad([max(windows, key=len)], self.pad_id)
        inputs = self.inputs(ids_BT, mask_BT)
        plain = self._attempt(inputs)
        if self._takes_mask:
            masked = self._attempt(inputs | {"attention_mask": self._to_device(mask_BT)})
            self._takes_mask = isinstance(masked, Tensor)
            if isinstance(masked, Tensor):
                self._wants_mask = not isinstance(plain, Tensor) or not alike([masked], [plain], self.dtype)
                return
        if not isinstance(plain, Tensor):
            raise ModelError(
                f"model {self._name!r}: can't be run on {ids_BT.size} tokens: {said(plain)} "
                "(is it a model of sequences? if its positions end there, set extract.max_tokens)"
            ) from plain

    def _attempt(self, inputs: dict[str, Any]) -> Tensor | Exception:
        """What the model returns for one window, (T, H) float32, or what its code raises."""
        try:
            hidden = last_state(self.model(**inputs))
            return hidden.reshape(-1, hidden.shape[-1]).float()
        except FAULTS as error:
            return error

    def _find_layers(self, windows: Sequence[NDArray[np.int32]]) -> Layers:
        longest = max(windows, key=len)
        # No number but 1 divides two lengths that follow on each other: padding inside shows in one of them.
        trials = [self.inputs(*pad([window], self.pad_id)) for window in (longest, longest[:-1])]
        self.tap.check(trials[0])
        layers = Layers(self.tap, self._name)
        try:
            layers.settle(trials)
        except FAULTS as error:
            raise error if isinstance(error, ModelError) else self._failure(trials[1], error) from error
        return layers

    def _check_history(self, windows: Sequence[NDArray[np.int32]]) -> None:
        """See that a short window does not change for good what a long one comes to.

        What `FreshState` can set back does not show here; what lies outside of the model's modules does.
        """
        short, long = sorted(windows, key=len)
        before = self._states([long])
        self._states([short])
        after = self._states([long])
        # A model that draws random numbers differs every time, which the preflight tells.
        if not alike(before, after, self.dtype) and alike(after, self._states([long]), self.dtype):
            raise ModelError(
                f"model {self._name!r}: {len(long)} tokens come out otherwise after {len(short)}: "
                "its code keeps something for later inputs, outside of its modules (correct that code)"
            )

    def _failure(self, inputs: dict[str, Any], error: Exception) -> ModelError:
        shape = " x ".join(map(str, inputs["input_ids"].shape))
        return ModelError(f"model {self._name!r}: fails on {shape} tokens: {said(error)}")

    def check_vocabulary(self, ids: NDArray[Any]) -> None:
        """See that the embedding has every id; see `vocabulary.check_ids`."""
        check_ids(ids, self.vocabulary, self._name)

    def inputs(self, ids_BT: NDArray[np.int64], mask_BT: NDArray[np.int64]) -> dict[str, Any]:
        """Arguments of the model's forward. A mask of ones is left out where it may be, which is faster."""
        inputs: dict[str, Any] = {"input_ids": self._to_device(ids_BT), **self._extra}
        if self._takes_mask and (self._wants_mask or not mask_BT.all()):
            inputs["attention_mask"] = self._to_device(mask_BT)
        return inputs

    def compile(self) -> None:
        """Compile each block; layers are still taken between them.

        Raises:
            ModelError: The blocks can't be told, so there is nothing to compile.
        """
        if self.tap.blocks is None:
            raise ModelError(
                f"model {self._name!r}: its blocks can't be compiled (set extract.compile: false)"
            )
        for block in self.tap.blocks:
            block.forward = torch.compile(block.forward, dynamic=True)
        self.state.note()
        self._is_compiled = True

    @contextmanager
    def in_float32(self) -> Iterator[bool]:
        """Compute in float32 for a moment, with the same weights, slower.

        Yields:
            Whether it does; False where it did all along, or memory would not hold the weights.
        """
        if self.computes_in is torch.float32:
            yield False
            return
        unpack, back = self._unpack, None
        try:
            if unpack is not None:
                self.state.change(unpack)
            back = self.state.change(lambda: as_float32(self.model))
            # Code compiled for another type would be made anew, which takes minutes.
            with torch.compiler.set_stance("force_eager") if self._is_compiled else nullcontext():
                yield back is not None
        finally:
            if back is not None:
                self.state.change(back)
            if unpack is not None:
                self._unpack = self.state.change(lambda: pack(self.model))

    @torch.inference_mode()
    def run(
        self,
        ids_BT: NDArray[np.int64],
        mask_BT: NDArray[np.int64],
        pooled_BT: NDArray[np.int64],
        layers: Sequence[int],
        poolings: Sequence[Pooling],
    ) -> Fetch:
        """Embed one batch.

        Args:
            ids_BT: Token ids.
            mask_BT: 1 where a token is real.
            pooled_BT: 1 where a token counts in mean and max.
            layers: Wanted layers.
            poolings: What is made of each.

        Returns:
            What waits for the device and gives (P, L, B, H) float32.

        Raises:
            ModelError: An id is beyond the embedding, the model fails on this batch, or a layer has not one
                position a token.
        """
        return self.run_with_tokens(ids_BT, mask_BT, pooled_BT, layers, poolings, (), mask_BT)[0]

    @torch.inference_mode()
    def run_with_tokens(
        self,
        ids_BT: NDArray[np.int64],
        mask_BT: NDArray[np.int64],
        pooled_BT: NDArray[np.int64],
        layers: Sequence[int],
        poolings: Sequence[Pooling],
        token_layers: Sequence[int],
        kept_BT: NDArray[np.int64],
    ) -> tuple[Fetch, Fetch]:
        """Embed one batch, and give single tokens of some layers beside what is pooled of others.

        Args:
            ids_BT: See `run`, as for what is not told here.
            mask_BT: 1 where a token is real.
            pooled_BT: 1 where a token counts in mean and max.
            layers: Wanted layers.
            poolings: What is made of each.
            token_layers: Layers of which tokens are wanted.
            kept_BT: 1 where a token is one of these.

        Returns:
            What waits for the device and gives (P, L, B, H), and what gives (L, R, H): R tokens window by
            window.
        """
        self.check_vocabulary(ids_BT)
        every = sorted({*layers, *token_layers})
        if left_out := {layer: why for layer, why in self.layers.left_out.items() if layer in every}:
            raise ModelError(f"model {self._name!r}: can't be pooled: {told(left_out)}")
        real, pooled = self._to_device(mask_BT), self._to_device(pooled_BT)
        rows = Rows(len(poolings), sorted(layers), empty=(len(ids_BT), self.layers.hidden))
        tokens = TokenRows(sorted(token_layers), kept_BT, self.device)
        coming = Coming(every)

        def take(hidden: Tensor) -> Tensor:
            layer = coming.next()
            if layer in tokens.layers:
                tokens.put(hidden)
            return rows.put(pool_all(hidden, real, pooled, poolings)) if layer in layers else hidden[:0]

        def again() -> None:
            for each in (rows, tokens, coming):
                each.clear()

        inputs = self.inputs(ids_BT, mask_BT)
        try:
            self.layers.run(inputs, every, take, again)
        except FAULTS as error:
            if isinstance(error, ModelError) or is_out_of_memory(error):
                raise
            raise self._failure(inputs, error) from error
        return fetch(rows.in_order(layers)), fetch(tokens.in_order(token_layers))

    def _to_device(self, array: NDArray[np.int64]) -> Tensor:
        tensor = torch.from_numpy(array)
        is_gpu = self.device.type == "cuda"
        return tensor.pin_memory().to(self.device, non_blocking=True) if is_gpu else tensor

    def _speed_up(
        self, name: str, change: SpeedUp, windows: Sequence[NDArray[np.int32]], before: Sequence[Tensor]
    ) -> Callable[[], None] | None:
        """Change the model if it can be, and back if hidden states are not what they were.

        Returns:
            What changes it back later; None where it is as it was.
        """
        undo: Callable[[], None] | None = self.state.change(lambda: change(self.model))
        if undo is None:
            return None
        try:
            same = alike(before, self._states(windows), self.dtype)
        except FAULTS:
            same = False
        if same:
            self.sped_up.append(name)
            return undo
        self.state.change(undo)
        return None

    def _padding_leaks(self, windows: Sequence[NDArray[np.int32]]) -> bool:
        """Whether the hidden states of a short window change with the padding beside a longer one.

        What stands in the padding must not change a bit of them: that shows a leak which rounding would hide.
        And but for rounding they must be those of the window alone: that shows one by the number of tokens.
        """
        short, long = sorted(windows, key=len)
        beside = self._states([short, long])
        filled = self._states([short, long], filler=int(long[len(long) // 2]))
        if not all(torch.equal(one, other) for one, other in zip(beside, filled, strict=True)):
            return True
        alone = self._states([short])
        return not alike(alone, [layer[: len(short)] for layer in beside], self.dtype)

    def _states(self, windows: Sequence[NDArray[np.int32]], *, filler: int | None = None) -> list[Tensor]:
        """Every layer that can be pooled: a batch's real tokens, window by window, (tokens, H) float32.

        Args:
            windows: Of the batch; the shorter ones are padded.
            filler: What stands in the padding; None for the padding token.
        """
        ids_BT, mask_BT = pad(windows, self.pad_id if filler is None else filler)
        real_BT = self._to_device(mask_BT).bool()
        every = self.layers.numbers
        inputs = self.inputs(ids_BT, mask_BT)
        taken = self.layers.run(inputs, every, lambda hidden: hidden[real_BT].float())
        return [taken[layer] for layer in every]
