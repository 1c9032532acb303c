"""Adding entries to a `datasets_info.yaml`, so that what is written beside it is described there."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

import numpy as np

from seqbench.config.yaml_file import dump_yaml, read_yaml
from seqbench.core.locks import locked
from seqbench.core.types import SplitName, Task
from seqbench.datasets.index import SplitIndex
from seqbench.errors import DataError

INFO: Final = "datasets_info.yaml"

MAX_COUNTED: Final = 1000
"""Different labels of a split beyond which an entry does not count them."""


def info_entry(
    indexes: Mapping[SplitName, SplitIndex], targets: Mapping[str, object] | None = None
) -> dict[str, object]:
    """Describe scanned splits as an entry in the reference's format.

    Args:
        indexes: As they were scanned; of several targets by the first one.
        targets: What is told of each of several targets; empty or None where items have one label.
    """
    first = next(iter(indexes.values()))
    total = sum(index.n_items for index in indexes.values())
    level = {"level": "token"} if first.level == "token" else {}
    one_label = {"label_key": first.label_key, **level, "eval_task": first.task.value}
    entry: dict[str, object] = {
        "seq_for_item": first.n_seqs,
        "seq_key": first.seq_keys[0] if first.n_seqs == 1 else list(first.seq_keys),
        **({"targets": dict(targets)} if targets else one_label),
        "data_split": list(indexes),
        "dataset_ratio": [round(index.n_items / total, 6) for index in indexes.values()],
        "sample_num": total,
        "min_length": min(int(index.lengths.min()) for index in indexes.values()),
        "max_length": max(int(index.lengths.max()) for index in indexes.values()),
    }
    if first.task is Task.CLASSIFICATION and not targets:
        for split, index in indexes.items():
            values, counts = np.unique(index.known_labels, return_counts=True)
            pairs = zip(values.tolist(), counts.tolist(), strict=True)
            if len(values) <= MAX_COUNTED:
                entry[f"label_{split}_counter"] = [f"({value}, {count})" for value, count in pairs]
    return entry


def merge_info(path: Path, entries: Mapping[str, object], *, force: bool) -> bytes:
    """The info file with entries added; the rest stays, comments too unless an entry is replaced.

    Raises:
        ConfigError: The file that is there can't be read.
        DataError: It is no mapping, or has another entry of that name (without `force`).
    """
    if not path.exists():
        return ("# How to read the data sets beside this file.\n" + dump_yaml(dict(entries))).encode()
    there = read_yaml(path, "datasets_info file", duplicates="last").value
    if not isinstance(there, dict):
        raise DataError(f"{path}: is no mapping of data sets (move it away, or choose another folder)")
    differing = [name for name, entry in entries.items() if there.get(name, entry) != entry]
    if differing and not force:
        raise DataError(
            f"{path}: has another entry for {', '.join(differing)} "
            "(choose another folder, or --force to overwrite)"
        )
    if differing:
        return dump_yaml({**there, **entries}).encode()
    missing = {name: entry for name, entry in entries.items() if name not in there}
    text = path.read_text(encoding="utf-8-sig")
    return (text.rstrip("\n") + "\n" + (dump_yaml(missing) if missing else "")).encode()


def locked_info(folder: Path) -> AbstractContextManager[None]:
    """Keep other processes of this machine from merging into the folder's info file meanwhile."""
    return locked(folder / f".{INFO}.lock")
