"""The health of a training of `st`, and what to change: what its curve, its fit of train and its waits tell.

Shape letters: E looks at eval.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqbench.training.health import Convergence, judge_curve, late_gain

STILL_FALLING = 0.1
"""Share of its fall that the loss on train made in the last fifth of the looks. An exponential fall that
gains a tenth there is 1.5 time constants old: more than a fifth of what it can gain is still to come."""
MUCH_WAITING = 0.2
"""Share of the time that went by waiting for batches; without, the training would be 1.25 × as fast."""
FEWEST_SECONDS = 2.0
"""Waits of less are none: a short training waits for its first batch, while the thread that reads begins."""

ADVICE: dict[Convergence, str] = {
    "overfitting": "eval got worse while train improved: fewer perturb.st.steps, a smaller "
    "perturb.st.hidden, or more perturb.st.weight_decay",
    "still improving": "eval still improved at the end: more perturb.st.steps (it goes on from its "
    "checkpoint)",
    "unstable": "the loss swings: a lower perturb.st.lr, a perturb.st.warmup, or a larger "
    "perturb.st.batch_sets",
    "diverged": "the loss became infinite: a lower perturb.st.lr, or perturb.st.clip",
}
_FALLING = (
    "the loss on train still fell clearly at the end: more perturb.st.steps (it goes on from its "
    "checkpoint), or a higher perturb.st.lr"
)
_NO_BETTER = (
    "train is fitted no better than by control cells as they are: more perturb.st.steps, a larger "
    "perturb.st.hidden, or a higher perturb.st.lr"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What a training tells of itself."""

    eval_E: NDArray[np.float64]
    """Loss on eval at each look."""
    train_E: NDArray[np.float64]
    """Mean loss of the steps before each look."""
    fit: float | None = None
    """Loss of the kept network on some sets of train; None where `unchanged` is."""
    unchanged: float | None = None
    """Loss on the same sets of the control cells as they are: that nothing happens. None where that is not
    known, as where control cells are embeddings."""
    seconds: float = 0.0
    """That training took."""
    seconds_waiting: float = 0.0
    """Of these, waiting for batches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What there is to say about a training."""

    verdict: Convergence
    """Of the losses alone: equal trainings have equal verdicts on machines of any speed."""
    advice: str | None
    """What was seen and which keys help; None where there is nothing to do."""


def judge(telling: Telling) -> Health:
    """Say how a training went.

    `diverged`, `unstable` and `overfitting` are those of `training.health.judge_curve`. Of the others it is
    `underfitting` where train is fitted no better than by control cells as they are, or where eval still
    improves and train still falls by `STILL_FALLING`. That batches were slow is said in the advice, whatever
    the verdict.
    """
    verdict = judge_curve(telling.eval_E, telling.train_E)
    advice = ADVICE.get(verdict)
    if verdict in ("converged", "still improving"):
        if telling.fit is not None and telling.unchanged is not None and telling.fit >= telling.unchanged:
            verdict, advice = "underfitting", _NO_BETTER
        elif verdict == "still improving" and late_gain(telling.train_E) >= STILL_FALLING:
            verdict, advice = "underfitting", _FALLING
    said = [text for text in (advice, _slow_loading(telling)) if text]
    return Health(verdict=verdict, advice="; ".join(said) or None)


def _slow_loading(telling: Telling) -> str | None:
    waiting = telling.seconds_waiting
    if waiting < FEWEST_SECONDS or waiting < MUCH_WAITING * telling.seconds:
        return None
    return (
        f"slow loading: {waiting / telling.seconds:.0%} of the time was spent waiting for cells: put the "
        "catalog, beside which they are laid out, on a local disk, give the job more cores, or choose "
        "fewer genes (perturb.data.genes)"
    )
