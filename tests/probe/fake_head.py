"""A head that is one least-squares fit, and remembers what it was given."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from seqbench.core.progress import Advance
from seqbench.core.types import Task
from seqbench.probe.heads.base import Fit, FittedHead, HeadState, Problem, Resources

CALLS: list[tuple["FakeHead", Sequence[Fit]]] = []
"""What `fit` was called with; tests empty it."""


@dataclass(frozen=True, kw_only=True)
class FakeConfig:
    fails: tuple[str, ...] = ()
    """`few`: says it is out of memory with more than one fit or layer."""
    checkpoint_steps: int | None = None


@dataclass(frozen=True, kw_only=True)
class FakeHead:
    section: ClassVar[type[FakeConfig]] = FakeConfig
    settings: FakeConfig
    resources: Resources

    @property
    def device(self) -> str:
        return "cpu"

    def fit(self, problem: Problem, fits: Sequence[Fit], *, advance: Advance) -> list[list[FittedHead]]:
        CALLS.append((self, fits))
        if "few" in self.settings.fails and len(fits) * len(fits[0].train.features_LNH) > 1:
            advance(0.5)
            raise MemoryError("too much")
        return [
            [self._fit(problem, fit, layer, advance) for layer in range(len(fit.train.features_LNH))]
            for fit in fits
        ]

    def _fit(self, problem: Problem, fit: Fit, layer: int, advance: Advance) -> FittedHead:
        advance(1.0)
        if "layer 1" in self.settings.fails and layer == 1:
            return FittedHead(layer_index=layer, error="diverged")
        targets = fit.train.targets
        if problem.task is Task.CLASSIFICATION:
            targets = np.eye(problem.n_outputs)[targets]
        weights = np.linalg.lstsq(_with_one(fit.train.features_LNH[layer]), targets, rcond=None)[0]
        state = HeadState(kind="fake", tensors={"weights": weights}, facts={"task": problem.task.value})
        return FittedHead(
            layer_index=layer,
            predictions={
                "eval": self.predict(state, fit.evaluation.features_LNH[layer]),
                "test": self.predict(state, fit.test.features_LNH[layer]),
            },
            chosen_epoch=3,
            seconds=1.0,
            state=state,
        )

    @staticmethod
    def predict(state: HeadState, features: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        values = _with_one(features) @ state.tensors["weights"]
        if state.facts["task"] == "regression":
            return values.astype(np.float32)
        values = np.clip(values, 0.001, 0.999)
        if state.facts["task"] == "classification":
            values /= values.sum(axis=1, keepdims=True)
        return values.astype(np.float32)


def _with_one(features: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.column_stack([features.astype(np.float64), np.ones(len(features))])
