"""Names of classes, labels and targets: labels that are text, the entry's list, or an import's record."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqbench.core.missing import labelled
from seqbench.core.types import SplitName
from seqbench.datasets.index import SplitIndex
from seqbench.datasets.label_text import WHOLE
from seqbench.datasets.spec import DatasetSpec
from seqbench.errors import DataError

IMPORT_MANIFEST: Final = "import.json"
"""The record that an import leaves beside the splits."""

Indexes = Mapping[SplitName, SplitIndex]


def number_classes(
    indexes: Indexes, names: Sequence[str] | None, *, of: Sequence[SplitName] = ("train",)
) -> dict[SplitName, SplitIndex]:
    """Give text labels the same numbers in all splits; numbers in quotes become these numbers.

    Args:
        indexes: Splits as they were scanned, each with names of its own.
        names: The classes in the order of their numbers; None: those that occur in `of`, sorted.
        of: Splits in which every class must occur, where `names` is None.

    Returns:
        The same splits; labels that are numbers in the files stay as they are.

    Raises:
        DataError: A split has numbers where another has names, or a class that is not known.
    """
    if not any(index.class_names for index in indexes.values()):
        return dict(indexes)
    first = next(iter(indexes.values()))
    for index in indexes.values():
        if bool(index.class_names) != bool(first.class_names):
            here, there = ("names", "numbers") if index.class_names else ("numbers", "names")
            raise DataError(
                f"{index.path}:{index.lines[0]}: labels are {here}, in {first.path.name} they are {there} "
                "(write all of them alike)"
            )
    every = [name for index in indexes.values() for name in index.class_names]
    if names is None and all(map(WHOLE.fullmatch, every)):
        return {split: _as_numbers(index) for split, index in indexes.items()}
    known = (
        names if names is not None else sorted({name for split in of for name in indexes[split].class_names})
    )
    if names is None and first.level == "token":
        # What train lacks comes last: a letter of such a class is no fault, see `open_dataset`.
        known = [*known, *sorted(set(every) - set(known))]
    return {split: _renumbered(index, known, listed=names is not None) for split, index in indexes.items()}


def names_of_outputs(
    spec: DatasetSpec, train: SplitIndex, classes: NDArray[np.int64] | None
) -> tuple[str, ...]:
    """Name each class that train has, or each label or target; empty where nothing names them.

    Raises:
        DataError: The entry lists too few names, or of labels and targets too many.
    """
    if classes is not None and train.class_names:
        return tuple(train.class_names[number] for number in classes)
    wanted = np.arange(train.labels.shape[1]) if classes is None else classes
    if (listed := spec.class_names) is not None:
        if (classes is None and len(listed) != len(wanted)) or not 0 <= wanted.min() <= wanted.max() < len(
            listed
        ):
            what = f"{len(wanted)} labels an item" if classes is None else f"class {wanted.max()}"
            raise DataError(
                f"{train.path}: has {what}, but the entry's `classes` are {len(listed)} names "
                "(list all of them, from number 0 on)"
            )
        return tuple(listed[number] for number in wanted)
    known = _imported_names(spec.folder)
    return tuple(known[number] for number in wanted) if known.keys() >= set(wanted.tolist()) else ()


def _as_numbers(index: SplitIndex) -> SplitIndex:
    numbers = np.array(list(map(int, index.class_names)), dtype=np.int64)
    return index.with_scored(_of_texts(index, numbers), ())


def _renumbered(index: SplitIndex, known: Sequence[str], *, listed: bool) -> SplitIndex:
    number_of = {name: number for number, name in enumerate(known)}
    numbers = _of_texts(index, np.array([number_of.get(name, -1) for name in index.class_names], np.int64))
    unknown = np.flatnonzero((numbers < 0) & labelled(index.scored))
    if unknown.size:
        name = index.class_names[int(index.scored[unknown[0]])]
        why = (
            "is not among the entry's `classes`"
            if listed
            else "does not occur in train, so no head can learn it"
        )
        raise DataError(
            f"{index.place(int(unknown[0]))}: class {name!r} {why} ({unknown.size:,} such {index.counted})"
        )
    return index.with_scored(numbers, tuple(known))


def _of_texts(index: SplitIndex, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """The number of each item's or letter's text; those without a label stay without."""
    known_N = labelled(index.scored)
    found_N = np.array(index.scored, dtype=np.int64)
    found_N[known_N] = numbers[index.scored[known_N]]
    return found_N


def _imported_names(folder: Path) -> dict[int, str]:
    """What an import recorded that numbers mean; nothing where there is no record that can be read."""
    try:
        names = json.loads((folder / IMPORT_MANIFEST).read_bytes())["names"]
        return {int(number): str(name) for number, name in names.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
