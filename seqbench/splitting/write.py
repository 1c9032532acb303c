"""Splits on disk: the input's lines, as they were, and a manifest of hashes."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from seqbench.core.atomic import atomic_folder
from seqbench.core.missing import MISSING, positions
from seqbench.core.types import SPLITS, SplitName, Task
from seqbench.datasets.dataset import Dataset
from seqbench.errors import DataError
from seqbench.splitting.pool import Pool

MANIFEST: Final = "manifest.json"
FORMAT: Final = 1


@dataclass(slots=True)
class _File:
    """A split that is being written."""

    file: IO[bytes]
    items: int = 0
    sha256: Any = field(default_factory=hashlib.sha256)

    def write(self, line: bytes) -> None:
        self.file.write(line)
        self.sha256.update(line)
        self.items += 1


def write_splits(
    out: Path, pool: Pool, parts: Mapping[str, NDArray[np.int64]], about: Mapping[str, Any]
) -> dict[str, Any]:
    """Write each part's splits, in a folder beside first, which is renamed when all of it is there.

    Args:
        out: The folder that is made.
        pool: Whose lines are copied, in their order; blank ones are left out.
        parts: For each folder of splits below `out` (`""` is `out` itself) the split of each item: 0 train,
            1 eval, 2 test.
        about: What stands in the manifest above the splits.

    Returns:
        The manifest.

    Raises:
        DataError: It can't be written.
    """
    try:
        with atomic_folder(out) as partial:
            manifest = {**about, **_write(partial, pool, parts)}
            text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
            (partial / MANIFEST).write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"{error.filename or out}: can't be written: {error.strerror}") from error
    return manifest


def _write(folder: Path, pool: Pool, parts: Mapping[str, NDArray[np.int64]]) -> dict[str, Any]:
    with ExitStack() as stack:
        files: dict[str, dict[int, _File]] = {}
        for place, part_N in parts.items():
            (folder / place).mkdir(exist_ok=True)
            files[place] = {
                number: _File(stack.enter_context((folder / place / f"{SPLITS[number]}.jsonl").open("wb")))
                for number in np.unique(part_N).tolist()
            }
        for row, line in enumerate(_lines(pool)):
            for place, part_N in parts.items():
                files[place][int(part_N[row])].write(line)
    described = {
        place: {
            SPLITS[number]: {
                "items": each.items,
                "sha256": each.sha256.hexdigest(),
                **_all_labels(pool, parts[place] == number),
            }
            for number, each in mine.items()
        }
        for place, mine in files.items()
    }
    return {"splits": described[""]} if list(described) == [""] else {"folds": described}


def _lines(pool: Pool) -> Iterator[bytes]:
    """Each item's line, with one line end."""
    for index in pool.files:
        with index.path.open("rb") as file:
            if os.fstat(file.fileno()).st_mtime_ns != index.mtime_ns:
                raise DataError(f"{index.path}: was changed while in use (start the command again)")
            for start, stop in zip(index.offsets[:-1].tolist(), index.offsets[1:].tolist(), strict=True):
                file.seek(start)
                # Up to the next item's line there may be blank ones.
                yield file.read(stop - start).split(b"\n", 1)[0].rstrip(b"\r") + b"\n"


def _all_labels(pool: Pool, chosen_N: NDArray[np.bool_]) -> dict[str, Any]:
    """`labels` of the first key, and where there are several `other_labels` by key."""
    each = [
        _labels(dataset, targets[chosen_N]) if dataset.level == "item" else _letters(dataset, chosen_N)
        for dataset, (targets, _) in zip((pool.dataset, *pool.others.values()), pool.labellings, strict=True)
    ]
    others = dict(zip(pool.others, each[1:], strict=True))
    return {"labels": each[0], **({"other_labels": others} if others else {})}


def _letters(dataset: Dataset, chosen_N: NDArray[np.bool_]) -> Any:
    """The same of letters: those of each class or label, or means over all of them."""
    sizes = [len(split) for split in dataset.splits.values()]
    own = np.split(chosen_N, np.cumsum(sizes)[:-1])
    found = [
        split.letters.take(np.flatnonzero(mine)).values
        for split, mine in zip(dataset.splits.values(), own, strict=True)
        if split.letters is not None
    ]
    values = np.concatenate(found)
    if dataset.task is Task.CLASSIFICATION:
        values = positions(values, np.asarray(dataset.classes))
        values[values == MISSING] = len(dataset.classes)
    return _labels(dataset, values)


def _labels(dataset: Dataset, targets: NDArray[Any]) -> Any:
    """Items of each class or label; of a regression the mean of each target, None of nothing."""
    if dataset.task is Task.CLASSIFICATION:
        counts = np.bincount(targets, minlength=len(dataset.classes))[: len(dataset.classes)].tolist()
        return {str(name): count for name, count in zip(dataset.classes, counts, strict=True)}
    if dataset.task is Task.LABELS:
        return (targets == 1).sum(axis=0, dtype=np.int64).tolist()
    known = [values_N[~np.isnan(values_N)] for values_N in targets.T]
    return [round(float(values_N.mean()), 6) if len(values_N) else None for values_N in known]


def names_of(numbers: Sequence[int]) -> tuple[SplitName, ...]:
    """Splits by number."""
    return tuple(SPLITS[number] for number in numbers)
