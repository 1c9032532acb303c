"""An opened data set: its checked splits, what they have in common, and sequences read by offset.

Shape letters: N items, S sequences an item.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seqbench.core.alphabets import Alphabet
from seqbench.core.kept import cache_folder
from seqbench.core.missing import MISSING_CLASS, labelled, positions
from seqbench.core.progress import Reporter
from seqbench.core.types import SPLITS, Level, SplitName, Task
from seqbench.datasets.cache import IndexCache
from seqbench.datasets.class_names import names_of_outputs, number_classes
from seqbench.datasets.facts import alphabet_of, sum_letters, warnings_of, white_space
from seqbench.datasets.index import Reading, SplitIndex, scan_split
from seqbench.datasets.labels import Labels
from seqbench.datasets.letters import LetterLabels
from seqbench.datasets.lines import without_white_space
from seqbench.datasets.planted.claim import read_ceiling
from seqbench.datasets.spec import DatasetSpec
from seqbench.errors import DataError

MOST_FOREIGN: Final = 100_000
"""Letters of classes unknown to train whose names a warning looks up."""

BAR_BYTES: Final = 100_000_000
"""Scanning a smaller file takes a second or so and shows no bar."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """One split's index, and its sequences on demand."""

    name: SplitName
    index: SplitIndex
    targets: Labels
    """What a head is trained on: (N,) int64 positions in the data set's `classes`, else the labels as is; for
    what is not known see `seqbench.core.missing`."""

    def __len__(self) -> int:
        return self.index.n_items

    @property
    def labels(self) -> Labels:
        """As in the file: (N,) int64, (N, labels) int8, or (N, targets) float64."""
        return self.index.labels

    @property
    def letters(self) -> LetterLabels | None:
        """The labels of letters, as in the file; None where labels are of items (level item)."""
        return self.index.letter_labels

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """(N,) which items have a label."""
        return self.index.labelled

    @property
    def groups(self) -> NDArray[np.int64] | None:
        """(N,) a hash of the group that each item is in; None where the entry has no `group_key`."""
        return self.index.groups

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(N, S) characters of each sequence."""
        return self.index.lengths

    def line(self, item: int) -> int:
        """The number, from 1, of an item's line in the file, for messages."""
        return int(self.index.lines[item])

    def sequences(self, start: int, stop: int) -> list[tuple[str, ...]]:
        """Read the sequences of items `start` to `stop` (exclusive) and nothing else of the file.

        Returns:
            A tuple of S sequences for each item, in file order.

        Raises:
            IndexError: Not `0 <= start <= stop <= N`.
            DataError: The file was changed or removed since it was indexed.
        """
        keys = self.index.seq_keys
        items = self.objects(start, stop)
        if self.index.white_space:
            return [tuple(without_white_space(item[key]) for key in keys) for item in items]
        return [tuple(item[key] for key in keys) for item in items]

    def objects(self, start: int, stop: int) -> list[dict[str, Any]]:
        """Read items `start` to `stop` (exclusive) with every key that their lines have.

        Raises:
            IndexError: Not `0 <= start <= stop <= N`.
            DataError: The file was changed or removed since it was indexed.
        """
        if not 0 <= start <= stop <= len(self):
            raise IndexError(f"items {start} to {stop} of a split of {len(self)}")
        index = self.index
        try:
            with index.path.open("rb") as file:
                stat = os.fstat(file.fileno())
                if (stat.st_size, stat.st_mtime_ns) != (index.size, index.mtime_ns):
                    raise DataError(f"{index.path}: was changed while in use (start the command again)")
                file.seek(index.offsets[start])
                block = file.read(int(index.offsets[stop] - index.offsets[start]))
        except OSError as error:
            raise DataError(f"{index.path}: can't be read any more: {error.strerror}") from error
        ends = (index.offsets[start : stop + 1] - index.offsets[start]).tolist()
        # As one list, each line being checked already: half the time of a call for each.
        lines = b",".join(block[begin:end] for begin, end in pairwise(ends))
        found: list[dict[str, Any]] = json.loads(b"[%b]" % lines)
        return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dataset:
    """A data set whose every line has been checked."""

    spec: DatasetSpec
    task: Task
    seq_keys: tuple[str, ...]
    splits: Mapping[SplitName, Split]
    """In the order train, eval, test; train and test are always there."""
    classes: tuple[int, ...]
    """Classification: the distinct labels of train, ascending; else empty."""
    class_names: tuple[str, ...]
    """Names of `classes` in their order, or of labels or targets; empty where nothing names them."""
    n_targets: int
    """Labels or targets an item; 1 for a classification."""
    alphabet: Alphabet
    sha256: str
    """Of the names and contents of all splits."""
    ceiling: Mapping[str, float] | None
    """Planted data sets: the best attainable score on test, by metric."""
    warnings: tuple[str, ...]
    """What differs from the documentation or looks wrong, a line each, starting with the name."""

    @property
    def n_seqs(self) -> int:
        """Sequences an item."""
        return len(self.seq_keys)

    @property
    def level(self) -> Level:
        """Whether labels are of items, or of the letters of their sequences."""
        return self.splits["train"].index.level


def open_dataset(spec: DatasetSpec, *, reporter: Reporter | None = None) -> Dataset:
    """Index and check every split of a data set; big files only once, thanks to a cache.

    Task and keys that the spec leaves open come from train, and hold for the other splits.

    Args:
        spec: Where it lies and how it is read.
        reporter: Shows a bar for files over 100 MB that must be scanned.

    Raises:
        DataError: A split is missing or a line is at fault, within a file or between splits.
    """
    names, unused = _split_names(spec)
    indexes: dict[SplitName, SplitIndex] = {}
    for name in names:
        task = indexes["train"].task if "train" in indexes else spec.task
        indexes[name] = _index(spec, name, Reading(task=task), reporter)
    alphabet = spec.alphabet or alphabet_of(sum_letters(indexes))
    for name, index in indexes.items():
        if alphabet != "text" and white_space(index.letters):
            reading = Reading(task=index.task, white_space="leave out")
            indexes[name] = _index(spec, name, reading, reporter)
    for index in indexes.values():
        _check_alike(index, indexes["train"])
    indexes = number_classes(indexes, spec.class_names)
    train = indexes["train"]
    classes = np.unique(train.known_labels).astype(np.int64) if train.task is Task.CLASSIFICATION else None
    foreign: list[str] = []
    if classes is not None:
        for name, index in indexes.items():
            if index.level == "token":
                indexes[name] = _without_foreign(spec, name, index, classes, foreign)
            else:
                _check_classes(index, classes)
    ceiling, doubts = read_ceiling(spec.folder, {name: index.sha256 for name, index in indexes.items()})
    return Dataset(
        spec=spec,
        task=train.task,
        seq_keys=train.seq_keys,
        splits={name: _split(name, index, classes) for name, index in indexes.items()},
        classes=() if classes is None else tuple(classes.tolist()),
        class_names=names_of_outputs(spec, train, classes),
        n_targets=train.labels.shape[1] if train.labels.ndim == 2 else 1,
        alphabet=alphabet,
        sha256=_combined_hash(indexes),
        ceiling=ceiling,
        warnings=(*warnings_of(spec, indexes, unused, alphabet), *foreign, *doubts),
    )


def split_path(spec: DatasetSpec, split: SplitName) -> Path:
    """Where a split's file lies."""
    return spec.folder / f"{split}.jsonl"


def _split_names(spec: DatasetSpec) -> tuple[list[SplitName], list[SplitName]]:
    """The splits to use, in order, and those that have a file but are not to be used."""
    if not spec.folder.is_dir():
        raise DataError(
            f"{spec.folder}: there is no such folder (data set {spec.name!r}; check datasets.root)"
        )
    present = [split for split in SPLITS if split_path(spec, split).exists()]
    wanted = present if spec.splits is None else [split for split in SPLITS if split in spec.splits]
    for split in wanted:
        if split not in present:
            raise DataError(
                f"{split_path(spec, split)}: no such file (add it, or take {split} out of data_split)"
            )
    for split in ("train", "test"):
        if split not in wanted:
            raise DataError(
                f"{spec.folder}: no {split} split (it needs train.jsonl and test.jsonl; eval may be missing)"
            )
    return wanted, [split for split in present if split not in wanted]


def _index(spec: DatasetSpec, name: SplitName, reading: Reading, reporter: Reporter | None) -> SplitIndex:
    path = split_path(spec, name)
    reading = replace(
        reading,
        seq_keys=spec.seq_keys,
        label_key=spec.label_key,
        id_key=spec.id_key,
        group_key=spec.group_key,
        any_character=spec.alphabet == "text",
    )
    if spec.level == "token":
        reading = replace(reading, level="token", classes=spec.class_names)
        if spec.alphabet != "text":  # labels are counted against the sequence as it is embedded
            reading = replace(reading, white_space="leave out")
    folder = cache_folder()
    cache = None if folder is None else IndexCache(folder)
    if cache is not None and (known := cache.load(path, reading)) is not None:
        return known
    size = path.stat().st_size
    if reporter is None or size < BAR_BYTES:
        index = scan_split(path, reading)
    else:
        with reporter.task(f"index {spec.name}/{name}", size, "B") as advance:
            index = scan_split(path, reading, advance=advance)
    if cache is not None:
        cache.save(index, reading)
    return index


def _check_alike(index: SplitIndex, train: SplitIndex) -> None:
    first = f"{index.path}:{index.lines[0]}"
    if index.n_seqs != train.n_seqs or index.seq_keys != train.seq_keys:
        raise DataError(
            f"{first}: items have the sequences {', '.join(index.seq_keys)}, those of train "
            f"{', '.join(train.seq_keys)} (all splits must have the same)"
        )
    if index.labels.shape[1:] != train.labels.shape[1:]:
        raise DataError(
            f"{first}: label has {index.labels.shape[1]} values, in train it has {train.labels.shape[1]}"
        )


def _check_classes(index: SplitIndex, classes: NDArray[np.int64]) -> None:
    unknown = np.flatnonzero(~np.isin(index.labels, classes) & index.labelled)
    if unknown.size:
        raise DataError(
            f"{index.place(int(unknown[0]))}: class {_class_name(index, unknown[0])} does not occur in "
            f"train, so no head can learn it ({unknown.size} such items; drop them or move some to train)"
        )


def _without_foreign(
    spec: DatasetSpec, split: SplitName, index: SplitIndex, classes: NDArray[np.int64], remarks: list[str]
) -> SplitIndex:
    """Letters of classes that train lacks count as unknown: a sequence is not dropped for one letter."""
    unknown = np.flatnonzero(~np.isin(index.scored, classes) & labelled(index.scored))
    if not unknown.size:
        return index
    names = ", ".join(sorted({_class_name(index, row) for row in unknown[:MOST_FOREIGN]}))
    remarks.append(
        f"{spec.name}: {unknown.size:,} letters of {split} are of classes that train lacks ({names}) and "
        f"count in no score, the first at {index.place(int(unknown[0]))}"
    )
    values = index.scored.copy()
    values[unknown] = MISSING_CLASS
    return index.with_scored(values, index.class_names)


def _class_name(index: SplitIndex, row: np.int64) -> str:
    """What stands in the file at a row of `scored`."""
    number = int(index.scored[row])
    return repr(index.class_names[number]) if index.class_names else str(number)


def _split(name: SplitName, index: SplitIndex, classes: NDArray[np.int64] | None) -> Split:
    targets = index.labels if classes is None else positions(index.labels, classes)
    return Split(name=name, index=index, targets=targets)


def _combined_hash(indexes: Mapping[SplitName, SplitIndex]) -> str:
    text = "".join(f"{name} {index.sha256}\n" for name, index in indexes.items())
    return hashlib.sha256(text.encode()).hexdigest()
