"""The MLP head: one network a layer of the model, all layers trained in one pass.

Shape letters: L layers, N items, H features, K outputs.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from seqbench.catalog.records import EpochRecord
from seqbench.probe.heads import mlp_losses, mlp_training
from seqbench.probe.heads.base import (
    ChooseEpoch,
    FittedHead,
    HeadData,
    Problem,
    check_splits,
    nonfinite_error,
)
from seqbench.probe.heads.learning_curve import chosen_epoch, verdict
from seqbench.probe.heads.mlp_draws import Draws
from seqbench.probe.heads.mlp_stack import MlpStack
from seqbench.probe.heads.mlp_training import PREDICT_ROWS, Curves, Schedule, SplitTensors
from seqbench.probe.heads.scaling import Scaling
from seqbench.probe.heads.threads import torch_threads
from seqbench.progress import Advance
from seqbench.vocabulary import SplitName, Task


def reference_widths(n_features: int) -> list[int]:
    """Hidden widths of the reference system's MLP: H/2, H/4 and min(128, H/8), each at least 1."""
    return [max(1, width) for width in (n_features // 2, n_features // 4, min(128, n_features // 8))]


@dataclass(frozen=True, slots=True, kw_only=True)
class MlpHead:
    """Linear maps with ReLU and dropout between, trained by Adam for a fixed number of epochs.

    Cross-entropy for classification, binary cross-entropy for labels, Huber (delta 1) for regression, all in
    float32. A layer's result is what it would be if trained alone with the same seed, up to rounding.
    """

    hidden: Literal["reference"] | Sequence[int]
    """Widths of the hidden layers; `reference` for `reference_widths`."""
    dropout: float
    """Probability of dropping a hidden unit, on in every epoch."""
    lr: float
    """Adam's step size."""
    batch_size: int
    """Items of a step."""
    epochs: int
    """Passes over train."""
    standardize: bool
    """Bring features, and regression targets, to mean 0 and deviation 1 on train."""
    choose_epoch: ChooseEpoch
    memory_bytes: int = 4 << 30
    """What the layers that train together may take: features, weights, optimiser state, activations. A layer
    that is larger by itself trains alone."""

    @property
    def device(self) -> str:
        """`cuda` where there is a GPU, else `cpu`."""
        return "cuda" if torch.cuda.is_available() else "cpu"

    def fit(
        self,
        problem: Problem,
        train: HeadData,
        evaluation: HeadData,
        test: HeadData,
        *,
        seed: int,
        advance: Advance,
    ) -> list[FittedHead]:
        """See `Head.fit`."""
        splits: dict[SplitName, HeadData] = {"train": train, "eval": evaluation, "test": test}
        check_splits(problem, splits)
        outcomes, sound = [], []
        for index in range(train.features_LNH.shape[0]):
            error = nonfinite_error(splits, index)
            if error is None:
                sound.append(index)
            else:
                outcomes.append(FittedHead(layer_index=index, error=error))
                advance(1.0)
        at_once = max(1, self.memory_bytes // self._layer_bytes(problem, splits))
        flop = self._step_flop(problem, train) * min(at_once, len(sound))
        with torch_threads(flop):
            for first in range(0, len(sound), at_once):
                group = sound[first : first + at_once]
                outcomes += self._fit_group(problem, splits, group, seed, advance)
        return sorted(outcomes, key=lambda fitted: fitted.layer_index)

    def _widths(self, n_features: int, n_outputs: int) -> list[int]:
        hidden = reference_widths(n_features) if isinstance(self.hidden, str) else self.hidden
        return [n_features, *hidden, n_outputs]

    def _step_flop(self, problem: Problem, train: HeadData) -> int:
        """Of one layer: a product forward and two backward, two operations a weight and item each."""
        widths = self._widths(int(train.features_LNH.shape[2]), problem.n_outputs)
        return 6 * self.batch_size * sum(n_inputs * n_outputs for n_inputs, n_outputs in pairwise(widths))

    def _layer_bytes(self, problem: Problem, splits: dict[SplitName, HeadData]) -> int:
        n_features = int(splits["train"].features_LNH.shape[2])
        widths = self._widths(n_features, problem.n_outputs)
        n_items = sum(data.n_items for data in splits.values())
        n_weights = sum((n_inputs + 1) * n_outputs for n_inputs, n_outputs in pairwise(widths))
        # Weights, gradients, Adam's two moments, the best epoch's weights; activations and their gradients.
        values = n_items * n_features + 5 * n_weights + 2 * max(self.batch_size, PREDICT_ROWS) * sum(widths)
        return 4 * values

    def _fit_group(
        self,
        problem: Problem,
        splits: dict[SplitName, HeadData],
        group: list[int],
        seed: int,
        advance: Advance,
    ) -> list[FittedHead]:
        began = time.perf_counter()
        tensors, target_scaling = self._tensors(problem, splits, group)
        n_features = tensors["train"].features_NLH.shape[2]
        schedule = Schedule(
            widths=self._widths(n_features, problem.n_outputs),
            dropout=self.dropout,
            lr=self.lr,
            batch_size=self.batch_size,
            epochs=self.epochs,
            choose_epoch=self.choose_epoch,
        )
        draws = Draws(seed, torch.device(self.device))
        stack, curves = mlp_training.train(
            problem.task,
            tensors["train"],
            tensors["eval"],
            schedule,
            draws,
            lambda: advance(len(group) / self.epochs),
        )
        predictions = _predictions(problem.task, stack, tensors, target_scaling)
        seconds = (time.perf_counter() - began) / len(group)
        return [
            self._outcome(
                index, {name: values[at] for name, values in predictions.items()}, curves, at, seconds
            )
            for at, index in enumerate(group)
        ]

    def _tensors(
        self, problem: Problem, splits: dict[SplitName, HeadData], group: list[int]
    ) -> tuple[dict[SplitName, SplitTensors], Scaling | None]:
        """Splits on the device, scaled as on train, and the scaling of the targets where they have one."""
        scalings = [
            Scaling.fit(splits["train"].features_LNH[index]) if self.standardize else None for index in group
        ]
        scale_targets = self.standardize and problem.task is Task.REGRESSION
        target_scaling = Scaling.fit(splits["train"].targets) if scale_targets else None
        tensors: dict[SplitName, SplitTensors] = {}
        for name, data in splits.items():
            features_NLH = np.empty((data.n_items, len(group), data.features_LNH.shape[2]), dtype=np.float32)
            for at, (index, scaling) in enumerate(zip(group, scalings, strict=True)):
                features_NH = data.features_LNH[index]
                features_NLH[:, at] = features_NH if scaling is None else scaling.apply(features_NH)
            targets = data.targets if target_scaling is None else target_scaling.apply(data.targets)
            tensors[name] = SplitTensors(
                features_NLH=torch.from_numpy(features_NLH).to(self.device),
                targets_NK=mlp_losses.target_matrix(targets, problem).to(self.device),
            )
        return tensors, target_scaling

    def _outcome(
        self,
        index: int,
        predictions: dict[SplitName, NDArray[np.float32]],
        curves: Curves,
        at: int,
        seconds: float,
    ) -> FittedHead:
        train_losses, eval_losses = curves.train_EL[:, at].tolist(), curves.eval_EL[:, at].tolist()
        history = tuple(
            EpochRecord(epoch=epoch, train_loss=train_loss, eval_loss=eval_loss, eval_score=None)
            for epoch, (train_loss, eval_loss) in enumerate(zip(train_losses, eval_losses, strict=True), 1)
        )
        finite = np.isfinite(train_losses) & np.isfinite(eval_losses)
        if not finite.all():
            first = int(np.argmin(finite))
            return FittedHead(
                layer_index=index,
                n_epochs=self.epochs,
                history=history[:first],
                convergence="diverged",
                seconds=seconds,
                error=f"the loss became infinite or NaN in epoch {first + 1}; lower probe.mlp.lr "
                f"({self.lr:g}) or set probe.mlp.standardize",
            )
        return FittedHead(
            layer_index=index,
            predictions=predictions,
            chosen_epoch=chosen_epoch(eval_losses, self.choose_epoch),
            n_epochs=self.epochs,
            history=history,
            convergence=verdict(eval_losses),
            seconds=seconds,
        )


def _predictions(
    task: Task, stack: MlpStack, tensors: dict[SplitName, SplitTensors], target_scaling: Scaling | None
) -> dict[SplitName, NDArray[np.float32]]:
    predictions: dict[SplitName, NDArray[np.float32]] = {}
    names: tuple[SplitName, ...] = ("eval", "test")
    for name in names:
        values_LNK = mlp_training.predict(task, stack, tensors[name].features_NLH).numpy()
        if target_scaling is not None:
            values_LNK = target_scaling.undo(values_LNK).astype(np.float32)
        predictions[name] = values_LNK
    return predictions
