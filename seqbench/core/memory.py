"""Whether an error says that memory ran out: one rule for extraction, preflight, probes and training."""

import sys

_TEXTS = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "Cannot allocate memory",
    "STATUS_ALLOC_FAILED",
)
"""What torch says of it in a plain RuntimeError: `CUDA error: out of memory` and `MPS backend out of
memory`; its allocator on Linux (`DefaultCPUAllocator: can't allocate memory`) and on Windows; the system's
error 12; and cuBLAS, cuDNN and cuSOLVER, which allocate by themselves (`CUBLAS_STATUS_ALLOC_FAILED`)."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the memory of a device or of the machine did not suffice.

    Python's, NumPy's and torch's own errors do by their type, and a RuntimeError by its text.
    """
    if isinstance(error, MemoryError):
        return True
    torch = sys.modules.get("torch")  # what was not imported raised nothing
    if torch is not None and isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _TEXTS)
