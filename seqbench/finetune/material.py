"""What a training is made of: tokenised items, their targets, and which it learns from and is judged on.

Shape letters: N items, O outputs of all targets side by side.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqbench.core.types import SplitName
from seqbench.datasets.dataset import Dataset
from seqbench.errors import DataError, ProbeError, TrainingError
from seqbench.finetune.design import FinetuneDesign
from seqbench.finetune.items import TokenisedItems
from seqbench.finetune.problem import Target
from seqbench.probe.items import Items, Part
from seqbench.probe.spec import Design
from seqbench.probe.subsets import leaves_out
from seqbench.probe.trainings import Training, trainings_of


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Material:
    """What a training is made of: tokenised items by split, their targets, and which of them count.

    A cross-validation is several trainings of the same items with other rows.
    """

    items: Mapping[SplitName, TokenisedItems]
    targets: Sequence[Target]
    train_N: NDArray[np.int64]
    """Rows of train that are learned from."""
    eval_source: SplitName
    """The split that is judged on: eval, or train where some of it are held out."""
    eval_N: NDArray[np.int64]
    """Rows of it."""
    held_out_N: NDArray[np.int64] | None = None
    """Rows of train that are the fold held out, where there is an eval split to judge on: they are only
    predicted."""

    def matrix(self, split: SplitName) -> Tensor:
        """Targets of a split side by side, (N, O), NaN where missing."""
        return torch.cat([target.matrix(split) for target in self.targets], -1)

    def scored(self) -> Iterator[tuple[SplitName, SplitName, NDArray[np.int64]]]:
        """What is predicted: the split that scores go under, where its rows lie, and which they are."""
        if self.held_out_N is not None:
            yield "train", "train", self.held_out_N
        yield "eval", self.eval_source, self.eval_N
        yield "test", "test", usable("test", self.targets, self.items["test"].readable_N)


def usable(
    split: SplitName, targets: Sequence[Target], readable_N: NDArray[np.bool_] | None = None
) -> NDArray[np.int64]:
    """Rows of a split with a label of any target and, as far as that is told, a token in every sequence."""
    counts_N = np.any([target.known(split) for target in targets], axis=0)
    return np.flatnonzero(counts_N if readable_N is None else counts_N & readable_N).astype(np.int64)


def material_of(
    design: FinetuneDesign,
    dataset: Dataset,
    targets: Sequence[Target],
    items: Mapping[SplitName, TokenisedItems],
) -> Material:
    """Which items a training learns from and is judged on: those that a probe of the same seed has.

    Without an eval split a tenth of train is judged on, by seed, groups kept together; of a cross-validation
    the fold held out.

    Raises:
        DataError: No item of a split has both tokens and a label.
        TrainingError: Too few items are left to learn from or to judge on.
    """
    rows = {name: usable(name, targets, each.readable_N) for name, each in items.items()}
    for name, rows_N in rows.items():
        if not len(rows_N):
            raise DataError(f"{design.dataset}: no item of {name} has a label and a token")
    training = _training(design, _items(dataset, targets, rows))
    return Material(
        items=items,
        targets=targets,
        train_N=training.train.rows_N,
        eval_source=training.evaluation.source,
        eval_N=training.evaluation.rows_N,
        held_out_N=None if training.held_out is None else training.held_out.rows_N,
    )


def applicable(
    designs: Sequence[FinetuneDesign], dataset: Dataset, targets: Sequence[Target]
) -> list[FinetuneDesign]:
    """The designs without those whose subset would be all of train.

    Raises:
        ProbeError: Train has too few items to hold any out for eval.
    """
    if not any(design.subset for design in designs):
        return list(designs)
    items = _items(dataset, targets, {name: usable(name, targets) for name in dataset.splits})
    train = {seed: items.splits(seed)["train"] for seed in {design.seed for design in designs}}
    return [
        design
        for design in designs
        if design.subset is None or leaves_out(train[design.seed].targets, items.task, design.subset)
    ]


def _items(dataset: Dataset, targets: Sequence[Target], rows: Mapping[SplitName, NDArray[np.int64]]) -> Items:
    """Items as probes cut them; of several targets parts resemble the whole in all of them."""
    parts = {}
    for name, rows_N in rows.items():
        groups_N = dataset.splits[name].groups
        labellings = tuple((target.labels[name][rows_N], target.task) for target in targets)
        parts[name] = Part(
            source=name,
            rows_N=rows_N,
            targets=labellings[0][0],
            groups_N=None if groups_N is None else groups_N[rows_N],
            together=labellings if len(labellings) > 1 else (),
        )
    return Items(task=targets[0].task, parts=parts)


def _training(design: FinetuneDesign, items: Items) -> Training:
    """The part of the items that a probe of this seed, fold and subset has.

    Raises:
        TrainingError: It can't be cut so, or too little is left.
    """
    like = Design(
        head=design.encoder,
        settings={},
        seed=design.seed,
        combine="concat",
        threshold="fixed",
        folds=design.folds,
        subset=design.subset,
    )
    try:
        training = trainings_of(like, items)[design.fold or 0]
    except ProbeError as error:
        raise TrainingError(str(error)) from error
    is_cut = design.folds is not None or design.subset is not None
    if is_cut and (fault := training.of_target().fault(items.task)) is not None:
        raise TrainingError(fault)
    return training
