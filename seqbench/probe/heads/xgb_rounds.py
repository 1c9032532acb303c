"""Boosting round by round: several boosters in step, their mean curves, and when to stop."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class BoostedPart:
    """A booster and what it learns from; XGBoost's `Booster` and `DMatrix`."""

    booster: Any
    train: Any
    evaluation: Any | None
    """None where eval has nothing that the booster could tell."""
    n_outputs: int = 1
    """Labels or targets that it learns: its share in the mean."""


@dataclass(slots=True, kw_only=True)
class Curves:
    """Each metric after each round, averaged over the boosters by what they learn."""

    values: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    """By split (`train`, `eval`) and metric."""

    @property
    def n_rounds(self) -> int:
        """Rounds trained."""
        return max((len(values) for values in self.values.values()), default=0)

    def add(self, reports: Sequence[str], n_outputs: Sequence[int]) -> None:
        """Take one round's reports of `Booster.eval_set`: `train-logloss:0.65`, `eval-auc:0.7`, by tabs."""
        found: dict[tuple[str, str], list[tuple[float, int]]] = {}
        for report, share in zip(reports, n_outputs, strict=True):
            for entry in report.split("\t")[1:]:
                name, _, value = entry.rpartition(":")
                split, _, metric = name.partition("-")
                found.setdefault((split, metric), []).append((float(value), share))
        for key, pairs in found.items():
            values, shares = zip(*pairs, strict=True)
            self.values.setdefault(key, []).append(float(np.average(values, weights=shares)))

    def of(self, split: str, metric: str) -> list[float] | None:
        """One curve; None where that split was not evaluated."""
        return self.values.get((split, metric))


def boost(
    parts: Sequence[BoostedPart], n_rounds: int, *, metric: str, maximised: bool, patience: int | None
) -> Curves:
    """Train the boosters, which have no rounds yet; what `xgboost.train` does, for several in step.

    Args:
        parts: One booster, or one an output.
        n_rounds: Rounds at most.
        metric: The one watched on eval.
        maximised: Whether more of it is better.
        patience: Stop after so many rounds in a row without a better one; None: never.
    """
    curves = Curves()
    lowest, waited = np.inf, 0
    for number in range(n_rounds):
        reports = []
        for part in parts:
            part.booster.update(part.train, iteration=number)
            watched = [(part.train, "train")]
            watched += [] if part.evaluation is None else [(part.evaluation, "eval")]
            reports.append(part.booster.eval_set(watched, iteration=number))
        curves.add(reports, [part.n_outputs for part in parts])
        scores = curves.of("eval", metric)
        if patience is None or scores is None:
            continue
        value = -scores[-1] if maximised else scores[-1]
        lowest, waited = (value, 0) if value < lowest else (lowest, waited + 1)
        if waited >= patience:
            break
    return curves
