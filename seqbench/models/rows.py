"""Pooled layers of one batch, on the device and on their way to the host.

Shape letters: P poolings, L wanted layers, B windows in a batch, H hidden width.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Fetch = Callable[[], NDArray[np.float32]]
"""Waits for the device and gives (P, L, B, H)."""


class Rows:
    """Pooled layers in one tensor: small ones among large ones would leave memory in pieces."""

    def __init__(self, n_poolings: int, layers: list[int]) -> None:
        """Make room when the first layer comes.

        Args:
            n_poolings: Of each layer.
            layers: In ascending order.
        """
        self.layers = layers
        self._n_poolings = n_poolings
        self._filled = 0
        self._rows_PLBH: Tensor | None = None

    def clear(self) -> None:
        """Start anew with the first layer."""
        self._filled = 0

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


def fetch(rows_PLBH: Tensor) -> Fetch:
    """Begin to copy pooled layers to the host, and give what waits for them."""
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
