"""The health of a training, read off its learning curve and predictions, and what to change.

Shape letters: E epochs (or boosting rounds) of a curve, N items, K outputs.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.core.missing import known
from seqbench.core.types import Task
from seqbench.probe.heads.base import FittedHead, Problem
from seqbench.probe.health_advice import advice_for
from seqbench.training.health import Convergence, judge_curve

SAME_VALUE = 1e-6
"""Predictions that differ by less than this share of their size are equal: float32 has 7 digits."""
SAME_ANSWER = 1e-4
"""Nor do probabilities differ that give all items the same answer and range over less than this share of the
targets' standard deviation. Far less than the rarest class takes: a calibrated probability follows it."""


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
    targets_NK = np.where(known(targets), targets, np.nan) if targets.ndim == 2 else targets
    if problem.task is Task.CLASSIFICATION:
        targets_NK = (targets[:, None] == np.arange(problem.n_outputs)).astype(np.float64)
    scores_NK = scores_NK.astype(np.float64)
    some_K = ~np.isnan(targets_NK).all(axis=0)
    targets_NK, scores_NK = targets_NK[:, some_K], scores_NK[:, some_K]
    sd_K = np.nanstd(targets_NK, axis=0)
    varied_K = np.nanmax(targets_NK, axis=0) > np.nanmin(targets_NK, axis=0)
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
