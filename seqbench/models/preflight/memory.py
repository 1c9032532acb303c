"""Memory of a model and of a batch in flight, measured.

Shape letters: B windows in a batch, T tokens, H hidden width.
"""

import os
import weakref
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from seqbench.models.preflight.passes import Passes

BATCH_TOKENS: Final = 2048
"""Tokens of the batch whose memory is measured."""


def weight_bytes(model: nn.Module) -> int:
    """Bytes of parameters, buffers, and weights that were laid out anew for the CPU."""
    found: dict[int, int] = {}
    for module in model.modules():
        own = (*module._parameters.values(), *module._buffers.values(), *vars(module).values())
        for tensor in own:
            if isinstance(tensor, Tensor):
                found[id(tensor)] = tensor.numel() * tensor.element_size()
    return sum(found.values())


def activation_bytes(passes: Passes, tokens: int) -> float:
    """Peak bytes a token of one batch above what was there before, each layer being pooled on the way.

    Args:
        passes: Of the model.
        tokens: Length of the windows: attention may take memory by its square.
    """
    rows = max(1, BATCH_TOKENS // tokens)
    windows = [passes.window(tokens, start=3 * number) for number in range(rows)]

    def pool(hidden_BTH: Tensor) -> Tensor:
        return hidden_BTH.mean(dim=1)

    device = passes.forward.device
    if device.type == "cuda":
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        passes.reduce(pool, *windows)
        peak = torch.cuda.max_memory_allocated(device) - before
    else:
        with _Peak() as live:
            passes.reduce(pool, *windows)
        peak = live.peak
    return peak / (rows * tokens)


class _Peak(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of tensors that operators make, while they are alive.

    The memory of the process says little on a CPU: freed blocks stay with the allocator. Work space inside of
    an operator is not seen.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = 0
        self._live: dict[int, int] = {}

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        given = {storage._cdata for storage in _storages((args, kwargs))}
        for storage in _storages(result):
            key = storage._cdata
            # What shares storage with an argument is a view, of a weight perhaps.
            if key not in self._live and key not in given:
                self._live[key] = storage.nbytes()
                weakref.finalize(storage, self._live.pop, key, None)
        self.peak = max(self.peak, sum(self._live.values()))
        return result


def _storages(tree: Any) -> list[torch.UntypedStorage]:
    return [
        leaf.untyped_storage()
        for leaf in tree_leaves(tree)
        if isinstance(leaf, Tensor) and leaf.layout is torch.strided
    ]


def device_memory(device: torch.device) -> int:
    """Bytes of memory that the device has."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[1])
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
