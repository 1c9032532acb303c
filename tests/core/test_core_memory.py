"""Errors that say that memory ran out, as NumPy 2 and torch 2.13 really raise and word them."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from seqbench.core.memory import is_out_of_memory

TOO_MANY = 2**50
"""Bytes that no machine has."""


def raised(make: object) -> BaseException:
    with pytest.raises((RuntimeError, MemoryError)) as caught:
        make()  # type: ignore[operator]
    return caught.value


@pytest.mark.parametrize("make", [
    lambda: torch.empty(TOO_MANY, dtype=torch.uint8),
    lambda: torch.zeros(1).expand(TOO_MANY).clone(),
    lambda: torch.ones(2**25, 1) @ torch.ones(1, 2**25),
    lambda: np.empty(TOO_MANY, dtype=np.uint8),
    lambda: bytearray(TOO_MANY),
    pytest.param(
        lambda: torch.empty(TOO_MANY, dtype=torch.uint8, device="cuda"),
        marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
    ),
])  # fmt: skip
def test_what_libraries_raise_when_memory_runs_out_is_known(make: object) -> None:
    assert is_out_of_memory(raised(make))


@pytest.mark.parametrize("text", [
    "CUDA error: out of memory",
    "CUDA out of memory. Tried to allocate 20.00 MiB",
    "MPS backend out of memory (MPS allocated: 17.4 GB)",
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    "[enforce fail at alloc_cpu.cpp:121] data. DefaultCPUAllocator: not enough memory: you tried 8 bytes",
])  # fmt: skip
def test_what_torch_says_in_a_plain_error_is_known(text: str) -> None:
    """In the words of c10's CUDA, MPS and CPU allocators and of ATen's handles, torch 2.13."""
    assert is_out_of_memory(RuntimeError(text))


@pytest.mark.parametrize("error", [
    RuntimeError("mat1 and mat2 shapes cannot be multiplied (3x4 and 5x6)"),
    RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`"),
    ValueError("out of memory"),
    KeyError("memory"),
])  # fmt: skip
def test_other_errors_are_none(error: Exception) -> None:
    assert not is_out_of_memory(error)


def test_asking_does_not_import_torch() -> None:
    code = (
        "import sys; from seqbench.core.memory import is_out_of_memory; "
        "assert is_out_of_memory(MemoryError()); assert 'torch' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
