"""A data set's report for `seqbench datasets check`: what is in each split, and what looks wrong."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqbench.core.alphabets import Alphabet
from seqbench.core.missing import missing_values
from seqbench.core.progress import Reporter
from seqbench.core.types import SplitName, Task
from seqbench.datasets.dataset import Dataset, Split, open_dataset
from seqbench.datasets.spec import DatasetSpec, Source
from seqbench.metrics.test_splits import remarks_on_test


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSummary:
    """One target of a regression over a split."""

    mean: float
    sd: float
    """Population standard deviation."""
    minimum: float
    maximum: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitReport:
    """What is in one split."""

    name: SplitName
    path: Path
    items: int
    unlabelled: int
    """Items without a label, which count in no score; where labels are of letters, those without any."""
    letters: int
    """Where labels are of letters: all of them, which the counts below are of; else 0."""
    unlabelled_letters: int
    """Of those, how many have no label, and count in no score."""
    missing: tuple[int, ...]
    """Of lists: items that have a label, but not this one of them; empty where none is missing."""
    min_length: int
    """Characters, over all sequences of all items; so are the next two."""
    median_length: float
    max_length: int
    label_counts: tuple[tuple[int | str, int], ...]
    """Classification: (class, items or letters); multi-label: (label, those with it), by name if they have
    names, a label else by its position; regression: empty."""
    targets: tuple[TargetSummary, ...]
    """Regression only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetReport:
    """What a data set is, as its files say."""

    name: str
    source: Source
    task: Task
    seq_keys: tuple[str, ...]
    alphabet: Alphabet
    classes: tuple[int, ...]
    class_names: tuple[str, ...]
    """As of `Dataset`."""
    n_targets: int
    sha256: str
    splits: tuple[SplitReport, ...]
    ceiling: Mapping[str, float] | None
    warnings: tuple[str, ...]

    @property
    def n_outputs(self) -> int:
        """Classes, labels or targets."""
        return len(self.classes) if self.task is Task.CLASSIFICATION else self.n_targets

    @property
    def items(self) -> int:
        """Items over all splits."""
        return sum(split.items for split in self.splits)


def check_dataset(spec: DatasetSpec, reporter: Reporter | None = None) -> DatasetReport:
    """Read a whole data set and describe it.

    Raises:
        DataError: As `open_dataset`.
    """
    dataset = open_dataset(spec, reporter=reporter)
    splits = tuple(_split_report(dataset, split) for split in dataset.splits.values())
    return DatasetReport(
        name=spec.name,
        source=spec.source,
        task=dataset.task,
        seq_keys=dataset.seq_keys,
        alphabet=dataset.alphabet,
        classes=dataset.classes,
        class_names=dataset.class_names,
        n_targets=dataset.n_targets,
        sha256=dataset.sha256,
        splits=splits,
        ceiling=dataset.ceiling,
        warnings=(*dataset.warnings, *_on_test(dataset, splits)),
    )


def _on_test(dataset: Dataset, splits: Sequence[SplitReport]) -> Iterator[str]:
    """What scores on test can't tell, since its items are few or alike."""
    for split in splits:
        if split.name == "test":
            remarks = remarks_on_test(
                dataset.task,
                split.letters - split.unlabelled_letters or split.items - split.unlabelled,
                None if dataset.task is Task.REGRESSION else [count for _, count in split.label_counts],
                names=[str(label) for label, _ in split.label_counts],
                missing=split.missing or None,
                varies=not split.targets or any(one.minimum < one.maximum for one in split.targets),
                n_sequences=split.items - split.unlabelled if split.letters else None,
            )
            yield from (f"{dataset.spec.name}: {remark}" for remark in remarks)


def _split_report(dataset: Dataset, split: Split) -> SplitReport:
    letters = split.letters
    labelled_N = split.labelled if letters is None else letters.labelled_items()
    return SplitReport(
        name=split.name,
        path=split.index.path,
        items=len(split),
        unlabelled=int((~labelled_N).sum()),
        letters=0 if letters is None else letters.n_letters,
        unlabelled_letters=0 if letters is None else int((~letters.labelled).sum()),
        missing=missing_values(split.index.scored) or (),
        min_length=int(split.lengths.min()),
        median_length=float(np.median(split.lengths)),
        max_length=int(split.lengths.max()),
        label_counts=_label_counts(dataset, split),
        targets=_targets(split) if dataset.task is Task.REGRESSION else (),
    )


def _label_counts(dataset: Dataset, split: Split) -> tuple[tuple[int | str, int], ...]:
    if dataset.task is Task.CLASSIFICATION:
        known = np.searchsorted(np.asarray(dataset.classes), split.index.known_labels)
        counts = np.bincount(known, minlength=len(dataset.classes))
        return tuple(zip(dataset.class_names or dataset.classes, counts.tolist(), strict=True))
    if dataset.task is Task.LABELS:
        counts = np.count_nonzero(split.index.scored == 1, axis=0)
        return tuple(zip(dataset.class_names or range(len(counts)), counts.tolist(), strict=True))
    return ()


def _targets(split: Split) -> tuple[TargetSummary, ...]:
    return tuple(
        TargetSummary(
            mean=float(column.mean()),
            sd=float(column.std()),
            minimum=float(column.min()),
            maximum=float(column.max()),
        )
        for column in (values[~np.isnan(values)] for values in split.index.scored.T)
    )
