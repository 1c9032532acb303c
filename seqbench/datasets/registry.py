"""Which data sets there are and how to read them: the user's entries, the shipped registry, the folders."""

import difflib
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from seqbench.core.types import SplitName, Task, check_name
from seqbench.datasets.importing.kinds import import_command
from seqbench.datasets.info import InfoEntry, read_info
from seqbench.datasets.spec import DatasetSpec, Expected, HeadName
from seqbench.errors import ConfigError, DataError

LISTED_NAMES = 8
"""How many names an error lists before it stops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredDataset:
    """A named data set that ships with seqbench, as its documentation describes it."""

    name: str
    group: str
    about: str
    task: Task
    splits: tuple[SplitName, ...]
    items: int
    """Over all splits."""
    length: tuple[int, int]
    """Shortest and longest sequence, in base pairs."""
    classes: int | None
    """Classification only."""
    targets: int | None
    """Regression only."""
    item_seqs: int
    """Sequences an item; a reference/alternate pair is 2."""
    head: HeadName | None
    ratio: Mapping[SplitName, float] | None
    label_counts: Mapping[SplitName, Mapping[int, int]] | None

    def expected(self) -> Expected:
        """The facts to hold the user's files against."""
        shortest, longest = self.length
        facts: Expected = {
            "items": self.items,
            "min_length": shortest,
            "max_length": longest,
            "item_seqs": self.item_seqs,
            "splits": self.splits,
        }
        if self.classes is not None:
            facts["classes"] = self.classes
        if self.targets is not None:
            facts["targets"] = self.targets
        if self.ratio is not None:
            facts["ratio"] = self.ratio
        if self.label_counts is not None:
            facts["label_counts"] = self.label_counts
        return facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """The data sets of a run, and what in their descriptions was not understood."""

    specs: tuple[DatasetSpec, ...]
    warnings: tuple[str, ...]


def shipped() -> dict[str, RegisteredDataset]:
    """The 23 named data sets, in the registry's order."""
    return dict(_registry())


@functools.cache
def _registry() -> Mapping[str, RegisteredDataset]:
    text = resources.files("seqbench.datasets").joinpath("registry.yaml").read_text(encoding="utf-8")
    return {
        name: _registered(name, group["group"], group["splits"], facts)
        for group in _loaded(text)
        for name, facts in group["datasets"].items()
    }


def _loaded(text: str) -> Any:
    try:
        return yaml.load(text, yaml.CSafeLoader)
    except AttributeError:  # PyYAML is built without libyaml here, and reads ten times slower
        return yaml.safe_load(text)


def _registered(
    name: str, group: str, splits: list[SplitName], facts: Mapping[str, Any]
) -> RegisteredDataset:
    length = facts["length"]
    return RegisteredDataset(
        name=name,
        group=group,
        about=facts["about"],
        task=Task(facts["task"]),
        splits=tuple(splits),
        items=facts["items"],
        length=(length, length) if isinstance(length, int) else tuple(length),
        classes=facts.get("classes"),
        targets=facts.get("targets"),
        item_seqs=facts.get("seqs", 1),
        head=facts.get("head"),
        ratio=facts.get("ratio"),
        label_counts=facts.get("label_counts"),
    )


def resolve(
    root: Path | None, info: Path | None, names: Sequence[str] | None, *, need_files: bool = True
) -> Resolved:
    """Decide which data sets a run uses and how each is to be read.

    An entry of the user's `datasets_info.yaml` goes before the shipped registry, key by key; what neither
    says is left to the files. No name leads out of `root`: names hold no separators (a link inside `root` is
    the user's own doing).

    Args:
        root: Folder of the data-set folders; None when only pre-extracted embeddings are used.
        info: A `datasets_info.yaml` of the reference format, or None.
        names: The data sets, in this order; None for every folder of `root` with a `train.jsonl`, sorted.
        need_files: Whether each data set must have a folder. False for models with pre-extracted embeddings.

    Raises:
        ConfigError: `info` is wrong, or a name can't be used.
        DataError: `root` or a named data set does not exist, or there is no data set at all.
    """
    entries, warnings = read_info(info) if info is not None else ({}, ())
    if root is not None and root.is_file():
        raise DataError(f"{root}: is a file, and datasets.root is a folder ({import_command(root)})")
    if root is not None and not root.is_dir() and (need_files or names is None):
        raise DataError(f"{root}: there is no such folder (set datasets.root to the folder of the data sets)")
    if names is None:
        chosen, skipped = _present(root)
        warnings += skipped
    else:
        chosen = [check_name(name, "data set") for name in dict.fromkeys(names)]
    if not chosen:
        where = f"{root}: no folder here has a train.jsonl" if names is None else "no data set is named"
        raise DataError(f"{where} (set datasets.root and datasets.names)")
    if need_files:
        for name in chosen:
            _check_present(root, name)
    folder = root if root is not None else Path()
    return Resolved(specs=tuple(_spec(folder, name, entries.get(name)) for name in chosen), warnings=warnings)


def _present(root: Path | None) -> tuple[list[str], tuple[str, ...]]:
    """The usable names under `root`, sorted, and a warning for each folder whose name can't be used."""
    if root is None:
        raise DataError("datasets.root is not set, so there is nothing to list (set it, or datasets.names)")
    names, warnings = [], []
    for folder in sorted(root.iterdir()):
        if folder.name.startswith(".") or not (folder / "train.jsonl").is_file():
            continue
        try:
            names.append(check_name(folder.name, "data set"))
        except ConfigError as error:
            warnings.append(f"{folder} is left out: {error}")
    return names, tuple(warnings)


def _check_present(root: Path | None, name: str) -> None:
    if root is None:
        raise DataError(f"data set {name!r} has no files: datasets.root is not set")
    if (root / name).is_dir():
        return
    if (root / name).is_file():
        place = root / name
        raise DataError(f"{place}: is a file, and a data set is a folder ({import_command(place)})")
    there, _ = _present(root)
    known = " (a known data set: its train.jsonl and test.jsonl belong there)" if name in _registry() else ""
    close = difflib.get_close_matches(name, there, 1)
    listed = ", ".join(there[:LISTED_NAMES]) + (", …" if len(there) > LISTED_NAMES else "")
    hint = f"did you mean {close[0]}?" if close else f"there are: {listed or 'none'}"
    raise DataError(f"{root / name}: there is no such data set{known}; {hint}")


def _spec(root: Path, name: str, entry: InfoEntry | None) -> DatasetSpec:
    spec = DatasetSpec(name=name, folder=root / name)
    if (known := _registry().get(name)) is not None:
        spec = replace(
            spec,
            task=known.task,
            head=known.head,
            group=known.group,
            expected=known.expected(),
            source="registry",
        )
    if entry is None:
        return spec
    first = entry.targets[0] if entry.targets else None
    return replace(
        spec,
        task=(entry.task or spec.task) if first is None else first.task,
        targets=entry.targets,
        seq_keys=entry.seq_keys,
        label_key=(entry.label_key or spec.label_key) if first is None else first.key,
        level=entry.level or spec.level,
        id_key=entry.id_key,
        group_key=entry.group_key,
        class_names=entry.class_names if first is None else first.class_names,
        alphabet=entry.alphabet,
        splits=entry.splits,
        head=entry.head or spec.head,
        expected={**spec.expected, **entry.expected},
        source="info",
    )
