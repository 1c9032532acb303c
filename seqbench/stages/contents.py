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
from seqbench.errors import DataError
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
    if dataset is None or not all(_same(dataset, split, entry.labels(split)) for split in entry.splits):
        return None
    return dataset


def split_contents(entry: Embeddings, files: Dataset | None) -> dict[SplitName, SplitContents]:
    """Describe every split of what is in the store.

    Args:
        entry: A model on the data set.
        files: What `same_files` found; without, the lengths are not known.
    """
    labels = {split: entry.labels(split) for split in entry.splits}
    return {
        split: SplitContents(
            n_items=entry.facts.splits[split].n_items,
            n_unlabelled=int((~labelled(labels[split])).sum()),
            missing=missing_values(labels[split]),
            label_counts=label_counts(labels[split], entry.facts),
            lengths=None if files is None else length_quartiles(files.splits[split].lengths),
            targets=target_quartiles(labels[split]) if entry.facts.task is Task.REGRESSION else None,
        )
        for split in labels
    }


def file_contents(dataset: Dataset) -> dict[SplitName, SplitContents]:
    """Describe every split of an opened data set, or of a target of it."""
    return {
        name: SplitContents(
            n_items=len(split),
            n_unlabelled=int((~split.labelled).sum()),
            label_counts=label_counts(split.labels, dataset),
            lengths=length_quartiles(split.lengths),
            targets=target_quartiles(split.labels) if dataset.task is Task.REGRESSION else None,
        )
        for name, split in dataset.splits.items()
    }


def label_counts(labels: NDArray[Any], facts: EmbeddingFacts | Dataset) -> tuple[int, ...] | None:
    """Items of each class in the order of `facts.classes`, or items that carry each label; else None.

    Args:
        labels: (N,) classes, or (N, T) of 0 and 1.
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
