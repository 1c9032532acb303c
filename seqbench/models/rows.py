"""Layers of one batch, pooled or token by token, on the device and on their way to the host.

Shape letters: P poolings, L wanted layers, B windows in a batch, T tokens, R kept tokens of all windows,
H hidden width.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Fetch = Callable[[], NDArray[np.float32]]
"""Waits for the device and gives (P, L, B, H), or tokens (L, R, H)."""


class Coming:
    """Which layer comes next: they come in ascending order."""

    def __init__(self, layers: list[int]) -> None:
        self._layers = layers
        self._taken = 0

    def clear(self) -> None:
        """Start anew with the first layer."""
        self._taken = 0

    def next(self) -> int:
        """The number of the layer that is there now."""
        self._taken += 1
        return self._layers[self._taken - 1]


class TokenRows:
    """Single tokens of some layers, float32."""

    def __init__(self, layers: list[int], kept_BT: NDArray[np.int64], device: torch.device) -> None:
        """Find the places of what is kept.

        Args:
            layers: In ascending order.
            kept_BT: 1 where a token is kept.
            device: Where hidden states are.
        """
        self.layers = layers
        places = kept_BT.nonzero() if layers else ()
        self._places = tuple(torch.from_numpy(each).to(device) for each in places)
        self._taken: list[Tensor] = []

    def clear(self) -> None:
        """Start anew with the first layer."""
        self._taken.clear()

    def put(self, hidden_BTH: Tensor) -> None:
        """Take the next layer."""
        self._taken.append(hidden_BTH[self._places].float())

    def in_order(self, layers: Sequence[int]) -> Tensor:
        """All layers as they were asked for; shape (L, R, H), empty where none was."""
        if not layers:
            return torch.empty(0, 0, 0)
        return torch.stack([self._taken[self.layers.index(layer)] for layer in layers])


class Rows:
    """Pooled layers in one tensor: small ones among large ones would leave memory in pieces."""

    def __init__(self, n_poolings: int, layers: list[int], *, empty: tuple[int, int]) -> None:
        """Make room when the first layer comes.

        Args:
            n_poolings: Of each layer.
            layers: In ascending order.
            empty: B and H where no layer is wanted.
        """
        self._empty = empty
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
            return torch.empty(self._n_poolings, 0, *self._empty)
        if list(layers) == self.layers:
            return self._rows_PLBH
        return self._rows_PLBH[:, [self.layers.index(layer) for layer in layers]]


def fetch(rows: Tensor) -> Fetch:
    """Begin to copy layers to the host, and give what waits for them."""
    if rows.device.type != "cuda":
        return lambda: rows.numpy()
    host = torch.empty(rows.shape, dtype=rows.dtype, pin_memory=True)
    host.copy_(rows, non_blocking=True)
    copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
    copied.record()

    def wait() -> NDArray[np.float32]:
        copied.synchronize()
        found: NDArray[np.float32] = host.numpy()
        return found

    return wait
