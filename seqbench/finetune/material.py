"""What a training is made of: tokenised items, their targets, and which it learns from and is judged on.

Shape letters: N items, R rows that outputs stand for: items, or where labels are of letters those of some
items that have a token; O outputs of all targets side by side.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

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
    """Items of train that are learned from."""
    eval_source: SplitName
    """The split that is judged on: eval, or train where some of it are held out."""
    eval_N: NDArray[np.int64]
    """Items of it."""
    held_out_N: NDArray[np.int64] | None = None
    """Items of train that are the fold held out, where there is an eval split to judge on: they are only
    predicted."""
    n_labels: int
    """Items that are learned from, or where labels are of letters the letters."""

    def rows(self, split: SplitName, items: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows of a split's labels that outputs of some items stand for, in their order."""
        offsets = self.targets[0].offsets
        if offsets is None:
            return items
        return np.concatenate(
            [np.zeros(0, dtype=np.int64), *map(partial(self._letters, split), items.tolist())]
        )

    def _letters(self, split: SplitName, item: int) -> NDArray[np.int64]:
        """The rows of one item's letters."""
        offsets, sequences = self.targets[0].offsets, self.items[split].items[item]
        assert offsets is not None
        letters = sequences[0].letters
        assert letters is not None
        rows: NDArray[np.int64] = offsets[split][item] + letters.places_R
        return rows

    def matrix(self, split: SplitName, items: NDArray[np.int64]) -> Tensor:
        """Targets of some items' rows side by side, (R, O), NaN where missing."""
        rows = self.rows(split, items)
        return torch.cat([target.matrix(split, rows) for target in self.targets], -1)

    def scored(self) -> Iterator[tuple[SplitName, SplitName, NDArray[np.int64]]]:
        """What is predicted: the split that scores go under, where its items lie, and which they are."""
        if self.held_out_N is not None:
            yield "train", "train", self.held_out_N
        yield "eval", self.eval_source, self.eval_N
        rows = usable("test", self.targets, self.items["test"])
        yield "test", "test", items_of("test", self.targets, rows)


def usable(
    split: SplitName, targets: Sequence[Target], items: TokenisedItems | None = None
) -> NDArray[np.int64]:
    """Rows of a split with a label of any target and, as far as tokens are told, one in every sequence.

    Of labels of letters each letter that has both is a row.
    """
    counts_M = np.any([target.known(split) for target in targets], axis=0)
    if items is not None:
        offsets = targets[0].offsets
        counts_M &= items.readable_N if offsets is None else _has_token(items, offsets[split])
    return np.flatnonzero(counts_M).astype(np.int64)


def _has_token(items: TokenisedItems, offsets_N1: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which letters of all items have a token."""
    found_M = np.zeros(offsets_N1[-1], dtype=np.bool_)
    for item, start in zip(items.items, offsets_N1.tolist(), strict=False):
        for sequence in item:
            if sequence.letters is not None:
                found_M[start + sequence.letters.places_R] = True
    return found_M


def items_of(split: SplitName, targets: Sequence[Target], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The items that rows belong to, each once; `rows` ascending."""
    places = targets[0].places(split, rows)
    return rows if places is None else np.unique(places.sequence_M)


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
    rows = {name: usable(name, targets, each) for name, each in items.items()}
    for name, own in rows.items():
        if not len(own):
            raise DataError(f"{design.dataset}: no item of {name} has a label and a token")
    training = _training(design, _items(dataset, targets, rows))
    judged, held_out = training.evaluation, training.held_out
    if design.subset is not None and targets[0].offsets is not None:  # single letters are drawn
        used = [part.rows_N for part in (training.train, judged) if part.source == "train"]
        targets = [target.with_labels_of("train", np.concatenate(used)) for target in targets]
    return Material(
        items=items,
        targets=targets,
        train_N=items_of("train", targets, training.train.rows_N),
        eval_source=judged.source,
        eval_N=items_of(judged.source, targets, judged.rows_N),
        held_out_N=None if held_out is None else items_of("train", targets, held_out.rows_N),
        n_labels=len(training.train),
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
    """Items as probes cut them; of several targets parts resemble the whole in all of them.

    Where labels are of letters these are the items, and those of a sequence stay together.
    """
    parts = {}
    for name, own in rows.items():
        groups_N, places = dataset.splits[name].groups, targets[0].places(name, own)
        item_R = own if places is None else places.sequence_M.astype(np.int64)
        together = None if places is None else item_R  # letters of a sequence
        labellings = tuple((target.labels[name][own], target.task) for target in targets)
        parts[name] = Part(
            source=name,
            rows_N=own,
            targets=labellings[0][0],
            groups_N=together if groups_N is None else groups_N[item_R],
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
