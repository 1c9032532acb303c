"""Labels and item facts as named columns, the same in every format.

`label`, or `label_1` … `label_T` for labels of several numbers; `tokens`, `windows` and `coverage`, numbered
in the same way for items of several sequences; `hash`; and `target.<name>` for the labels of each target.

Shape letters: N items, S sequences of an item, T targets.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.core.missing import MISSING, MISSING_CLASS
from seqbench.core.types import Task
from seqbench.errors import StoreError
from seqbench.store.records import ITEM_FIELDS, ItemFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRows:
    """What is known of the items of a split beside their embeddings."""

    labels: NDArray[Any]
    """(N,) or (N, T), int64 or float64."""
    items: ItemFacts | None
    """None where a file from elsewhere does not tell."""
    targets: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    """Labels of each target, as `labels`; they are written, and not read back."""

    def sha256(self) -> str:
        """Of all values, in a fixed order and byte order; hexadecimal."""
        digest = hashlib.sha256()
        for values in (self.labels, *self._item_columns().values()):
            kept = np.ascontiguousarray(values)
            digest.update(f"{kept.dtype.kind}{kept.dtype.itemsize}{kept.shape}".encode())
            digest.update(kept.astype(kept.dtype.newbyteorder("<"), copy=False).data)
        return digest.hexdigest()

    def columns(self) -> dict[str, NDArray[Any]]:
        """Every column by name, each (N,)."""
        found: dict[str, NDArray[Any]] = {}
        numbered = self.labels.ndim == 2
        for number, column in enumerate(self.labels.reshape(len(self.labels), -1).T, start=1):
            found[f"label_{number}" if numbered else "label"] = np.ascontiguousarray(column)
        for name, values in self.targets.items():
            for number, column in enumerate(values.reshape(len(values), -1).T, start=1):
                place = (
                    f"target.{name}"
                    if values.ndim == 1 or values.shape[1] == 1
                    else f"target.{name}_{number}"
                )
                found[place] = np.ascontiguousarray(column)
        for name, values in self._item_columns().items():
            several = values.ndim == 2 and values.shape[1] > 1
            for number, column in enumerate(values.reshape(len(values), -1).T, start=1):
                found[f"{name}_{number}" if several else name] = np.ascontiguousarray(column)
        return found

    def _item_columns(self) -> dict[str, NDArray[Any]]:
        return {} if self.items is None else self.items.columns()


def column_names(names: Iterable[str]) -> dict[str, list[str]]:
    """Which of some names are ours, by what they hold, in the order of their numbers."""
    found: dict[str, list[str]] = {}
    for name in names:
        match = re.fullmatch(rf"(label|{'|'.join(ITEM_FIELDS)})(_[1-9]\d*)?", name, re.ASCII)
        if match:
            found.setdefault(match[1], []).append(name)
    return {key: sorted(each, key=lambda name: (len(name), name)) for key, each in found.items()}


def rows_of(columns: Mapping[str, NDArray[Any]], where: Path) -> ExportRows:
    """Labels and item facts from columns; columns of other names are left alone.

    Raises:
        StoreError: There are no labels, or infinite ones, or columns differ in length; names the file.
    """
    named = column_names(columns)
    if "label" not in named:
        raise StoreError(f"{where}: has no column `label` (or `label_1`, `label_2`, …)")
    shapes = {np.shape(columns[name]) for names in named.values() for name in names}
    if len(shapes) > 1 or len(next(iter(shapes))) != 1:
        raise StoreError(f"{where}: labels and item facts differ in shape: {sorted(shapes)}")
    parts = [np.asarray(columns[name]) for name in named["label"]]
    labels = parts[0] if named["label"] == ["label"] else np.stack(parts, axis=1)
    if labels.dtype.kind not in "iubf" or np.isinf(labels).any():
        raise StoreError(f"{where}: labels must be finite numbers, or NaN where missing, not {labels.dtype}")
    labels = labels.astype(np.float64 if labels.dtype.kind == "f" else np.int64)
    items = None
    if all(name in named for name in ITEM_FIELDS):
        stacked = {
            name: np.stack([np.asarray(columns[each]) for each in named[name]], axis=1).astype(dtype)
            for name, dtype in ITEM_FIELDS.items()
        }
        items = ItemFacts(
            tokens_NS=stacked["tokens"],
            windows_NS=stacked["windows"],
            coverage_NS=stacked["coverage"],
            hash_N=stacked["hash"][:, 0],
        )
    return ExportRows(labels=labels, items=items)


def infer_task(labels: NDArray[Any]) -> Task:
    """Floats are targets, lists of ints are labels, single ints are classes."""
    if labels.dtype.kind == "f":
        return Task.REGRESSION
    return Task.CLASSIFICATION if labels.ndim == 1 else Task.LABELS


def labels_of(labels: NDArray[Any], task: Task) -> NDArray[Any]:
    """Labels as a task wants them: int64 (N,), int64 (N, T) of 0 and 1, or float64 (N, T).

    What is not known is marked as in `core.missing`; NaN among floats that are no values is such.

    Raises:
        ValueError: They are no labels of such a task.
    """
    if task is Task.REGRESSION:
        return labels.astype(np.float64).reshape(len(labels), -1)
    if labels.dtype.kind == "f":
        labels = np.where(np.isnan(labels), MISSING if task is Task.LABELS else MISSING_CLASS, labels)
    whole = labels.astype(np.int64)
    flat = whole.reshape(-1) if task is Task.CLASSIFICATION and whole.size == len(whole) else whole
    fits = (
        flat.ndim == 1
        if task is Task.CLASSIFICATION
        else flat.ndim == 2 and set(np.unique(flat)) <= {MISSING, 0, 1}
    )
    if not fits or not np.array_equal(whole, labels):
        raise ValueError(f"these are no labels of a {task.value} task")
    return flat
