"""All items that are to be split: of one JSONL file, or of every split of a folder.

Shape letters: N items of all files, one file after the other.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.audit.letters import stretches_of
from seqbench.core.missing import MISSING, positions
from seqbench.core.types import SPLITS, SplitName, Task
from seqbench.datasets.class_names import number_classes
from seqbench.datasets.dataset import Dataset, Split
from seqbench.datasets.facts import alphabet_of, sum_letters
from seqbench.datasets.importing.jsonl import is_jsonl
from seqbench.datasets.importing.kinds import import_command
from seqbench.datasets.index import Reading, SplitIndex, scan_split
from seqbench.datasets.spec import DatasetSpec
from seqbench.errors import DataError
from seqbench.splitting.settings import SplitSettings
from seqbench.stratification.strata import Labelling


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pool:
    """What is to be split."""

    dataset: Dataset
    """The files as they are; a single file stands as `train`."""
    others: Mapping[str, Dataset] = field(default_factory=dict)
    """The same files, by further keys of labels."""

    @property
    def files(self) -> list[SplitIndex]:
        """In the order of the items."""
        return [split.index for split in self.dataset.splits.values()]

    @property
    def n_items(self) -> int:
        """Items of all files."""
        return sum(index.n_items for index in self.files)

    @property
    def targets(self) -> NDArray[Any]:
        """(N,) positions among the classes, or (N, K) labels or values.

        Items without a label are shared out too, as a class of their own; what is not known of labels and
        values is marked (see `core.missing`) and shared out as a label is.
        """
        return _targets(self.dataset)

    @property
    def labellings(self) -> list[Labelling]:
        """What is kept in proportion: the targets of each key of labels, and what they are."""
        return [_labelling(each) for each in (self.dataset, *self.others.values())]

    def groups(self, key: str) -> NDArray[Any]:
        """The value of a key of each line, (N,) as text.

        Raises:
            DataError: A line lacks it, or it is neither text nor a whole number (named as `path:line`).
        """
        found = np.empty(self.n_items, dtype=object)
        row = 0
        for split in self.dataset.splits.values():
            for start, stop in stretches_of(split):
                for number, item in enumerate(split.objects(start, stop), start=start):
                    value = item.get(key)
                    if not isinstance(value, str | int) or isinstance(value, bool):
                        what = "no such key" if key not in item else "is neither text nor a whole number"
                        raise DataError(f"{split.index.path}:{split.line(number)}: {key!r}: {what} (--by)")
                    found[row] = str(value)
                    row += 1
        return found


def read_pool(source: Path, settings: SplitSettings) -> Pool:
    """Check every line of a JSONL file, or of the splits in a folder.

    Raises:
        DataError: There is nothing, a line is at fault, or files differ in sequences or labels.
    """
    files: dict[SplitName, Path] = {"train": source}
    if source.is_dir():
        files = {split: path for split in SPLITS if (path := source / f"{split}.jsonl").exists()}
        if not files:
            raise DataError(f"{source}: holds no train.jsonl, eval.jsonl or test.jsonl (give a JSONL file)")
    elif source.is_file() and not is_jsonl(source):
        raise DataError(
            f"{source}: is no JSONL; import it first, then split its folder ({import_command(source)})"
        )
    first, *others = (
        _read(source, files, settings, key)
        for key in (settings.label_key, *(settings.other_label_keys or ()))
    )
    return Pool(dataset=first, others=dict(zip(settings.other_label_keys or (), others, strict=True)))


def _read(source: Path, files: Mapping[SplitName, Path], settings: SplitSettings, key: str) -> Dataset:
    """The files by one key of labels."""
    indexes: dict[SplitName, SplitIndex] = {}
    task, keys = settings.task, settings.seq_keys
    for name, path in files.items():
        reading = Reading(task=task, seq_keys=keys, label_key=key)
        if settings.level == "token":
            reading = replace(reading, level="token", white_space="leave out")
        index = scan_split(path, reading)
        first = next(iter(indexes.values()), index)
        if index.labels.shape[1:] != first.labels.shape[1:]:
            raise DataError(
                f"{path}:{index.lines[0]}: label has another number of values than in {first.path.name}"
            )
        task, keys = index.task, index.seq_keys
        indexes[name] = index
    return _dataset(source, number_classes(indexes, None, of=tuple(indexes)))


def _labelling(dataset: Dataset) -> Labelling:
    """Targets of items; where labels are of letters which classes an item has, or the means of its values."""
    if dataset.level == "item":
        return _targets(dataset), dataset.task
    letters = [found for split in dataset.splits.values() if (found := split.letters) is not None]
    if dataset.task is Task.REGRESSION:
        return np.concatenate([each.means() for each in letters]), Task.REGRESSION
    return np.concatenate([each.occurring(dataset.classes) for each in letters]).astype(np.int8), Task.LABELS


def _targets(dataset: Dataset) -> NDArray[Any]:
    targets = np.concatenate([split.targets for split in dataset.splits.values()])
    if dataset.task is Task.CLASSIFICATION:
        targets[targets == MISSING] = len(dataset.classes)
    return targets


def _dataset(source: Path, indexes: dict[SplitName, SplitIndex]) -> Dataset:
    """The files as a data set, though it lacks splits and its classes may be in any of them."""
    first = next(iter(indexes.values()))
    classes: NDArray[np.int64] = np.zeros(0, np.int64)
    if first.task is Task.CLASSIFICATION:
        classes = np.unique(np.concatenate([index.known_labels for index in indexes.values()])).astype(
            np.int64
        )
    splits = {
        name: Split(
            name=name,
            index=index,
            targets=positions(index.labels, classes) if len(classes) else index.labels,
        )
        for name, index in indexes.items()
    }
    text = "".join(f"{name} {index.sha256}\n" for name, index in indexes.items())
    return Dataset(
        spec=DatasetSpec(name=source.stem, folder=source),
        task=first.task,
        seq_keys=first.seq_keys,
        splits=splits,
        classes=tuple(classes.tolist()),
        class_names=first.class_names,
        n_targets=first.labels.shape[1] if first.labels.ndim == 2 else 1,
        alphabet=alphabet_of(sum_letters(indexes)),
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        ceiling=None,
        warnings=(),
    )
