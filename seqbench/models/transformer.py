"""A loaded transformer as an embedder: windows, batches, one forward pass that pools on the way.

Shape letters: N sequences, W windows, B windows in a batch, T tokens, L wanted layers, H hidden width.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqbench.errors import ModelError
from seqbench.identity import ModelIdentity, Settings
from seqbench.models.base import Advance, DatasetFacts, Embedded, EmbedOptions
from seqbench.models.batches import batches, pad
from seqbench.models.pooling import POOL, join_windows
from seqbench.models.tap import LayerTap
from seqbench.models.tokens import PROBE_SEQUENCE, Tokens, Windows, token_limit

TOKENS_PER_BATCH = {"cpu": 4096, "cuda": 65536}
"""Defaults by device. On 2 CPU cores 2–4 k tokens a batch were fastest for sequences of 71–593 tokens."""


def default_device() -> torch.device:
    """The first CUDA device if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Transformer:
    """A transformer in memory; it is its own embedder, as nothing depends on the data set."""

    def __init__(
        self,
        *,
        model: Any,
        tokenizer: Any,
        config: Any,
        identity: ModelIdentity,
        options: EmbedOptions,
        dtype: str,
    ) -> None:
        self._device = next(model.parameters()).device
        self._model = model
        self._options = options
        self._dtype = dtype
        limit = token_limit(tokenizer, config, model)
        if options.max_tokens is not None:
            if limit is not None and options.max_tokens > limit:
                raise ModelError(
                    f"model {identity.name!r} takes {limit} tokens at most, extract.max_tokens is "
                    f"{options.max_tokens} (lower it, or set auto)"
                )
            limit = options.max_tokens
        self._limit = limit
        self._tokens = Tokens(tokenizer, limit=limit, overlong=options.overlong)
        self._budget = options.tokens_per_batch or TOKENS_PER_BATCH[self._device.type]
        parameters = inspect.signature(model.forward).parameters
        self._takes_mask = "attention_mask" in parameters
        # Without it decoders keep keys and values of every layer for a next token that never comes.
        self._extra = {"use_cache": False} if "use_cache" in parameters else {}
        self.hidden = int(identity.hidden or 0)
        self._name = identity.name
        self._vocabulary = model.get_input_embeddings().num_embeddings
        self._tap = LayerTap(model, identity.n_layers)
        with torch.inference_mode():
            window = self._tokens.windows([PROBE_SEQUENCE]).ids[0]
            self._check_vocabulary(window)
            self._tap.check(self._inputs(*pad([window], self._tokens.pad_id)))

    @property
    def method(self) -> str:
        """How layers are taken from the model: hooks or output_hidden_states."""
        return self._tap.method

    @property
    def settings(self) -> Settings:
        """What decides the values: dtype, pooling, window, and how layers are taken."""
        return {
            "dtype": self._dtype,
            "pooling": self._options.pooling,
            "max_tokens_asked": self._options.max_tokens or "auto",
            "max_tokens": self._limit,
            "layers_by": self._tap.method,
            "overlong": self._options.overlong,
        }

    def embedder(self, facts: DatasetFacts) -> "Transformer":
        """Any data set will do; letters the tokenizer lacks become its unknown token."""
        return self

    def embed(self, sequences: Sequence[str], layers: Sequence[int], advance: Advance) -> Embedded:
        """Embed sequences; see `Embedder.embed`.

        Raises:
            OverlongSequenceError: A sequence is over the limit and `overlong` is error.
        """
        windows = self._tokens.windows(sequences)
        lengths = np.asarray([len(ids) for ids in windows.ids], dtype=np.int64)
        pooled = {layer: np.empty((len(lengths), self.hidden), dtype=np.float32) for layer in layers}
        share = len(sequences) / len(lengths)
        grouped = batches(lengths.tolist(), self._budget, equal_lengths=not self._takes_mask)
        for members in grouped:
            ids_BT, mask_BT = pad([windows.ids[member] for member in members], self._tokens.pad_id)
            for layer, rows_BH in zip(layers, self._forward(ids_BT, mask_BT, layers), strict=True):
                pooled[layer][members] = rows_BH
            advance(share * len(members))
        return Embedded(
            layers={
                layer: self._per_sequence(rows_WH, lengths, windows) for layer, rows_WH in pooled.items()
            },
            tokens=np.bincount(windows.owner, weights=lengths, minlength=len(sequences)).astype(np.int64),
            windows=np.bincount(windows.owner, minlength=len(sequences)).astype(np.int32),
            coverage=windows.coverage,
        )

    @torch.inference_mode()
    def _forward(
        self, ids_BT: NDArray[np.int64], mask_BT: NDArray[np.int64], layers: Sequence[int]
    ) -> NDArray[np.float32]:
        self._check_vocabulary(ids_BT)
        inputs = self._inputs(ids_BT, mask_BT)
        mask = torch.from_numpy(mask_BT).to(self._device)
        pool = POOL[self._options.pooling]
        take: Callable[[Tensor], Tensor] = lambda hidden_BTH: pool(hidden_BTH, mask)  # noqa: E731
        try:
            taken = self._tap.run(inputs, layers, take)
        except RuntimeError as error:
            if isinstance(error, torch.OutOfMemoryError) or "not enough memory" in str(error):
                batch, tokens = ids_BT.shape
                raise ModelError(
                    f"model {self._name!r}: out of memory at {batch} x {tokens} tokens "
                    "(lower extract.tokens_per_batch or extract.max_tokens)"
                ) from error
            raise
        return torch.stack([taken[layer] for layer in layers]).cpu().numpy()

    def _check_vocabulary(self, ids: NDArray[np.int64]) -> None:
        if ids.max() >= self._vocabulary:
            raise ModelError(
                f"model {self._name!r}: its tokenizer makes id {ids.max()}, its embedding has only "
                f"{self._vocabulary} (are tokenizer and model of one kind?)"
            )

    def _inputs(self, ids_BT: NDArray[np.int64], mask_BT: NDArray[np.int64]) -> dict[str, Any]:
        inputs: dict[str, Any] = {"input_ids": torch.from_numpy(ids_BT).to(self._device), **self._extra}
        if self._takes_mask:
            inputs["attention_mask"] = torch.from_numpy(mask_BT).to(self._device)
        return inputs

    def _per_sequence(
        self, rows_WH: NDArray[np.float32], lengths: NDArray[np.int64], windows: Windows
    ) -> NDArray[np.float32]:
        """Join the windows of each sequence; shape (N, H)."""
        starts = np.flatnonzero(np.diff(windows.owner, prepend=-1))
        joined_NH = rows_WH[starts]
        stops = np.append(starts[1:], len(rows_WH))
        for row in np.flatnonzero(stops - starts > 1):
            span = slice(starts[row], stops[row])
            joined_NH[row] = join_windows(rows_WH[span], lengths[span], self._options.pooling)
        return joined_NH
