"""A PyTorch data set over the tokens of one layer, item by item.

Shape letters: B items of a batch, S sequences of an item, T tokens, H hidden width.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

from seqbench.store.tokens import TokenArray

Item = tuple[list[Tensor], Tensor]
"""The sequences of an item, (T, H) each, and its label."""


class TokenDataset(Dataset[Item]):
    """Items of one layer of one split with their labels, read when they are asked for.

    A `DataLoader` asks for a batch at once, whose chunks are then read once; `pad_items` makes tensors of it:
    `DataLoader(dataset, batch_size=64, collate_fn=pad_items)`.

    Args:
        array: The layer.
        labels: (N,) or (N, T) in the order of its items; floats are given out as float32.
    """

    def __init__(self, array: TokenArray, labels: NDArray[Any]) -> None:
        self._array = array
        self._labels = torch.from_numpy(labels.astype(np.float32) if labels.dtype.kind == "f" else labels)

    def __len__(self) -> int:
        return len(self._array)

    def __getitem__(self, item: int) -> Item:
        """One item.

        Raises:
            IndexError: There is no such item.
        """
        return self.__getitems__([range(len(self))[item]])[0]

    def __getitems__(self, items: Sequence[int]) -> list[Item]:
        """Several items, read together."""
        found = self._array.read(np.asarray(items, dtype=np.int64))
        n_seqs = found.n_seqs
        sequences = [torch.from_numpy(found.sequence(at)) for at in range(len(items) * n_seqs)]
        return [
            (sequences[at * n_seqs : (at + 1) * n_seqs], self._labels[item]) for at, item in enumerate(items)
        ]


def pad_items(items: Sequence[Item]) -> tuple[Tensor, Tensor, Tensor]:
    """Make a batch of items.

    Returns:
        Vectors (B, S, T, H), zeros where there is no token; the mask (B, S, T), True where there is one; and
        labels.
    """
    sequences = [sequence for own, _ in items for sequence in own]
    shape = (len(items), len(items[0][0]))
    padded = pad_sequence(sequences, batch_first=True)
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    mask = torch.arange(padded.shape[1]) < lengths[:, None]
    labels = torch.stack([label for _, label in items])
    return padded.reshape(*shape, *padded.shape[1:]), mask.reshape(*shape, -1), labels
