"""Which items a data set has for probes, and the parts of them that are trained, chosen and tested on.

Shape letters: N items, K labels or targets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqbench.core.missing import MISSING, labelled, positions
from seqbench.core.types import SplitName, Task
from seqbench.errors import ProbeError
from seqbench.probe.letter_vectors import LetterVectors, letter_vectors
from seqbench.store import Embeddings
from seqbench.stratification.holdout import holdout
from seqbench.stratification.strata import Labelling

if TYPE_CHECKING:
    from seqbench.metrics.letters import LetterPlaces


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
    together: tuple[Labelling, ...] = ()
    """Where several targets are trained together, those of all: parts are drawn by them."""
    places: "LetterPlaces | None" = None
    """Where labels are of letters, which are the items then, where these stand."""

    def labellings(self, task: Task) -> tuple[Labelling, ...]:
        """What parts are to resemble: the targets, or those of all that are trained together."""
        return self.together or ((self.targets, task),)

    @property
    def labelled_N(self) -> NDArray[np.bool_]:
        """Which items have a label."""
        return np.asarray(self.targets != MISSING) if self.targets.ndim == 1 else labelled(self.targets)

    def __len__(self) -> int:
        return len(self.rows_N)

    @cached_property
    def cut(self) -> tuple[SplitName, bytes]:
        """Names these items, whatever their targets."""
        return self.source, blake2b(self.rows_N.data, digest_size=16).digest()

    def take(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> "Part":
        """Some of the items, by ascending position or by mask."""
        groups_N = None if self.groups_N is None else self.groups_N[chosen]
        together = tuple((targets[chosen], task) for targets, task in self.together)
        return replace(
            self,
            rows_N=self.rows_N[chosen],
            targets=self.targets[chosen],
            groups_N=groups_N,
            together=together,
            places=None if self.places is None else self.places.take(chosen),
        )

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
        kept, held = holdout(train.targets, self.task, seed, groups_N=train.groups_N, together=train.together)
        return {"train": train.take(kept), "eval": train.take(held), "test": self.parts["test"]}


def items_of(entry: Embeddings) -> Items:
    """Read what the store knows of the items; those without embedding or label are in no part.

    Where labels are of letters, these are the items; letters of one sequence stay together in folds and in
    what is held out.

    Raises:
        ProbeError: Nothing is left of a split.
    """
    letters = letter_vectors(entry)
    return items_together([entry])[0] if letters is None else _letters_as_items(entry, letters)


def _letters_as_items(entry: Embeddings, letters: Mapping[SplitName, LetterVectors]) -> Items:
    parts = {}
    for split, own in letters.items():
        if not len(own):
            raise ProbeError(f"{entry.name}: no letter of {split} has both a label and a vector")
        groups_N, sequence_N = entry.groups(split), own.places.sequence_M
        parts[split] = Part(
            source=split,
            rows_N=np.arange(len(own)),
            targets=_targets_of(entry, own.labels),
            groups_N=sequence_N.astype(np.int64) if groups_N is None else groups_N[sequence_N],
            places=own.places,
        )
    return Items(task=entry.facts.task, parts=parts)


def items_together(entries: Sequence[Embeddings]) -> list[Items]:
    """The items of several targets of one data set: of each the same, those that have a label of any.

    Where an item has none of a target, that is marked as in `core.missing`.

    Args:
        entries: The same embeddings, with the labels of each target.

    Raises:
        ProbeError: Nothing is left of a split, for all or for one target.
    """
    parts: list[dict[SplitName, Part]] = [{} for _ in entries]
    for split in entries[0].splits:
        # Coverage is unknown, NaN, where embeddings were imported.
        rows_N = np.flatnonzero((entries[0].items(split).coverage_NS != 0).all(axis=1))
        if not len(rows_N):
            raise ProbeError(
                f"{entries[0].name}: every item of {split} was skipped by extraction (see extract.oversize "
                "and extract.unreadable)"
            )
        has_label_TN = np.stack([labelled(entry.labels(split))[rows_N] for entry in entries])
        for entry, has_label_N in zip(entries, has_label_TN, strict=True):
            if not has_label_N.any():
                raise ProbeError(f"{entry.name}: no item of {split} has a label (every one is null)")
        rows_N = rows_N[has_label_TN.any(axis=0)]
        groups_N = entries[0].groups(split)
        targets_T = [_targets_of(entry, entry.labels(split))[rows_N] for entry in entries]
        tasks = [entry.facts.task for entry in entries]
        together = tuple(zip(targets_T, tasks, strict=True)) if len(entries) > 1 else ()
        for own, targets in zip(parts, targets_T, strict=True):
            own[split] = Part(
                source=split,
                rows_N=rows_N,
                targets=targets,
                groups_N=None if groups_N is None else groups_N[rows_N],
                together=together,
            )
    return [Items(task=entry.facts.task, parts=own) for entry, own in zip(entries, parts, strict=True)]


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
