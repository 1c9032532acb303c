"""The rate at which this machine multiplies matrices: what no model can be faster than."""

import time

import torch

SIZES = {"cpu": (1024, 2048, 4096), "cuda": (4096, 8192, 16384)}
"""Square matrices; which is fastest depends on caches, so the best counts."""


def matrix_rate(dtype: torch.dtype, device: torch.device, *, seconds: float = 0.5) -> float:
    """Floating-point operations a second of a matrix product, the best of several sizes.

    Args:
        dtype: Of both factors and of the product.
        device: Where.
        seconds: For how long each size is measured, at least; 3 products at least.
    """
    return max(_rate(size, dtype, device, seconds) for size in SIZES[device.type])


def _rate(size: int, dtype: torch.dtype, device: torch.device, seconds: float) -> float:
    left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    out = torch.empty(size, size, dtype=dtype, device=device)
    torch.mm(left, right, out=out)  # threads started, kernels chosen
    _wait(device)
    done, began = 0, time.perf_counter()
    while done < 3 or time.perf_counter() - began < seconds:
        torch.mm(left, right, out=out)
        _wait(device)
        done += 1
    return done * 2 * size**3 / (time.perf_counter() - began)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
