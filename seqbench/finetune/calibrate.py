"""How many tokens a batch has: a short measurement of steps on the device, at the data's typical length."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from seqbench.core.memory import is_out_of_memory
from seqbench.finetune.batches import Batch

DEFAULT = {"cpu": 1024, "cuda": 16_384}
CANDIDATES = {"cpu": (512, 1024, 2048, 4096), "cuda": tuple(2**power for power in range(12, 18))}
GOOD_ENOUGH = 0.97
"""The smallest budget is taken that reaches this share of the best rate: more steps for the same work."""
FEWEST_BATCHES = 200
"""A training of fewer default batches is done before measuring pays."""
FEWEST_STEPS = 20
"""Steps of an epoch that a budget leaves at least; fewer would hardly train."""
MEMORY_SHARE = 0.6
"""Largest share of a GPU's memory that a measured step may take; longer items need more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Tokens of a batch, padding included, and why so many."""

    tokens: int
    reason: str


def calibrate(
    step: Callable[[Batch], None],
    make: Callable[[NDArray[np.int64]], Batch],
    lengths_N: NDArray[np.int64],
    *,
    epochs: int,
    device: torch.device,
) -> Budget:
    """Measure tokens a second over candidate budgets.

    Args:
        step: Computes gradients of a batch, and leaves weights and their gradients as they were.
        make: A batch of items.
        lengths_N: Tokens of the items of train.
        epochs: Passes over them.
        device: Where they are computed.
    """
    kind, total = device.type, int(lengths_N.sum())
    highest = max(1, total // FEWEST_STEPS)
    default = min(DEFAULT[kind], max(highest, int(lengths_N.max())))
    if total * epochs < FEWEST_BATCHES * default:
        return Budget(tokens=default, reason=f"default of {kind}, too small a job to measure")
    typical_N = np.argsort(np.abs(lengths_N - np.median(lengths_N)), kind="stable")
    rates: dict[int, float] = {}
    for budget in CANDIDATES[kind]:
        if budget > max(highest, default):
            break
        count = max(1, int(budget // np.median(lengths_N)))
        rows_B = np.resize(typical_N, count)
        rate = _rate(step, make(rows_B), int(lengths_N[rows_B].sum()), device)
        if rate is None:
            break
        rates[budget] = rate
    if not rates:
        return Budget(tokens=default, reason=f"default of {kind}")
    best = max(rates.values())
    chosen = next(budget for budget, rate in rates.items() if rate >= GOOD_ENOUGH * best)
    curve = ", ".join(f"{budget}: {rate:,.0f}" for budget, rate in rates.items())
    return Budget(tokens=chosen, reason=f"measured on {kind}, tokens/s {curve}")


def _rate(step: Callable[[Batch], None], batch: Batch, n_tokens: int, device: torch.device) -> float | None:
    """Tokens a second, the better of two after a warm-up; None where memory does not hold the batch."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    seconds: list[float] = []
    try:
        for _ in range(3):
            began = time.perf_counter()
            step(batch)
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            seconds.append(time.perf_counter() - began)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return None
    if device.type == "cuda":
        _, total = torch.cuda.mem_get_info(device)
        if torch.cuda.max_memory_allocated(device) > MEMORY_SHARE * total:
            return None
    return n_tokens / min(seconds[1:])
