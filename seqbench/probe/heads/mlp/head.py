"""The MLP head: a network for each layer of the model, fit and learning rate, all trained in few passes.

Shape letters: N items, H features, K outputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from seqbench.config.fields import Activation, ClassLoss, Decay, Norm, ValueLoss
from seqbench.core.progress import Advance
from seqbench.probe.heads.base import (
    ChooseEpoch,
    ClassWeights,
    Fit,
    FittedHead,
    HeadState,
    Problem,
    Resources,
    check_splits,
)
from seqbench.probe.heads.mlp import state as state_of
from seqbench.probe.heads.mlp.fitting import Fitting, Recipe
from seqbench.probe.heads.mlp.losses import Loss
from seqbench.probe.heads.mlp.schedule import Schedule
from seqbench.probe.heads.mlp.stack import Architecture


def reference_widths(n_features: int) -> list[int]:
    """Hidden widths of the reference system's MLP: H/2, H/4 and min(128, H/8), each at least 1."""
    return [max(1, width) for width in (n_features // 2, n_features // 4, min(128, n_features // 8))]


@dataclass(frozen=True, slots=True, kw_only=True)
class MlpHead:
    """Linear maps with activation and dropout between, trained by AdamW.

    In float32 on CPUs; on GPUs the products of training are in bfloat16, everything else, predictions
    included, in float32. A network's result is what it would be if trained alone with the same seed, up to
    rounding, whatever trains beside it.
    """

    hidden: Literal["reference"] | Sequence[int]
    """Widths of the hidden layers; `reference` for `reference_widths`."""
    dropout: float
    """Probability of dropping a hidden unit, on in every epoch."""
    activation: Activation
    norm: Norm
    """What stands before each activation: `layer` for layer normalisation with a scale and a shift."""
    lr: float | Sequence[float]
    """AdamW's learning rate; of several, and of their combinations with `weight_decay`, each layer has the
    one of the lowest eval loss."""
    weight_decay: float | Sequence[float]
    """Share of the learning rate by which a step shrinks weights, never biases and norms."""
    batch_size: int
    """Items of a batch."""
    accumulate: int
    """Batches whose gradients are averaged for a step; the last step of an epoch takes what is left."""
    epochs: int
    """Passes over train."""
    steps: int | None
    """Optimiser steps after which training ends, instead of `epochs`; a curve has a point after each pass and
    after the last step."""
    patience: int | None
    """Epochs without a lower eval loss after which a network stops; None for never."""
    warmup: float
    """Share of all steps in which the learning rate rises from 0."""
    decay: Decay
    """What the learning rate does after that: stay `constant`, or fall to 0 as a `cosine`."""
    clip: float | None
    """Largest norm of a network's gradient; None for any."""
    class_loss: ClassLoss
    focal_gamma: float
    focal_alpha: float | None
    label_smoothing: float
    value_loss: ValueLoss
    """This and the four before are those of `Loss`."""
    standardize: bool
    """Bring features, and regression targets, to mean 0 and deviation 1 on train."""
    checkpoint_steps: int | None
    """Steps after which the state is written to `resources.checkpoint`, from which an equal training goes on
    and ends as if nothing had happened; None for never."""
    class_weights: ClassWeights
    choose_epoch: ChooseEpoch
    resources: Resources = field(default_factory=Resources)
    """A network that takes more than the memory by itself trains alone."""

    @property
    def device(self) -> str:
        """`cuda` where there is a GPU, else `cpu`."""
        return "cuda" if torch.cuda.is_available() else "cpu"

    def fit(self, problem: Problem, fits: Sequence[Fit], *, advance: Advance) -> list[list[FittedHead]]:
        """See `Head.fit`.

        Raises:
            ProbeError: A split has no items, or a checkpoint can't be written.
            ValueError: The splits' shapes do not fit each other or the problem.
        """
        for fit in fits:
            check_splits(problem, fit.splits)
        if not fits:
            return []
        recipe = self._recipe(problem, int(fits[0].train.features_LNH.shape[2]))
        return Fitting(recipe, problem, fits, self.resources, advance).run()

    @staticmethod
    def predict(state: HeadState, features_NH: NDArray[np.float32]) -> NDArray[np.float32]:
        """Predict as `FittedHead.predictions` are, on the CPU.

        Args:
            state: Of a fitted head.
            features_NH: As they come from the store; the state standardises them.

        Returns:
            Shape (N, K), float32.

        Raises:
            ProbeError: The features are of another width than those of train.
        """
        return state_of.predict(state, features_NH)

    def _recipe(self, problem: Problem, n_features: int) -> Recipe:
        hidden = reference_widths(n_features) if isinstance(self.hidden, str) else self.hidden
        return Recipe(
            architecture=Architecture(
                widths=(n_features, *hidden, problem.n_outputs), activation=self.activation, norm=self.norm
            ),
            schedule=self._schedule(),
            choices={"lr": _listed(self.lr), "weight_decay": _listed(self.weight_decay)},
            loss=Loss(
                task=problem.task,
                class_loss=self.class_loss,
                focal_gamma=self.focal_gamma,
                focal_alpha=self.focal_alpha,
                label_smoothing=self.label_smoothing,
                value_loss=self.value_loss,
                weights_G2K=None,
            ),
            class_weights=self.class_weights,
            standardize=self.standardize,
            device=torch.device(self.device),
        )

    def _schedule(self) -> Schedule:
        return Schedule(
            dropout=self.dropout,
            batch_size=self.batch_size,
            accumulate=self.accumulate,
            epochs=self.epochs,
            steps=self.steps,
            patience=self.patience,
            warmup=self.warmup,
            decay=self.decay,
            clip=self.clip,
            choose_epoch=self.choose_epoch,
            checkpoint_steps=self.checkpoint_steps,
        )


def _listed(value: float | Sequence[float]) -> tuple[float, ...]:
    return (float(value),) if isinstance(value, int | float) else tuple(value)
