"""The MLP head: a network for each layer of the model, fit and learning rate, all trained in few passes.

Shape letters: N items, H features, K outputs.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from seqbench.config.heads import MlpConfig
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
from seqbench.probe.heads.mlp.network_targets import ByTarget, NetworkTargets
from seqbench.probe.heads.mlp.stack import Architecture
from seqbench.training.losses import TaskLoss


def reference_widths(n_features: int) -> list[int]:
    """Hidden widths of the reference system's MLP: H/2, H/4 and min(128, H/8), each at least 1."""
    return [max(1, width) for width in (n_features // 2, n_features // 4, min(128, n_features // 8))]


class MlpHead:
    """Linear maps with activation and dropout between, trained by AdamW.

    In float32 on CPUs; on GPUs the products of training are in bfloat16, everything else, predictions
    included, in float32. A network's result is what it would be if trained alone with the same seed, up to
    rounding, whatever trains beside it.
    """

    section: ClassVar[type[MlpConfig]] = MlpConfig

    def __init__(
        self,
        *,
        settings: MlpConfig,
        class_weights: ClassWeights,
        choose_epoch: ChooseEpoch,
        resources: Resources | None = None,
    ) -> None:
        """Take what is set.

        Args:
            settings: Of the network and its training.
            class_weights: See `losses.class_weights`.
            choose_epoch: Which weights predict.
            resources: What the head may use. A network that takes more than the memory by itself trains
                alone. In the checkpoint the state is kept every `checkpoint_steps` steps; an equal training
                goes on from it and ends as if nothing had happened.
        """
        self._settings = settings
        self._class_weights, self._choose_epoch = class_weights, choose_epoch
        self.resources = resources or Resources()

    @property
    def device(self) -> str:
        """`cuda` where there is a GPU, else `cpu`."""
        return "cuda" if torch.cuda.is_available() else "cpu"

    def fit(self, problem: Problem, fits: Sequence[Fit], *, advance: Advance) -> list[list[FittedHead]]:
        """See `Head.fit`.

        Raises:
            ProbeError: A split has no items.
            TrainingError: A checkpoint can't be written.
            ValueError: The splits' shapes do not fit each other or the problem.
        """
        return self.fit_together([problem], [1.0], [[fit] for fit in fits], advance=advance)[0]

    def fit_together(
        self,
        problems: Sequence[Problem],
        shares: Sequence[float],
        fits: Sequence[ByTarget],
        *,
        advance: Advance,
    ) -> list[list[list[FittedHead]]]:
        """Train networks that predict several targets of an item, all but the last linear map in common.

        The loss is the mean of the targets' losses, weighed by their shares; rate and epoch are chosen by
        that of eval, for all targets the same. An item counts for the targets that it has a label of.

        Args:
            problems: What each target is.
            shares: Weight of each target.
            fits: As of `fit`; of each training one a target, which differ in their labels alone. Where an
                item has no label of a target, that is marked as in `seqbench.core.missing`.
            advance: As of `fit`; a layer counts once, not once a target.

        Returns:
            For each target what `fit` returns; the state of each is a network of its own.

        Raises:
            ProbeError: As of `fit`, and so the other errors.
        """
        for of_fit in fits:
            for problem, fit in zip(problems, of_fit, strict=True):
                check_splits(problem, fit.splits)
        if not fits:
            return [[] for _ in problems]
        recipe = self._recipe(problems, shares, int(fits[0][0].train.features_LNH.shape[2]))
        return Fitting(recipe, fits, self.resources, advance).run()

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

    def _recipe(self, problems: Sequence[Problem], shares: Sequence[float], n_features: int) -> Recipe:
        settings = self._settings
        n_outputs = sum(problem.n_outputs for problem in problems)
        hidden = reference_widths(n_features) if isinstance(settings.hidden, str) else settings.hidden
        return Recipe(
            settings=settings,
            architecture=Architecture(
                widths=(n_features, *hidden, n_outputs),
                activation=settings.activation,
                norm=settings.norm,
            ),
            targets=NetworkTargets(
                problems=tuple(problems),
                losses=tuple(self._loss(problem) for problem in problems),
                shares=tuple(shares),
            ),
            class_weights=self._class_weights,
            choose_epoch=self._choose_epoch,
            device=torch.device(self.device),
        )

    def _loss(self, problem: Problem) -> TaskLoss:
        settings = self._settings
        return TaskLoss(
            task=problem.task,
            class_loss=settings.class_loss,
            focal_gamma=settings.focal_gamma,
            focal_alpha=settings.focal_alpha,
            label_smoothing=settings.label_smoothing,
            value_loss=settings.value_loss,
        )
