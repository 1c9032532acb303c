"""What a fine-tuned network predicts: one or several targets of the same items, labels perhaps missing.

Shape letters: N items, M rows that have a label each: the items, or where labels are of letters all letters,
item by item; K outputs of a target (classes, labels or values), O outputs of all targets side by side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqbench.config.finetune import FinetuneConfig
from seqbench.core.missing import MISSING, labelled, positions
from seqbench.core.types import SplitName, Task
from seqbench.datasets.dataset import Dataset
from seqbench.metrics.letters import LetterPlaces
from seqbench.probe.heads.balance import balanced_weights
from seqbench.probe.heads.base import Problem
from seqbench.training.losses import SharedLoss, TaskLoss, target_matrix


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Target:
    """One target: what it is called, its labels, and how much it counts."""

    name: str
    """Of the data set that it is scored as, `arg/drug_class`."""
    problem: Problem
    classes: tuple[int, ...]
    """Classification: the label that each output stands for; else empty."""
    class_names: tuple[str, ...]
    """Names of the outputs; empty where they have none."""
    labels: Mapping[SplitName, NDArray[np.generic]]
    """As `Split.targets`, of every row."""
    share: float = 1.0
    """Weight of its loss among those of the other targets."""
    offsets: Mapping[SplitName, NDArray[np.int64]] | None = None
    """Where labels are of letters: where those of each item begin, and where those of the last end."""

    @property
    def task(self) -> Task:
        """What its labels are."""
        return self.problem.task

    @property
    def n_outputs(self) -> int:
        """K."""
        return self.problem.n_outputs

    def known(self, split: SplitName) -> NDArray[np.bool_]:
        """Which rows of a split have a label, (M,)."""
        labels = self.labels[split]
        is_class = self.task is Task.CLASSIFICATION
        return np.asarray(labels >= 0) if is_class else labelled(labels)  # type: ignore[operator]

    def places(self, split: SplitName, rows: NDArray[np.int64]) -> LetterPlaces | None:
        """Where letters stand; None where labels are of items.

        Args:
            split: Of the letters.
            rows: Their rows, ascending.
        """
        if self.offsets is None:
            return None
        item_M = np.searchsorted(self.offsets[split], rows, side="right") - 1
        return LetterPlaces(sequence_M=item_M, place_M=rows - self.offsets[split][item_M])

    def with_labels_of(self, split: SplitName, rows: NDArray[np.int64]) -> "Target":
        """The target of which a split has the labels of some rows alone."""
        known, every = self.labels[split], np.zeros(len(self.labels[split]), dtype=np.bool_)
        every[rows] = True
        fill: Any = np.nan if self.task is Task.REGRESSION else MISSING
        kept = np.where(every if known.ndim == 1 else every[:, None], known, fill).astype(known.dtype)
        return replace(self, labels={**self.labels, split: kept})

    def matrix(self, split: SplitName, rows: NDArray[np.int64]) -> Tensor:
        """Labels of some rows as (rows, K) float32, NaN where missing; values in their own units."""
        labels = self.labels[split][rows]
        if self.task is Task.LABELS:
            labels = np.where(labels < 0, np.nan, labels.astype(np.float32))  # type: ignore[operator]
        return target_matrix(torch.from_numpy(np.ascontiguousarray(labels)), self.task, self.n_outputs)


def target_of(dataset: Dataset, share: float = 1.0) -> Target:
    """The target of an opened data set, or of one of its views."""
    is_classes = dataset.task is Task.CLASSIFICATION
    n_outputs = len(dataset.classes) if is_classes else dataset.n_targets
    labels: dict[SplitName, NDArray[Any]] = {name: split.targets for name, split in dataset.splits.items()}
    letters = {name: split.letters for name, split in dataset.splits.items() if split.letters is not None}
    for name, own in letters.items():
        labels[name] = positions(own.values, np.asarray(dataset.classes)) if is_classes else own.values
    return Target(
        name=dataset.spec.name,
        problem=Problem(task=dataset.task, n_outputs=n_outputs),
        classes=dataset.classes,
        class_names=dataset.class_names,
        labels=labels,
        share=share,
        offsets={name: own.offsets for name, own in letters.items()} or None,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Scaling:
    """How values become what the network gives, (value - shift) / scale; probabilities stay as they are."""

    shift_O: Tensor
    scale_O: Tensor

    def apply(self, targets_NO: Tensor) -> Tensor:
        """Values as the network is trained to give them."""
        return (targets_NO - self.shift_O.to(targets_NO)) / self.scale_O.to(targets_NO)

    def undo(self, outputs_NO: Tensor) -> Tensor:
        """Outputs in the targets' own units."""
        return outputs_NO * self.scale_O.to(outputs_NO) + self.shift_O.to(outputs_NO)


def scaling_of(targets: Sequence[Target], rows: NDArray[np.int64], config: FinetuneConfig) -> Scaling:
    """Centre values on their mean in train; divide by their deviation, unless `rmse` keeps their units."""
    shifts, scales = [], []
    for target in targets:
        shift, scale = torch.zeros(target.n_outputs), torch.ones(target.n_outputs)
        if target.task is Task.REGRESSION:
            values = target.matrix("train", rows).double()
            shift = values.nanmean(0).nan_to_num().float()
            if config.value_loss != "rmse":
                deviation = (values - shift).square().nanmean(0).sqrt().nan_to_num().float()
                scale = torch.where(deviation > 0, deviation, 1.0)
        shifts.append(shift)
        scales.append(scale)
    return Scaling(torch.cat(shifts), torch.cat(scales))


def loss_of(targets: Sequence[Target], rows: NDArray[np.int64], config: FinetuneConfig) -> SharedLoss:
    """The weighted mean of the targets' losses; class weights are counted among the rows of train."""
    return SharedLoss(
        parts=tuple(_task_loss(target, rows, config) for target in targets),
        widths=tuple(target.n_outputs for target in targets),
        shares=tuple(target.share for target in targets),
    )


def _task_loss(target: Target, rows: NDArray[np.int64], config: FinetuneConfig) -> TaskLoss:
    return TaskLoss(
        task=target.task,
        class_loss=config.class_loss,
        focal_gamma=config.focal_gamma,
        focal_alpha=config.focal_alpha,
        label_smoothing=config.label_smoothing,
        value_loss=config.value_loss,
        weights_2K=_class_weights(target, rows, config),
    )


def _class_weights(target: Target, rows: NDArray[np.int64], config: FinetuneConfig) -> Tensor | None:
    """Weights of both values of each output, (2, K); scikit-learn's `balanced`, of labels one at a time."""
    train = target.labels["train"][rows]
    if config.class_weights == "none" or target.task is Task.REGRESSION:
        return None
    if target.task is Task.CLASSIFICATION:
        known = train[train >= 0]  # type: ignore[operator]
        every = np.arange(target.n_outputs)
        weights_K = balanced_weights("balanced", target.problem, known, every)
        return (
            torch.ones(2, target.n_outputs)
            if weights_K is None
            else torch.from_numpy(np.stack([np.ones(target.n_outputs), weights_K])).float()
        )
    found = np.ones((2, target.n_outputs))
    for column in range(target.n_outputs):
        known = train[:, column][train[:, column] >= 0]  # type: ignore[operator]
        one = Problem(task=Task.LABELS, n_outputs=1)
        pair = balanced_weights("balanced", one, known[:, None], np.array([[0], [1]]))
        if pair is not None:
            found[:, column] = pair[:, 0]
    return torch.from_numpy(found).float()
