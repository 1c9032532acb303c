"""From pooled windows to one vector a sequence, and embedding in memory for a handful of sequences.

Shape letters: N sequences, W windows, P poolings, L wanted layers, H hidden width.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqbench.core.types import Pooling
from seqbench.errors import ModelError
from seqbench.models.base import Embedder, Pooled, Unfit


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """Embeddings of some sequences, in their order."""

    layers: dict[int, NDArray[np.float32]]
    """Per wanted layer, shape (N, H)."""
    tokens: NDArray[np.int64]
    """Tokens of each sequence that went through the model, special tokens included."""
    windows: NDArray[np.int32]
    """Windows that each sequence was cut into."""
    coverage: NDArray[np.float32]
    """Share of each sequence's own tokens that was seen."""


class Joint:
    """Which windows make up which sequence."""

    def __init__(self, pooled: Iterable[Pooled], n_sequences: int) -> None:
        """Read off where the windows belong.

        Args:
            pooled: In the order in which their rows will stand.
            n_sequences: Sequences of the call; those without any window become NaN.
        """
        parts = list(pooled)
        owner_W, start_W, tokens_W, weight_W = (
            np.concatenate([np.zeros(0, dtype=np.int64), *(getattr(part, name) for part in parts)])
            for name in ("owner_B", "start_B", "tokens_B", "weight_B")
        )
        self.n_sequences = n_sequences
        self._order = np.lexsort((start_W, owner_W))
        owners = owner_W[self._order]
        self._first = np.flatnonzero(np.diff(owners, prepend=-1))
        self._present = owners[self._first]
        self._weight_W = weight_W[self._order].astype(np.float64)
        self.is_one_each = len(self._first) == len(self._order)
        """Whether no sequence has several windows, so that there is nothing to join."""
        self.tokens_N = np.bincount(owner_W, weights=tokens_W, minlength=n_sequences).astype(np.int64)
        self.windows_N = np.bincount(owner_W, minlength=n_sequences).astype(np.int32)

    def join(self, rows_WH: NDArray[np.float32], pooling: Pooling) -> NDArray[np.float32]:
        """Join the windows of each sequence.

        Args:
            rows_WH: In the order of the windows as they were given.
            pooling: mean weighs windows by the tokens that were pooled, so that none counts twice; max takes
                the maximum, cls the first window, last the last.

        Returns:
            Shape (N, H), float32; NaN for sequences without windows.
        """
        found: NDArray[np.floating]
        joined_NH = np.full((self.n_sequences, rows_WH.shape[1]), np.nan, dtype=np.float32)
        if self.is_one_each:
            joined_NH[self._present] = rows_WH[self._order]
            return joined_NH
        sorted_WH = rows_WH[self._order]
        if pooling == "mean":
            sums = np.add.reduceat(sorted_WH * self._weight_W[:, None], self._first, axis=0)
            found = sums / np.add.reduceat(self._weight_W, self._first)[:, None]
        elif pooling == "max":
            found = np.maximum.reduceat(sorted_WH, self._first, axis=0)
        elif pooling == "cls":
            found = sorted_WH[self._first]
        else:
            found = sorted_WH[np.append(self._first[1:], len(sorted_WH)) - 1]
        joined_NH[self._present] = found
        return joined_NH


def embed(
    embedder: Embedder, sequences: Sequence[str], layers: Sequence[int], pooling: Pooling | None = None
) -> Embedded:
    """Embed sequences in memory, without a store.

    Args:
        embedder: The model, ready for a data set.
        sequences: Non-empty ASCII strings, of the strand as given.
        layers: Wanted layers.
        pooling: One of the embedder's; None for the first.

    Raises:
        ModelError: A sequence does not fit in memory and is not to be cut.
    """
    prepared = embedder.prepare(sequences)
    pooled: list[Pooled] = []
    for batch in prepared.batches:
        for event in embedder.compute(batch, layers):
            if isinstance(event, Unfit):
                raise ModelError(f"sequence {event.owner} of {event.tokens} tokens does not fit in memory")
            if isinstance(event, Pooled):
                pooled.append(event)
    joint = Joint(pooled, len(sequences))
    wanted = pooling or embedder.poolings[0]
    rows_LWH = np.concatenate([part.fetch()[embedder.poolings.index(wanted)] for part in pooled], axis=1)
    return Embedded(
        layers={layer: joint.join(rows_WH, wanted) for layer, rows_WH in zip(layers, rows_LWH, strict=True)},
        tokens=joint.tokens_N,
        windows=joint.windows_N,
        coverage=prepared.coverage_N,
    )
