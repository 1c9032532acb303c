"""What came of a training: the network with the kept weights, its learning curve, and what it took.

Shape letters: N items, R rows (items, or letters), O outputs of all targets side by side.
"""

import resource
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqbench.catalog.records import EpochRecord
from seqbench.core.types import SplitName
from seqbench.finetune.batches import Batch
from seqbench.finetune.calibrate import Budget
from seqbench.finetune.network import FineTuned
from seqbench.training.batches import BatchPlan
from seqbench.training.loop import EVAL_LOSS, TRAIN_LOSS, Loop

EVAL_SCORE = "eval_score"
CHOSEN_SCORE = "chosen_score"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """What came of a training; the network has the weights that were kept."""

    network: FineTuned
    predict: Callable[[SplitName, NDArray[np.int64]], Tensor]
    """Predictions of the rows of some items of a split, (R, O): probabilities, or values in their units."""
    history: tuple[EpochRecord, ...]
    n_points: int
    """Of the curve in all."""
    chosen: int | None
    """Point that predicts, from 1; None where no point was a number."""
    steps: int
    n_items: int
    """Items seen, each as often as it was."""
    n_tokens: int
    """Tokens seen, without padding."""
    seconds: float
    """Of all parts of it that were resumed."""
    budget: Budget | None
    """Tokens of a batch; None where batches are of a fixed size."""
    others: tuple[int, ...] = ()
    """Other points that are kept, the best first."""
    take: Callable[[int], None] = lambda point: None
    """Gives the network the weights of one of them."""


def peak_memory(device: torch.device) -> int | None:
    """Greatest memory so far: allocated on a GPU, else resident of the process."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def history_of(loop: Loop[Batch]) -> tuple[EpochRecord, ...]:
    """The curve up to the last point with finite losses."""
    found = []
    for number, point in enumerate(loop.curve, start=1):
        values = {name: float(value[0]) for name, value in point.values.items()}
        if not np.isfinite([values[TRAIN_LOSS], values[EVAL_LOSS]]).all():
            break
        score = values[EVAL_SCORE]
        found.append(
            EpochRecord(
                epoch=number,
                train_loss=values[TRAIN_LOSS],
                eval_loss=values[EVAL_LOSS],
                eval_score=score if np.isfinite(score) else None,
            )
        )
    return tuple(found)


def seen(plan: BatchPlan, lengths_N: NDArray[np.int64], n_steps: int, accumulate: int) -> tuple[int, int]:
    """Items and tokens of so many steps."""
    n_items = n_tokens = number = 0
    while n_steps > 0:
        batches = plan.batches(number)
        n_here = -(-len(batches) // accumulate)
        for rows in batches[: n_steps * accumulate]:
            n_items += len(rows)
            n_tokens += int(lengths_N[rows].sum())
        n_steps, number = n_steps - n_here, number + 1
    return n_items, n_tokens
