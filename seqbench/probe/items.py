"""Which items a data set has for probes, and the parts of them that are trained, chosen and tested on.

Shape letters: N items, K labels or targets.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.core.missing import labelled, positions
from seqbench.core.types import SplitName, Task
from seqbench.errors import ProbeError
from seqbench.store import Embeddings
from seqbench.stratification.holdout import holdout


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """Some items of a stored split, with the targets that they are given."""

    source: SplitName
    rows_N: NDArray[np.int64]
    """Rows of the stored split, ascending."""
    targets: NDArray[Any]
    """Of these rows. Classification: (N,) class indices. Labels: (N, K) 0/1. Regression: (N, K) values."""
    groups_N: NDArray[np.int64] | None = None
    """Equal for items that stay together in folds and in what is held out; None where they stand alone."""

    def __len__(self) -> int:
        return len(self.rows_N)

    @cached_property
    def cut(self) -> tuple[SplitName, bytes]:
        """Names these items, whatever their targets."""
        return self.source, blake2b(self.rows_N.data, digest_size=16).digest()

    def take(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> "Part":
        """Some of the items, by ascending position or by mask."""
        groups_N = None if self.groups_N is None else self.groups_N[chosen]
        return replace(self, rows_N=self.rows_N[chosen], targets=self.targets[chosen], groups_N=groups_N)

    def shuffled(self, *seeds: int) -> "Part":
        """The same items with each other's targets, so that there are as many of each."""
        order = np.random.default_rng(seeds).permutation(len(self))
        return replace(self, targets=self.targets[order])


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """The items of a data set that have embeddings."""

    task: Task
    parts: Mapping[SplitName, Part]

    @property
    def has_eval(self) -> bool:
        """Whether there is an eval split of its own."""
        return "eval" in self.parts

    def splits(self, seed: int) -> dict[SplitName, Part]:
        """Train, eval and test; without an eval split a stratified tenth of train stands in, by seed.

        Raises:
            ProbeError: Train has too few items to hold any out.
        """
        if self.has_eval:
            return dict(self.parts)
        train = self.parts["train"]
        kept, held = holdout(train.targets, self.task, seed, groups_N=train.groups_N)
        return {"train": train.take(kept), "eval": train.take(held), "test": self.parts["test"]}


def items_of(entry: Embeddings) -> Items:
    """Read what the store knows of the items; those without embedding or label are in no part.

    Raises:
        ProbeError: Nothing is left of a split.
    """
    parts = {}
    for split in entry.splits:
        # Coverage is unknown, NaN, where embeddings were imported.
        rows_N = np.flatnonzero((entry.items(split).coverage_NS != 0).all(axis=1))
        if not len(rows_N):
            raise ProbeError(
                f"{entry.name}: every item of {split} was skipped by extraction (see extract.oversize and "
                "extract.unreadable)"
            )
        labels = entry.labels(split)
        rows_N = rows_N[labelled(labels)[rows_N]]
        if not len(rows_N):
            raise ProbeError(f"{entry.name}: no item of {split} has a label (every one is null)")
        groups_N = entry.groups(split)
        parts[split] = Part(
            source=split,
            rows_N=rows_N,
            targets=_targets_of(entry, labels)[rows_N],
            groups_N=None if groups_N is None else groups_N[rows_N],
        )
    return Items(task=entry.facts.task, parts=parts)


def items_of_labels(
    task: Task, labels: Mapping[SplitName, NDArray[Any]], groups: Mapping[SplitName, NDArray[np.int64] | None]
) -> Items:
    """The items of a data set that is not embedded yet, as far as can be told: those with a label.

    Args:
        task: What they are.
        labels: Of every item as in the file; for what is not known see `seqbench.core.missing`.
        groups: As in `Part.groups_N`, of every item.
    """
    parts = {
        split: Part(
            source=split,
            rows_N=rows_N,
            targets=values[rows_N],
            groups_N=None if (own := groups.get(split)) is None else own[rows_N],
        )
        for split, values in labels.items()
        for rows_N in [np.flatnonzero(labelled(values))]
    }
    return Items(task=task, parts=parts)


def _targets_of(entry: Embeddings, labels: NDArray[Any]) -> NDArray[Any]:
    if entry.facts.task is Task.CLASSIFICATION:
        return positions(labels, np.asarray(entry.facts.classes))
    return labels
