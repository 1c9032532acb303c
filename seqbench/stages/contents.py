"""What is in the splits of a data set: label counts, lengths and targets, from what was indexed already.

Shape letters: N items, S sequences an item, T labels or targets.
"""

from collections.abc import Iterable
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from seqbench.catalog.records import SplitContents
from seqbench.core.missing import labelled, missing_values, same_labels
from seqbench.core.types import SplitName, Task
from seqbench.datasets.dataset import Dataset
from seqbench.datasets.letters import LetterLabels
from seqbench.errors import DataError, StoreNotFoundError
from seqbench.stages.workspace import Workspace
from seqbench.store import EmbeddingFacts, Embeddings

QUARTILES = (0.0, 0.25, 0.5, 0.75, 1.0)


def same_files(entry: Embeddings, workspace: Workspace) -> Dataset | None:
    """The files of a data set as they were indexed, if they are still those of the embeddings.

    None where they are gone, faulty or have other labels, which must not stop who works with embeddings.
    """
    try:
        dataset = workspace.dataset(entry.dataset) if workspace.has_files(entry.dataset) else None
    except DataError:
        return None
    if dataset is None or dataset.level != entry.facts.level:
        return None
    same = all(_same(dataset, split, entry.labels(split)) for split in entry.splits)
    return dataset if same else None


def split_contents(entry: Embeddings, files: Dataset | None) -> dict[SplitName, SplitContents]:
    """Describe every split of what is in the store.

    Args:
        entry: A model on the data set.
        files: What `same_files` found; without, the lengths are not known, nor labels of letters where no
            tokens are stored.
    """
    letters = {split: _letters(entry, split, files) for split in entry.splits}
    labels = {
        split: entry.labels(split) if of_letters is None else of_letters.values
        for split, of_letters in letters.items()
    }
    return {
        split: SplitContents(
            n_items=entry.facts.splits[split].n_items,
            n_unlabelled=_unlabelled(labels[split], letters[split]),
            n_letters=_known_letters(letters[split]),
            missing=missing_values(labels[split]),
            label_counts=label_counts(labels[split], entry.facts),
            lengths=None if files is None else length_quartiles(files.splits[split].lengths),
            targets=target_quartiles(labels[split]) if entry.facts.task is Task.REGRESSION else None,
        )
        for split in labels
    }


def _letters(entry: Embeddings, split: SplitName, files: Dataset | None) -> LetterLabels | None:
    """The labels of letters, of the files or of the store; None where labels are of items, or not at hand."""
    if entry.facts.level == "item":
        return None
    if files is not None:
        return files.splits[split].letters
    try:
        return entry.letters(split)
    except StoreNotFoundError:
        return None


def _unlabelled(labels: NDArray[Any], letters: LetterLabels | None) -> int:
    """Items without a label, or without any of a letter."""
    return int((~(labelled(labels) if letters is None else letters.labelled_items())).sum())


def _known_letters(letters: LetterLabels | None) -> int:
    return 0 if letters is None else int(letters.labelled.sum())


def file_contents(dataset: Dataset) -> dict[SplitName, SplitContents]:
    """Describe every split of an opened data set, or of a target of it."""
    return {
        name: SplitContents(
            n_items=len(split),
            n_unlabelled=_unlabelled(split.labels, split.letters),
            n_letters=_known_letters(split.letters),
            label_counts=label_counts(split.index.scored, dataset),
            lengths=length_quartiles(split.lengths),
            targets=target_quartiles(split.index.scored) if dataset.task is Task.REGRESSION else None,
        )
        for name, split in dataset.splits.items()
    }


def label_counts(labels: NDArray[Any], facts: EmbeddingFacts | Dataset) -> tuple[int, ...] | None:
    """Items of each class in the order of `facts.classes`, or items that carry each label; else None.

    Args:
        labels: (N,) classes, or (N, T) of 0 and 1; of letters likewise, which are then counted.
        facts: Whose labels they are.
    """
    if facts.task is Task.REGRESSION:
        return None
    if facts.task is Task.LABELS:
        return _integers(np.count_nonzero(labels == 1, axis=0))
    classes = np.asarray(facts.classes)
    known_N = labels[labelled(labels)]
    return _integers(np.bincount(np.searchsorted(classes, known_N), minlength=len(classes)))


def length_quartiles(lengths_NS: NDArray[np.int64]) -> tuple[int, int, int, int, int]:
    """Shortest, quartiles and longest of all sequences; a quartile is a length that occurs."""
    found = np.quantile(lengths_NS.ravel(), QUARTILES, method="inverted_cdf")
    return cast(tuple[int, int, int, int, int], _integers(found))


def target_quartiles(targets_NT: NDArray[Any]) -> tuple[tuple[float, float, float, float, float], ...]:
    """Of each target least, quartiles (between two values: interpolated) and greatest."""
    found = np.nanquantile(targets_NT.reshape(len(targets_NT), -1), QUARTILES, axis=0).T
    return tuple(cast(tuple[float, float, float, float, float], tuple(row)) for row in found.tolist())


def _same(dataset: Dataset, split: SplitName, labels: NDArray[Any]) -> bool:
    """Whether a split of the files has the labels of the store, item by item."""
    found = dataset.splits.get(split)
    return found is not None and same_labels(found.labels.ravel(), labels.ravel())


def _integers(numbers: Iterable[Any]) -> tuple[int, ...]:
    return tuple(int(number) for number in numbers)
