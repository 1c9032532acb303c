"""What a design comes to: one training or one a fold, with the items it learns from and is judged on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from seqbench.core.missing import known
from seqbench.core.types import SplitName, Task
from seqbench.probe.items import Items, Part
from seqbench.probe.spec import Design
from seqbench.probe.subsets import leaves_out, subset_of
from seqbench.stratification.shares import grouped_folds

_SHUFFLE = {"train": 1, "eval": 2}
"""Tells the random numbers that permute a part's labels from those that draw folds and subsets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """One training of a head, on every layer."""

    design: Design
    fold: int | None
    train: Part
    evaluation: Part
    test: Part
    held_out: Part | None = None
    """The fold, where epoch and strength are chosen on an eval split: it is only predicted."""

    @property
    def scored(self) -> dict[SplitName, Part]:
        """What is predicted, by the split that its scores go under."""
        parts: dict[SplitName, Part] = {"eval": self.evaluation, "test": self.test}
        return parts if self.held_out is None else {"train": self.held_out, **parts}

    @property
    def n_train(self) -> int:
        """Items that it learns its target from."""
        return int(self.train.labelled_N.sum())

    def of_target(self) -> "Training":
        """The training with those items alone that have a label."""
        return replace(
            self,
            train=_with_label(self.train),
            evaluation=_with_label(self.evaluation),
            test=_with_label(self.test),
            held_out=None if self.held_out is None else _with_label(self.held_out),
        )

    def fault(self, task: Task) -> str | None:
        """Why nothing can be learned or chosen, None where it can."""
        judged = self.evaluation if self.held_out is None else self.held_out
        if not len(judged) or not len(self.train):
            return (
                f"{len(self.train) + len(judged)} items of train do not fill {self.design.folds} folds "
                "(set folds lower)"
            )
        if task is not Task.CLASSIFICATION:
            nowhere = np.flatnonzero(~known(self.train.targets).any(axis=0))
            if nowhere.size:
                return (
                    f"value {nowhere[0]} of the labels (counted from 0) is null for all {len(self.train)} "
                    "items it would be trained on (fewer folds, or more items)"
                )
            return None
        if (self.train.targets == self.train.targets[0]).all():
            return (
                f"only one class is among the {len(self.train)} items it would be trained on, so there is "
                "nothing to tell apart (fewer folds, or more items)"
            )
        return None


def _with_label(part: Part) -> Part:
    return part if part.labelled_N.all() else part.take(part.labelled_N)


def applicable(designs: Sequence[Design], items: Items) -> list[Design]:
    """The designs without those whose subset would be all of train."""
    return [design for design in designs if design.subset is None or _leaves_out(design, items)]


def _leaves_out(design: Design, items: Items) -> bool:
    train = items.splits(design.seed)["train"]
    return design.subset is not None and leaves_out(train.targets, items.task, design.subset)


def trainings_of(design: Design, items: Items) -> list[Training]:
    """Divide the items as a design wants it.

    In the control of shuffled labels each part that is never divided further (train or its subset, a fold,
    eval) has its labels permuted among its own items, so classes are as frequent as in the real training, and
    an item has the same wrong label in all folds. Test keeps its true labels.

    Raises:
        ProbeError: Train has too few items to hold any out for eval.
    """
    if design.folds is not None:
        return _folds(design, items, design.folds)
    parts = items.splits(design.seed)
    train = parts["train"]
    if design.subset is not None:
        train = train.take(subset_of(train.labellings(items.task), design.subset, design.seed))
    return [
        Training(
            design=design,
            fold=None,
            train=_labelled(design, train, "train"),
            evaluation=_labelled(design, parts["eval"], "eval"),
            test=parts["test"],
        )
    ]


def _folds(design: Design, items: Items, folds: int) -> list[Training]:
    whole = items.parts["train"]
    fold_N = grouped_folds(whole.labellings(items.task), folds, design.seed, whole.groups_N)
    targets = whole.targets.copy()
    for fold in range(folds if design.shuffled else 0):
        mine = fold_N == fold
        targets[mine] = whole.take(mine).shuffled(design.seed, _SHUFFLE["train"], fold).targets
    whole = replace(whole, targets=targets)
    trainings = []
    for fold in range(folds):
        held = whole.take(np.flatnonzero(fold_N == fold))
        chosen_on = _labelled(design, items.parts["eval"], "eval") if items.has_eval else held
        trainings.append(
            Training(
                design=design,
                fold=fold,
                train=whole.take(np.flatnonzero(fold_N != fold)),
                evaluation=chosen_on,
                test=items.parts["test"],
                held_out=held if items.has_eval else None,
            )
        )
    return trainings


def _labelled(design: Design, part: Part, name: str) -> Part:
    """The part with the labels that the design gives it."""
    return part.shuffled(design.seed, _SHUFFLE[name]) if design.shuffled else part
