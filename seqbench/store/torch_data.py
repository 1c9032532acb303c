"""A PyTorch data set over one layer that shuffles by chunk, so that training reads each chunk once an epoch.

Shape letters: N items, S sequences of an item, H hidden width.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from seqbench.errors import StoreError
from seqbench.store.readers import LayerArray

Pair = tuple[Tensor, Tensor]


class ChunkDataset(IterableDataset[Pair]):
    """Embeddings and labels of one layer of one split, in an order that seed and epoch alone decide.

    Chunks come in random order; `buffer_chunks` of them are read, their rows are shuffled together and given
    out, and then the next are read. Every row comes exactly once an epoch. The workers of a DataLoader share
    the chunks: worker w of W takes every W-th. Memory is `buffer_chunks` chunks of 4 MiB a worker.

    Call `set_epoch` before each epoch, as with a DistributedSampler; else all epochs have the same order. It
    also reaches workers that are kept between epochs.

    Args:
        array: The layer.
        labels: (N,) or (N, T) in the same order; floats are given out as float32.
        batch_size: Items of one batch, (B, S, H) with labels; for `DataLoader(..., batch_size=None)`, many
            times faster than items alone. The last batch of each worker may be smaller. None: single items.
        shuffle: Whether to shuffle at all; without it one process gives the order of the data set's file.
        seed: At least 0.
        buffer_chunks: Chunks that are shuffled together; more is closer to a full shuffle.

    Raises:
        StoreError: An argument is out of range.
    """

    def __init__(
        self,
        array: LayerArray,
        labels: NDArray[Any],
        *,
        batch_size: int | None,
        shuffle: bool,
        seed: int,
        buffer_chunks: int,
    ) -> None:
        for name, value, least in (
            ("batch_size", batch_size, 1),
            ("seed", seed, 0),
            ("buffer_chunks", buffer_chunks, 1),
        ):
            if value is not None and value < least:
                raise StoreError(f"{name} of a data set must be at least {least}, got {value}")
        self.n_items = len(array)
        self._array = array
        self._labels = torch.from_numpy(labels.astype(np.float32) if labels.dtype.kind == "f" else labels)
        self._batch_size = batch_size
        self._shuffle = shuffle
        self._seed = seed
        self._buffer_chunks = buffer_chunks
        # In shared memory: workers that live on hear of a new epoch.
        self._epoch = torch.zeros((), dtype=torch.int64)
        self._epoch.share_memory_()  # type: ignore[no-untyped-call]

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next epoch.

        Raises:
            StoreError: It is negative.
        """
        if epoch < 0:
            raise StoreError(f"epoch must be at least 0, got {epoch}")
        self._epoch.fill_(epoch)

    def __iter__(self) -> Iterator[Pair]:
        worker = get_worker_info()
        chunks = self._chunks()
        mine = chunks[worker.id :: worker.num_workers] if worker is not None else chunks
        buffers = self._buffers(mine)
        return _items(buffers) if self._batch_size is None else _batches(buffers, self._batch_size)

    def _chunks(self) -> NDArray[np.int64]:
        """Numbers of all chunks in this epoch's order."""
        count = -(-self.n_items // self._array.chunks[0])
        return self._random(0).permutation(count) if self._shuffle else np.arange(count)

    def _random(self, *purpose: int) -> np.random.Generator:
        return np.random.default_rng([self._seed, int(self._epoch), *purpose])

    def _buffers(self, chunks: NDArray[np.int64]) -> Iterator[Pair]:
        rows = self._array.chunks[0]
        for start in range(0, len(chunks), self._buffer_chunks):
            group = chunks[start : start + self._buffer_chunks]
            spans = [slice(chunk * rows, min((chunk + 1) * rows, self.n_items)) for chunk in group.tolist()]
            embeddings = torch.from_numpy(np.concatenate([self._array[span] for span in spans]))
            labels = torch.cat([self._labels[span] for span in spans])
            if self._shuffle:
                order = torch.from_numpy(self._random(1, int(group[0])).permutation(len(labels)))
                embeddings, labels = embeddings[order], labels[order]
            yield embeddings, labels


def _items(buffers: Iterator[Pair]) -> Iterator[Pair]:
    for embeddings, labels in buffers:
        yield from zip(embeddings, labels, strict=True)


def _batches(buffers: Iterator[Pair], size: int) -> Iterator[Pair]:
    """Batches of equal size across the buffers' ends; the last has what is left."""
    rest: Pair | None = None
    for found in buffers:
        embeddings, labels = found if rest is None else map(torch.cat, zip(rest, found, strict=True))
        whole = len(labels) - len(labels) % size
        for start in range(0, whole, size):
            yield embeddings[start : start + size], labels[start : start + size]
        rest = (embeddings[whole:], labels[whole:])
    if rest is not None and len(rest[1]):
        yield rest
