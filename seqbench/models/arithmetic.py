"""Half-precision models on CPUs that have no instructions for it.

There a product in bfloat16 is emulated: on a 2-core AMD EPYC with AVX2 it ran at 0.3 GFLOP/s, in float32 at
150. The weights keep their values, which float32 holds exactly; sums are only more precise.
"""

from collections.abc import Callable
from contextlib import suppress

import torch
from torch import Tensor, nn

from seqbench.core.malloc import free_memory

SUPPORTED: dict[torch.dtype, str] = {
    torch.bfloat16: "_is_mkldnn_bf16_supported",
    torch.float16: "_is_mkldnn_fp16_supported",
}
"""The operator of `torch.ops.mkldnn` that tells whether oneDNN computes in a type on this CPU."""


def use_float32(model: nn.Module) -> Callable[[], None] | None:
    """Let a half-precision model compute in float32 where its own type would be emulated.

    Returns:
        What turns the weights back, bit for bit; None where the type is supported, or memory would not hold
        the weights, and nothing was changed.
    """
    return as_float32(model, is_emulated)


def is_half(dtype: torch.dtype) -> bool:
    """Whether a type is bfloat16 or float16."""
    return dtype in SUPPORTED


def as_float32(
    model: nn.Module, chosen: Callable[[torch.dtype], bool] = is_half
) -> Callable[[], None] | None:
    """Turn weights and buffers of some types into float32, which holds their values exactly.

    Args:
        model: Whose linear layers are not packed.
        chosen: Says of which types.

    Returns:
        What turns them back, bit for bit; None where there are none, or memory would not hold them, and
        nothing was changed.
    """
    tensors = [*model.parameters(), *model.buffers()]
    halves: list[tuple[Tensor, torch.dtype]] = [(each, each.dtype) for each in tensors if chosen(each.dtype)]
    if not halves or 2 * sum(half.nbytes for half, _ in halves) > _room(halves[0][0]):
        return None

    def undo() -> None:
        for tensor, dtype in halves:
            tensor.data = tensor.data.to(dtype)

    try:
        for half, _ in halves:
            half.data = half.data.float()
    except RuntimeError:  # of memory, which others took meanwhile
        undo()
        return None
    return undo


def _room(tensor: Tensor) -> int:
    """Bytes that are free where a tensor lies."""
    return torch.cuda.mem_get_info(tensor.device)[0] if tensor.is_cuda else free_memory()


def is_emulated(dtype: torch.dtype) -> bool:
    """Whether oneDNN says that this CPU has no instructions for a type; unknown counts as not."""
    if dtype not in SUPPORTED:
        return False
    with suppress(AttributeError, RuntimeError):
        return not getattr(torch.ops.mkldnn, SUPPORTED[dtype])()
    return False
