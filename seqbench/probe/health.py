"""The health of a training, read off its learning curve and predictions, and what to change.

Shape letters: E epochs (or boosting rounds) of a curve, N items, K outputs.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.core.types import Task
from seqbench.probe.heads.base import Convergence, FittedHead, Problem
from seqbench.probe.heads.learning_curve import best_epoch
from seqbench.probe.health_advice import advice_for

SAME_VALUE = 1e-6
"""Predictions that differ by less than this share of their size are equal: float32 has 7 digits."""
SAME_ANSWER = 1e-4
"""Nor do probabilities differ that give all items the same answer and range over less than this share of the
targets' standard deviation. Far less than the rarest class takes: a calibrated probability follows it."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What there is to say about one training."""

    verdict: Convergence | None
    """None where the question does not arise: no curve and no solver, or failed before training."""
    advice: str | None
    """One sentence that names the config key to change; None where there is nothing to."""


def diagnose(
    problem: Problem,
    outcome: FittedHead,
    targets_eval: NDArray[Any],
    *,
    head: str,
    choose_epoch: str | None,
) -> Health:
    """Say how a training went, and what to change.

    The first that holds: degenerate (predictions on eval do not depend on the item), what the head itself
    said, diverged, unstable, overfitting, still improving, converged. The curve is judged to its end,
    whichever epoch predicts.

    Args:
        problem: What was predicted.
        outcome: What came of the layer; its predictions are missing where it failed.
        targets_eval: As in `HeadData.targets`, of the eval split.
        head: The head's name in `HEADS`.
        choose_epoch: `best` or `last`; None for heads that have no epochs.
    """
    verdict = _verdict(problem, outcome, targets_eval)
    return Health(verdict=verdict, advice=advice_for(verdict, problem, outcome, head, choose_epoch))


def _verdict(problem: Problem, outcome: FittedHead, targets_eval: NDArray[Any]) -> Convergence | None:
    scores_NK = outcome.predictions.get("eval")
    if scores_NK is not None and is_degenerate(problem, scores_NK, targets_eval):
        return "degenerate"
    if outcome.convergence is not None:
        return outcome.convergence
    points = [point for point in outcome.history if point.eval_loss is not None]
    eval_E = np.array([point.eval_loss for point in points], dtype=np.float64)
    measured = [point.train_loss for point in points if point.train_loss is not None]
    train_E = np.array(measured, dtype=np.float64) if len(measured) == len(points) else None
    return judge_curve(eval_E, train_E) if points else None


def is_degenerate(problem: Problem, scores_NK: NDArray[np.floating[Any]], targets: NDArray[Any]) -> bool:
    """Say whether predictions are the same for all items though the targets are not.

    Always answering with the most frequent class is not degenerate as long as probabilities vary: they rank.

    Args:
        problem: What is predicted.
        scores_NK: Probabilities or values.
        targets: As in `HeadData.targets`, of the same items.
    """
    targets_NK = targets.astype(np.float64)
    if problem.task is Task.CLASSIFICATION:
        targets_NK = (targets[:, None] == np.arange(problem.n_outputs)).astype(np.float64)
    scores_NK = scores_NK.astype(np.float64)
    sd_K = targets_NK.std(axis=0)
    varied_K = np.ptp(targets_NK, axis=0) > 0
    if not varied_K.any():
        return False
    range_K = np.ptp(scores_NK, axis=0)
    if (range_K <= SAME_VALUE * np.maximum(np.abs(scores_NK).max(axis=0), sd_K)).all():
        return True
    if problem.task is Task.REGRESSION:
        return False
    answers_NK = scores_NK.argmax(axis=1)[:, None] if problem.task is Task.CLASSIFICATION else scores_NK > 0.5
    same_answer = (answers_NK == answers_NK[0]).all()
    return bool(same_answer and (range_K <= SAME_ANSWER * sd_K[varied_K].min()).all())


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


def _noise(loss_E: NDArray[np.float64]) -> float:
    """Standard deviation of an epoch's loss about a smooth curve.

    From second differences, which a steady rise or fall leaves at 0: those of independent noise have √6 times
    its standard deviation, and the median of their size is 0.6745 of that. 0 for fewer than three epochs.
    """
    if len(loss_E) < 3:
        return 0.0
    return float(np.median(np.abs(np.diff(loss_E, 2)))) / (0.6745 * math.sqrt(6))
