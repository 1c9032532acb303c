"""What a network predicts: one target, or several of an item side by side.

Shape letters: N items, T targets, K outputs of all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqbench.core.types import Task
from seqbench.probe.heads.base import Fit, Problem
from seqbench.probe.heads.scaling import Scaling
from seqbench.training.losses import SharedLoss, TaskLoss, target_matrix

ByTarget = Sequence[Fit]
"""One training, a `Fit` a target: they have the same items, features and seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkTargets:
    """The targets that a network is trained on, and what it is trained to make small."""

    problems: tuple[Problem, ...]
    losses: tuple[TaskLoss, ...]
    """Of each target, without weights of classes."""
    shares: tuple[float, ...]
    """Weight of each target in the loss; only their proportions count."""

    @property
    def widths(self) -> tuple[int, ...]:
        """Outputs of each target, which stand side by side."""
        return tuple(problem.n_outputs for problem in self.problems)

    @property
    def places(self) -> list[slice]:
        """Where the outputs of each target stand."""
        ends = np.cumsum(self.widths).tolist()
        return [slice(end - width, end) for end, width in zip(ends, self.widths, strict=True)]

    def rule(self, weights_T: Sequence[Tensor | None]) -> TaskLoss | SharedLoss:
        """The loss of all targets, each with the weights of its classes or labels."""
        parts = tuple(
            replace(loss, weights_2K=weights) for loss, weights in zip(self.losses, weights_T, strict=True)
        )
        return parts[0] if len(parts) == 1 else SharedLoss(parts, self.widths, self.shares)

    def scalings(self, fits: ByTarget, *, standardize: bool) -> list[Scaling | None]:
        """Of each target, measured on train; None for what is not standardised."""
        return [
            Scaling.fit(fit.train.targets) if standardize and problem.task is Task.REGRESSION else None
            for problem, fit in zip(self.problems, fits, strict=True)
        ]

    def matrix(self, targets_T: Sequence[NDArray[np.generic]], scalings: Sequence[Scaling | None]) -> Tensor:
        """The targets of a split as (N, K) float32, NaN where they are not known."""
        parts = []
        for problem, values, scaling in zip(self.problems, targets_T, scalings, strict=True):
            values = values if scaling is None else scaling.apply(values)  # type: ignore[arg-type]
            own = torch.from_numpy(np.ascontiguousarray(values))
            parts.append(target_matrix(own, problem.task, problem.n_outputs))
        return torch.cat(parts, dim=1)
