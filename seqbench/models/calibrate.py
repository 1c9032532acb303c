"""The size of batches: a short calibration on the device at the data set's typical length.

Shape letters: B windows in a batch, T tokens.
"""

import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from seqbench.core.memory import is_out_of_memory
from seqbench.models.base import SequenceFacts
from seqbench.models.forward import Forward
from seqbench.models.tokens import Tokens

DEFAULT_BYTES = {"cpu": 16 * 1024, "cuda": 128 * 1024}
"""Tokens of a batch where it is not worth calibrating, times the bytes of a number: 8,192 in bfloat16 and
4,096 in float32 on CPUs, where larger batches leave the cache (8,192 took 5 % longer on two cores)."""

CANDIDATES = {"cpu": (1024, 2048, 4096, 8192, 16384), "cuda": tuple(2**power for power in range(13, 21))}

GOOD_ENOUGH = 0.97
"""The smallest budget is taken that reaches this share of the best rate: it leaves memory to others."""

SMALL_JOB = 200
"""A job of fewer default batches is done before a calibration pays."""

SECONDS = 10.0
"""No further candidate is tried after so long; calibrating stays a small part of jobs that are worth it."""

MEMORY_SHARE = 0.6
"""Largest share of a GPU's memory that a calibrated batch may take; the rest is for longer sequences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Tokens of one batch, padding included."""

    tokens: int
    reason: str

    @classmethod
    def default(cls, forward: Forward) -> "Budget":
        """What a device gets without calibration, by the type that it computes in."""
        device, dtype = forward.device.type, forward.computes_in
        return cls(
            tokens=DEFAULT_BYTES[device] // dtype.itemsize,
            reason=f"default of the device ({device}, {str(dtype).removeprefix('torch.')})",
        )

    def attrs(self) -> dict[str, Any]:
        """For the record beside the embeddings."""
        return asdict(self)


def calibrate(forward: Forward, tokens: Tokens, facts: SequenceFacts) -> Budget:
    """Measure tokens a second over candidate budgets and take the smallest that is nearly the fastest.

    Args:
        forward: The model on its device.
        tokens: Its tokenizer.
        facts: Says how long sequences typically are, and how many there are.
    """
    device = forward.device.type
    default = Budget.default(forward)
    if facts.letters < SMALL_JOB * default.tokens:
        return Budget(tokens=default.tokens, reason=f"{default.reason}, too small a job to calibrate")
    typical = tokens.example * (facts.letters // max(facts.sequences, 1) // len(tokens.example) + 1)
    window = tokens.windows([typical]).ids[0]
    rates: dict[int, float] = {}
    began = time.perf_counter()
    for budget in CANDIDATES[device]:
        rows = max(1, budget // len(window))
        rate = _rate(forward, np.tile(window.astype(np.int64), (rows, 1)))
        if rate is None:
            break
        rates[budget] = rate
        worse = [later for later in rates.values() if later < GOOD_ENOUGH * max(rates.values())]
        if rate in worse[1:] or time.perf_counter() - began > SECONDS:
            break
    if not rates:
        return default
    best = max(rates.values())
    chosen = next(budget for budget, rate in rates.items() if rate >= GOOD_ENOUGH * best)
    curve = ", ".join(f"{budget}: {rate:,.0f}" for budget, rate in rates.items())
    return Budget(
        tokens=chosen, reason=f"calibrated on {device} at {len(window)} tokens a sequence, tokens/s {curve}"
    )


def _rate(forward: Forward, ids_BT: Any) -> float | None:
    """Tokens a second of one batch, best of two after a warm-up; None where memory does not hold it."""
    mask_BT = np.ones_like(ids_BT)
    cuda = forward.device.type == "cuda"
    if cuda:
        torch.cuda.reset_peak_memory_stats(forward.device)
    seconds = []
    try:
        for _ in range(3):
            began = time.perf_counter()
            forward.run(ids_BT, mask_BT, mask_BT, forward.layers.numbers[-1:], ["mean"])()
            seconds.append(time.perf_counter() - began)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return None
    if cuda:
        _, total = torch.cuda.mem_get_info(forward.device)
        if torch.cuda.max_memory_allocated(forward.device) > MEMORY_SHARE * total:
            return None
    return float(ids_BT.size / min(seconds[1:]))
