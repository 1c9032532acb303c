"""A model on its device: one batch of token ids in, pooled layers out.

Shape letters: B windows in a batch, T tokens, P poolings, L wanted layers, H hidden width.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from seqbench.errors import ModelError
from seqbench.models.attention import use_shared_masks
from seqbench.models.batches import pad
from seqbench.models.heap import keep_freed_memory
from seqbench.models.packed import Packed, can_pack
from seqbench.models.pooling import pool_all
from seqbench.models.tap import LayerTap
from seqbench.vocabulary import Pooling

TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 3e-2, torch.float16: 5e-3}
"""Largest difference, relative to the largest value of a layer, that rounding explains: some tens of units in
the last place of a sum over a few hundred terms."""

Fetch = Callable[[], NDArray[np.float32]]


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether an error of PyTorch says that memory ran out, on a GPU or on the CPU."""
    return isinstance(error, torch.OutOfMemoryError) or "not enough memory" in str(error)


class Forward:
    """A model ready to run: how it takes masks, how its layers are taken, and faster linear layers."""

    def __init__(
        self, model: Any, *, name: str, n_layers: int, windows: Sequence[NDArray[np.int32]], pad_id: int
    ) -> None:
        """Find out how the model wants to be run.

        Args:
            model: In eval mode, on its device.
            name: For messages.
            n_layers: Layers, layer 0 included.
            windows: Two windows of unlike lengths to try it on.
            pad_id: Token that stands where there is none.
        """
        self.model: nn.Module = model
        self.device: torch.device = next(model.parameters()).device
        self.dtype: torch.dtype = next(model.parameters()).dtype
        self._name = name
        self.n_layers = n_layers
        self._pad_id = pad_id
        parameters = inspect.signature(model.forward).parameters
        self._takes_mask = "attention_mask" in parameters
        # Without it decoders keep keys and values of every layer for a next token that never comes.
        self._extra = {"use_cache": False} if "use_cache" in parameters else {}
        self._vocabulary = int(model.get_input_embeddings().num_embeddings)
        self.tap = LayerTap(model, n_layers)
        self.packed = False
        if self.device.type == "cpu":
            keep_freed_memory()
            use_shared_masks(model)
        with torch.inference_mode():
            self.check_vocabulary(np.concatenate(windows))
            self._try(windows)
            self.tap.check(self.inputs(*pad(windows[:1], pad_id)))
            self._pack(windows[0])
            self.equal_lengths = not self._takes_mask or self._padding_leaks(windows)
        """Whether padding changes embeddings, so that batches must hold windows of one length."""

    def _try(self, windows: Sequence[NDArray[np.int32]]) -> None:
        """Run the longest window: a model that can't be run is not one whose layers can't be had."""
        longest = max(windows, key=len)
        try:
            self.model(**self.inputs(*pad([longest], self._pad_id)))
        except (RuntimeError, IndexError, TypeError, ValueError, AttributeError) as error:
            said = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ModelError(
                f"model {self._name!r}: can't be run on {len(longest)} tokens: {said} "
                "(is it a model of sequences? if its positions end there, set extract.max_tokens)"
            ) from error

    def check_vocabulary(self, ids: NDArray[Any]) -> None:
        """See that the embedding has every id.

        Raises:
            ModelError: It has not: the tokenizer is another model's.
        """
        if ids.max() >= self._vocabulary:
            raise ModelError(
                f"model {self._name!r}: its tokenizer makes id {ids.max()}, its embedding has only "
                f"{self._vocabulary} (are tokenizer and model of one kind?)"
            )

    def inputs(self, ids_BT: NDArray[np.int64], mask_BT: NDArray[np.int64]) -> dict[str, Any]:
        """Arguments of the model's forward. A mask of ones is left out: attention is faster without."""
        inputs: dict[str, Any] = {"input_ids": self._to_device(ids_BT), **self._extra}
        if self._takes_mask and not mask_BT.all():
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
        """
        self.check_vocabulary(ids_BT)
        real, pooled = self._to_device(mask_BT), self._to_device(pooled_BT)
        rows = _Rows(len(poolings), sorted(layers))
        self.tap.run(
            self.inputs(ids_BT, mask_BT),
            rows.layers,
            lambda hidden: rows.put(pool_all(hidden, real, pooled, poolings)),
        )
        return _fetch(rows.in_order(layers))

    def _to_device(self, array: NDArray[np.int64]) -> Tensor:
        tensor = torch.from_numpy(array)
        if self.device.type != "cuda":
            return tensor
        return tensor.pin_memory().to(self.device, non_blocking=True)

    def _pack(self, window: NDArray[np.int32]) -> None:
        """Pack linear layers on a CPU, if the hidden states stay what they were."""
        if not can_pack(self.model):
            return
        inputs = self.inputs(*pad([window], self._pad_id))
        every = range(self.n_layers)
        take: Callable[[Tensor], Tensor] = lambda hidden: hidden.detach().float().clone()  # noqa: E731
        before = self.tap.run(inputs, every, take)
        packed = Packed(self.model)
        try:
            after = self.tap.run(inputs, every, take)
            self.packed = all(self._same(before[layer], after[layer]) for layer in every)
        except (RuntimeError, TypeError, AttributeError, NotImplementedError):
            self.packed = False  # a block that reaches into its linear layers
        if not self.packed:
            packed.undo()

    def _padding_leaks(self, windows: Sequence[NDArray[np.int32]]) -> bool:
        """Whether the shorter window's hidden states change with the padding beside the longer one."""
        short, long = sorted(windows, key=len)
        every = range(self.n_layers)
        width = len(short)
        take: Callable[[Tensor], Tensor] = lambda hidden: hidden[0, :width].float().clone()  # noqa: E731
        alone = self.tap.run(self.inputs(*pad([short], self._pad_id)), every, take)
        beside = self.tap.run(self.inputs(*pad([short, long], self._pad_id)), every, take)
        return not all(self._same(alone[layer], beside[layer]) for layer in every)

    def _same(self, one: Tensor, other: Tensor) -> bool:
        if not torch.isfinite(one).all():
            return bool(torch.equal(torch.isfinite(one), torch.isfinite(other)))
        return float((one - other).abs().max()) <= TOLERANCE[self.dtype] * float(one.abs().max())


class _Rows:
    """Pooled layers in one tensor: small ones among large ones would leave memory in pieces."""

    def __init__(self, n_poolings: int, layers: list[int]) -> None:
        self.layers = layers
        self._n_poolings = n_poolings
        self._filled = 0
        self._rows_PLBH: Tensor | None = None

    def put(self, pooled_PBH: Tensor) -> Tensor:
        """Take the next layer; they come in ascending order."""
        if self._rows_PLBH is None:
            count = (self._n_poolings, len(self.layers), *pooled_PBH.shape[1:])
            self._rows_PLBH = pooled_PBH.new_empty(count)
        place = self._rows_PLBH[:, self._filled]
        place.copy_(pooled_PBH)
        self._filled += 1
        return place

    def in_order(self, layers: Sequence[int]) -> Tensor:
        """All layers as they were asked for; shape (P, L, B, H)."""
        if self._rows_PLBH is None:
            raise ValueError("no layer was asked for")
        if list(layers) == self.layers:
            return self._rows_PLBH
        return self._rows_PLBH[:, [self.layers.index(layer) for layer in layers]]


def _fetch(rows_PLBH: Tensor) -> Fetch:
    if rows_PLBH.device.type != "cuda":
        return lambda: rows_PLBH.numpy()
    host = torch.empty(rows_PLBH.shape, dtype=rows_PLBH.dtype, pin_memory=True)
    host.copy_(rows_PLBH, non_blocking=True)
    copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
    copied.record()

    def wait() -> NDArray[np.float32]:
        copied.synchronize()
        found: NDArray[np.float32] = host.numpy()
        return found

    return wait
