"""Reading a learning curve: which epoch is best, and whether more epochs could have helped."""

import math
from collections.abc import Sequence

from seqbench.probe.heads.base import ChooseEpoch, Convergence

LAST_SHARE = 0.05
"""A best epoch within this last share of training means that it was still improving."""


def best_epoch(eval_losses: Sequence[float]) -> int:
    """The first epoch, from 1, of the lowest loss; the last one where no loss is a number."""
    finite = [(loss, epoch) for epoch, loss in enumerate(eval_losses, 1) if math.isfinite(loss)]
    return min(finite)[1] if finite else len(eval_losses)


def chosen_epoch(eval_losses: Sequence[float], choose: ChooseEpoch) -> int:
    """The epoch that predicts, from 1."""
    return best_epoch(eval_losses) if choose == "best" else len(eval_losses)


def verdict(eval_losses: Sequence[float]) -> Convergence:
    """Say `still improving` if the best epoch is within the last 5 % (at least one), else `converged`.

    The verdict is about the curve, whichever epoch was chosen to predict.
    """
    last = max(1, math.ceil(LAST_SHARE * len(eval_losses)))
    return "still improving" if best_epoch(eval_losses) > len(eval_losses) - last else "converged"
