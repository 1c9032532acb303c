"""The health of a training as its learning curve tells it, and which point of a curve is best.

Shape letters: E points of a curve: epochs, boosting rounds, or evaluations every so many steps.

>>> judge_curve(np.array([1.0, 0.5, 0.4, 0.9, 1.2, 1.4]), np.array([1.0, 0.5, 0.3, 0.2, 0.1, 0.05]))
'overfitting'
"""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Convergence = Literal[
    "converged",
    "still improving",
    "underfitting",
    "overfitting",
    "unstable",
    "degenerate",
    "not converged",
    "diverged",
]
"""The health of a training. `judge_curve` gives those that a curve can tell; a solver itself says `not
converged` (it stopped at its limit of iterations); `degenerate` are predictions that do not depend on the
item; `underfitting` is told by whoever knows what should at least be learned, as `perturb.health` does."""

SWING = 1.25
"""A rise to this multiple that is then taken back by as much. Of 18 small networks on simulated data (50 to
4,000 items, classes and values) trained with Adam, each swung so at most once with a learning rate of 1e-3,
one of them three times or more with 1e-2, and five with 0.1."""
SWINGS = 3
"""So many swings within the second half are a training that does not settle; the first half may be wild."""
FLOOR = 0.05
"""Losses below this share of the first one count as equal: a solved problem may swing as it likes."""
RISE = 0.1
"""Share of its total fall by which a loss must have risen again to be worse for good."""
SLIGHT = 0.01
"""Changes of a loss by less than this share are none, however little it fell in total or how smooth it is."""
END = 0.1
"""The level at the end is the median of this last share of epochs: one epoch alone may be an outlier."""
LATE = 0.05
"""A lowest loss within this last share of epochs, the last one at least, was reached at the end."""
GAIN_OVER = 0.2
"""The share of epochs over which it is asked what they still gained."""
NOISE = 4.0
"""How many standard deviations of an epoch's noise are a rise for good; the lowest of 100 epochs alone lies
2.5 below their mean."""


def best_epoch(eval_losses: Sequence[float]) -> int:
    """The first epoch, from 1, of the lowest loss; the last one where no loss is a number."""
    finite = [(loss, epoch) for epoch, loss in enumerate(eval_losses, 1) if math.isfinite(loss)]
    return min(finite)[1] if finite else len(eval_losses)


def chosen_epoch(eval_losses: Sequence[float], choose: Literal["best", "last"]) -> int:
    """The epoch that predicts, from 1."""
    return best_epoch(eval_losses) if choose == "best" else len(eval_losses)


def judge_curve(eval_E: NDArray[np.float64], train_E: NDArray[np.float64] | None) -> Convergence:
    """Judge a learning curve of at least one epoch.

    Args:
        eval_E: Loss on eval after each epoch.
        train_E: Loss on train of each epoch; None where it was not measured, which leaves out `overfitting`.
    """
    if not np.isfinite(eval_E).all() or (train_E is not None and not np.isfinite(train_E).all()):
        return "diverged"
    eval_E = _scaled(eval_E)
    if _upward_swings(eval_E) >= SWINGS:
        return "unstable"
    if train_E is not None and _rose_again(eval_E):
        train_E = _scaled(train_E)
        lost = _rose_again(train_E) and _end(train_E) > train_E[best_epoch(eval_E.tolist()) - 1]
        return "unstable" if lost else "overfitting"
    return "still improving" if _is_improving(eval_E) else "converged"


def _scaled(loss_E: NDArray[np.float64]) -> NDArray[np.float64]:
    """A curve within ±1, so that differences of huge losses stay finite."""
    largest = float(np.abs(loss_E).max())
    return loss_E / largest if largest > 0 else loss_E


def _upward_swings(loss_E: NDArray[np.float64]) -> int:
    """Count the rises by the factor `SWING` that were taken back, in the second half of the curve.

    Turning points of the logarithm with a threshold: slow drift, a single jump, and noise never count.
    """
    floor = max(FLOOR * loss_E[0], float(np.finfo(np.float64).tiny))
    log_E = np.log(np.maximum(loss_E[len(loss_E) // 2 :], floor))
    low = high = log_E[0]
    rising, swings = False, 0
    for value in log_E:
        low, high = min(low, value), max(high, value)
        if not rising and value - low >= math.log(SWING):
            rising, high = True, value
        elif rising and high - value >= math.log(SWING):
            rising, low, swings = False, value, swings + 1
    return swings


def _rose_again(loss_E: NDArray[np.float64]) -> bool:
    """Whether the end lies clearly above the minimum before it."""
    lowest = float(loss_E.min())
    fall = float(loss_E[0]) - lowest
    return _end(loss_E) - lowest > max(RISE * fall, SLIGHT * abs(lowest), NOISE * _noise(loss_E))


def _end(loss_E: NDArray[np.float64]) -> float:
    return float(np.median(loss_E[-max(1, int(END * len(loss_E))) :]))


def _is_improving(loss_E: NDArray[np.float64]) -> bool:
    """Whether the lowest loss came at the end, and the last fifth of epochs lowered it by more than noise."""
    n_epochs = len(loss_E)
    if n_epochs == 1:
        return True
    if best_epoch(loss_E.tolist()) <= n_epochs - math.ceil(LATE * n_epochs):
        return False
    before = float(loss_E[: -math.ceil(GAIN_OVER * n_epochs)].min())
    fall = float(loss_E[0] - loss_E.min())
    return before - float(loss_E.min()) > max(SLIGHT * fall, _noise(loss_E))


def late_gain(loss_E: NDArray[np.float64]) -> float:
    """The share of its whole fall that a curve made in the last fifth of its points, (E,).

    0 where it did not fall there by more than its noise, and of fewer than five points, which have no fifth.

    >>> round(late_gain(np.array([1.0, 0.8, 0.6, 0.4, 0.2])), 2)
    0.25
    """
    n_points = len(loss_E)
    fall = float(loss_E[0] - loss_E.min())
    if n_points < round(1 / GAIN_OVER) or fall <= 0:
        return 0.0
    gain = float(loss_E[: -math.ceil(GAIN_OVER * n_points)].min() - loss_E.min())
    return gain / fall if gain > _noise(loss_E) else 0.0


def _noise(loss_E: NDArray[np.float64]) -> float:
    """Standard deviation of an epoch's loss about a smooth curve.

    From second differences, which a steady rise or fall leaves at 0: those of independent noise have √6 times
    its standard deviation, and the median of their size is 0.6745 of that. 0 for fewer than three epochs.
    """
    if len(loss_E) < 3:
        return 0.0
    return float(np.median(np.abs(np.diff(loss_E, 2)))) / (0.6745 * math.sqrt(6))
