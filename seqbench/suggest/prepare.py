"""A data set of a person's file: imported and split as `datasets import` and `datasets split` do it."""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from shutil import rmtree
from typing import Any, Final

from seqbench.core.atomic import check_free, make_folders, write_atomically
from seqbench.core.progress import Reporter
from seqbench.core.types import Task
from seqbench.datasets.class_names import IMPORT_MANIFEST
from seqbench.datasets.importing.importing import ImportSettings, import_dataset
from seqbench.datasets.importing.labels import LabelRule
from seqbench.datasets.importing.splits import SplitRule
from seqbench.datasets.importing.spool import ItemRule
from seqbench.datasets.info_file import INFO, locked_info, merge_info
from seqbench.errors import DataError
from seqbench.splitting.settings import SplitSettings
from seqbench.splitting.split import split_dataset
from seqbench.splitting.write import MANIFEST
from seqbench.suggest.columns import Choices
from seqbench.suggest.source import Source, open_source

FORMAT: Final = 1

IDENTITY: Final = 0.9
"""Items that are so alike stay on one side of the split: the default of `seqbench datasets split`."""

FEW_ITEMS: Final = 5000
"""Below this test gets a fifth, as intervals over a tenth would be wide."""

FRACTIONS: Final = (0.8, 0.1, 0.1)
FRACTIONS_OF_FEW: Final = (0.7, 0.1, 0.2)

LEAST_SHARE: Final = 0.5
"""A split by similarity must give eval and test at least this part of what they should get."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A data set that is ready for a config, and where it comes from."""

    root: Path
    """Folder of data sets."""
    name: str
    file: Path
    source: Source
    imported: Mapping[str, Any]
    """What the import recorded; see `seqbench.datasets.importing.importing`."""
    split: Mapping[str, Any] | None
    """What the split recorded; None where the file itself says which items are test."""
    why_alike: str | None
    """Why near-identical sequences were not kept together; None where they were or the file says it."""

    @property
    def folder(self) -> Path:
        """Of the data set."""
        return self.root / self.name


def dataset_name(path: Path) -> str:
    """What a file's data set is called: its name without endings, in letters that a store takes."""
    stem = path.name.split(".", 1)[0]
    return re.sub(r"[^A-Za-z0-9_+=@-]+", "-", stem).strip("-")[:100] or "data"


def prepare(path: Path, folder: Path, choices: Choices, reporter: Reporter) -> Prepared:
    """Make `folder/data/<name>` of a file; what an earlier call made of the same file is taken as it is.

    Sequences are written in upper case; items without a label or a sequence are left out and counted.

    Args:
        path: A table (CSV, TSV, Parquet), JSONL or FASTA.
        folder: Gets `data` and, where the split is drawn, `imported`.
        choices: What the user said of the file.
        reporter: Shows bars.

    Raises:
        DataError: The file is at fault, what it holds is not clear, or the folder holds another file's data.
    """
    source = open_source(path, choices)
    name, root = dataset_name(path), folder / "data"
    record = root / f"{name}.source.json"
    target = root / name
    whole = target if source.split else folder / "imported" / name
    _check_record(record, path, source, made=target)
    if not (whole / IMPORT_MANIFEST).is_file():
        import_dataset(source.items, _settings(source, whole), reporter)
    imported = json.loads((whole / IMPORT_MANIFEST).read_bytes())
    split = why = None
    if source.split is None:
        if not (target / MANIFEST).is_file():
            _split(path, whole, target, imported, reporter)
        split = json.loads((target / MANIFEST).read_bytes())
        why = _why_alike(split)
        _describe_split(root, name, imported)
    return Prepared(
        root=root, name=name, file=path, source=source, imported=imported, split=split, why_alike=why
    )


def _check_record(record: Path, path: Path, source: Source, *, made: Path) -> None:
    """Leave word of the file and how it is read, or see that a data set was made of just these."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    how = {**source.items.settings(), "task": source.task}
    wanted = {"format": FORMAT, "file": path.name, "sha256": digest, "read": how}
    text = json.dumps(wanted, indent=2) + "\n"
    if record.exists() and record.read_text(encoding="utf-8") == text:
        return
    if record.exists() and made.exists():
        raise DataError(
            f"{record.parent.parent}: was made of another {path.name} or with other options "
            "(choose another folder, or remove this one)"
        )
    check_free(made, "choose another folder for the config, or rename your file")
    rmtree(record.parent.parent / "imported" / made.name, ignore_errors=True)
    make_folders(record.parent)
    write_atomically(record, text)


def _settings(source: Source, out: Path) -> ImportSettings:
    # Drawn splits of the import are pooled again; what is kept together is found by the split.
    return ImportSettings(
        out=out,
        items=ItemRule(case="upper", missing="skip", empty="skip", duplicate_ids="keep"),
        labels=LabelRule(task=source.task),
        splits=SplitRule(fractions=None if source.split else FRACTIONS),
        force=True,
    )


def _split(path: Path, whole: Path, target: Path, imported: Mapping[str, Any], reporter: Reporter) -> None:
    """Keep near-identical items together if that leaves a test split worth its name, else copies alone."""
    n_items = sum(each["items"] for each in imported["splits"].values())
    fractions = FRACTIONS_OF_FEW if n_items < FEW_ITEMS else FRACTIONS
    task = Task(imported["task"])
    made = whole.with_name(f"{whole.name}-split")
    rmtree(made, ignore_errors=True)
    alike = SplitSettings(by="cluster", identity=IDENTITY, fractions=fractions, task=task)
    if not (find_spec("rapidfuzz") and _is_fit(whole, made, alike, n_items, reporter)):
        rmtree(made, ignore_errors=True)
        try:
            split_dataset(whole, made, SplitSettings(by="random", fractions=fractions, task=task), reporter)
        except DataError as error:
            raise DataError(
                f"{path}: holds too few different sequences for train and test (add items, or name a column "
                "that says the split: --split-column)"
            ) from error
    make_folders(target.parent)
    os.replace(made, target)


def _is_fit(whole: Path, made: Path, settings: SplitSettings, n_items: int, reporter: Reporter) -> bool:
    try:
        manifest = split_dataset(whole, made, settings, reporter)
    except DataError:  # too few groups; what else could be wrong is told by the other split
        return False
    sizes = {name: manifest["splits"].get(name, {}).get("items", 0) for name in ("eval", "test")}
    wanted = {"eval": settings.fractions[1] * n_items, "test": settings.fractions[2] * n_items}
    return all(sizes[name] >= LEAST_SHARE * wanted[name] for name in sizes)


def _why_alike(split: Mapping[str, Any]) -> str | None:
    if split["settings"]["by"] == "cluster":
        return None
    if find_spec("rapidfuzz") is None:
        return "rapidfuzz, which compares sequences, is not installed (pip install 'seqbench[audit]')"
    return f"at {IDENTITY:.0%} identity nearly all are one group, as variants of one sequence are"


def _describe_split(root: Path, name: str, imported: Mapping[str, Any]) -> None:
    """Tell in the info file what labels are, and the names of classes."""
    entry: dict[str, object] = {"eval_task": imported["task"]}
    if imported["names"]:
        entry["classes"] = list(imported["names"].values())
    info = root / INFO
    with locked_info(root):
        write_atomically(info, merge_info(info, {name: entry}, force=True))
