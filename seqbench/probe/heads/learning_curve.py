"""Which epoch of a learning curve is best, and which one predicts."""

import math
from collections.abc import Sequence

from seqbench.probe.heads.base import ChooseEpoch


def best_epoch(eval_losses: Sequence[float]) -> int:
    """The first epoch, from 1, of the lowest loss; the last one where no loss is a number."""
    finite = [(loss, epoch) for epoch, loss in enumerate(eval_losses, 1) if math.isfinite(loss)]
    return min(finite)[1] if finite else len(eval_losses)


def chosen_epoch(eval_losses: Sequence[float], choose: ChooseEpoch) -> int:
    """The epoch that predicts, from 1."""
    return best_epoch(eval_losses) if choose == "best" else len(eval_losses)
