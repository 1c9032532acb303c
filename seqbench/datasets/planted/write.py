"""Planted data sets on disk: JSONL splits, the claim beside them, and a `datasets_info.yaml`."""

import difflib
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from seqbench.core.atomic import write_atomically
from seqbench.core.types import SPLITS, SplitName, Task
from seqbench.datasets.info_file import INFO, merge_info
from seqbench.datasets.planted import composition, motifs, splice
from seqbench.datasets.planted.ceiling import score_best
from seqbench.datasets.planted.claim import CLAIM, FORMAT
from seqbench.datasets.planted.draws import PlantedDraws
from seqbench.datasets.planted.rules import PlantedSplit, Rule, Sizes
from seqbench.datasets.planted.sequences import texts
from seqbench.errors import DataError

RULES: Final[Mapping[str, Rule]] = {
    rule.name: rule for rule in (*motifs.RULES, splice.RULE, composition.RULE)
}
"""All planted data sets, by name."""

DEFAULT_SIZES: Final = Sizes()


def make_planted(
    folder: Path,
    names: Sequence[str] | None = None,
    seed: int = 0,
    sizes: Sizes = DEFAULT_SIZES,
    *,
    force: bool = False,
) -> list[Path]:
    """Write planted data sets under `folder`, the same bytes for the same names, seed and sizes everywhere.

    Each gets a folder with its splits and `planted.json`: the rule, the seed, and the score of the best
    predictor on test. Their entries are added to `folder/datasets_info.yaml`. What is there already and the
    same is left alone.

    Args:
        folder: Made if need be.
        names: Which of `RULES`; None for all.
        seed: From 0 on.
        sizes: Items and lengths.
        force: Overwrite files that differ.

    Returns:
        The data sets' folders, in the order of the names.

    Raises:
        DataError: An unknown name or a negative seed, or a file there differs (without `force`) or can't be
            written.
    """
    if seed < 0:
        raise DataError(f"the seed of planted data sets must be 0 or more, got {seed}")
    chosen = list(RULES) if names is None else list(dict.fromkeys(names))
    files: dict[Path, bytes] = {}
    entries: dict[str, object] = {}
    for name in chosen:
        splits = {split: _make(_rule(name), split, seed, sizes) for split in SPLITS}
        contents = {split: _jsonl(RULES[name], made) for split, made in splits.items()}
        files |= {folder / name / f"{split}.jsonl": content for split, content in contents.items()}
        # Last, so that a claim is never there without what it is about.
        files[folder / name / CLAIM] = _claim(RULES[name], splits["test"], contents, seed, sizes)
        entries[name] = _info_entry(RULES[name], splits)
    info = merge_info(folder / INFO, entries, force=force)
    if not force:
        _refuse_different(files)
    _write({**files, folder / INFO: info})
    return [folder / name for name in chosen]


def _rule(name: str) -> Rule:
    if name not in RULES:
        close = difflib.get_close_matches(name, RULES, 1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(RULES)}"
        raise DataError(f"no planted data set is called {name!r}; {hint}")
    return RULES[name]


def _make(rule: Rule, split: SplitName, seed: int, sizes: Sizes) -> PlantedSplit:
    return rule.make(PlantedDraws(seed, rule.name, split), sizes.items(split), sizes)


def _jsonl(rule: Rule, made: PlantedSplit) -> bytes:
    columns = [texts(codes) for codes in made.sequences]
    lines = [
        json.dumps({**dict(zip(rule.seq_keys, sequences, strict=True)), "label": label})
        for *sequences, label in zip(*columns, made.labels.tolist(), strict=True)
    ]
    return ("\n".join(lines) + "\n").encode("ascii")


def _claim(
    rule: Rule, test: PlantedSplit, contents: Mapping[SplitName, bytes], seed: int, sizes: Sizes
) -> bytes:
    claim = {
        "format": FORMAT,
        "name": rule.name,
        "task": rule.task,
        "rule": rule.words,
        "seed": seed,
        "items": {split: sizes.items(split) for split in SPLITS},
        "length": [sizes.min_length, sizes.max_length],
        "best_predictor": rule.best,
        "ceiling_is": "the score of the best predictor on test, by scikit-learn",
        "ceiling": score_best(rule.task, test),
        "sha256": {split: hashlib.sha256(content).hexdigest() for split, content in contents.items()},
    }
    return (json.dumps(claim, indent=2, ensure_ascii=False) + "\n").encode()


def _info_entry(rule: Rule, splits: Mapping[SplitName, PlantedSplit]) -> dict[str, object]:
    """The entry of a data set in the reference's `datasets_info.yaml`."""
    items = {split: len(made.labels) for split, made in splits.items()}
    total = sum(items.values())
    lengths = [len(text) for made in splits.values() for codes in made.sequences for text in texts(codes)]
    entry: dict[str, object] = {
        "seq_for_item": len(rule.seq_keys),
        "seq_key": rule.seq_keys[0] if len(rule.seq_keys) == 1 else list(rule.seq_keys),
        "label_key": "label",
        "eval_task": rule.task.value,
        "data_split": list(items),
        "dataset_ratio": [round(count / total, 6) for count in items.values()],
        "sample_num": total,
        "min_length": min(lengths),
        "max_length": max(lengths),
    }
    if rule.task is Task.CLASSIFICATION:
        for split, made in splits.items():
            values, counts = np.unique(made.labels, return_counts=True)
            pairs = zip(values.tolist(), counts.tolist(), strict=True)
            entry[f"label_{split}_counter"] = [f"({value}, {count})" for value, count in pairs]
    return entry


def _refuse_different(files: Mapping[Path, bytes]) -> None:
    for path, content in files.items():
        if path.exists() and (not path.is_file() or path.read_bytes() != content):
            raise DataError(
                f"{path}: is there already and differs from what this seed and these sizes give "
                "(choose another folder, or --force to overwrite)"
            )


def _write(files: Mapping[Path, bytes]) -> None:
    try:
        for path, content in files.items():
            if path.is_file() and path.read_bytes() == content:
                continue
            write_atomically(path, content)
    except OSError as error:
        raise DataError(f"{error.filename or path}: can't be written: {error.strerror}") from error
