"""Small data sets with known faults."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqbench.audit.audit import audit_dataset
from seqbench.audit.settings import AuditSettings
from seqbench.catalog.audit_records import AuditRecord, Finding
from seqbench.core.progress import Silent
from seqbench.datasets.dataset import Dataset, open_dataset
from seqbench.datasets.spec import DatasetSpec

COMPLEMENT = str.maketrans("ACGT", "TGCA")


def random_dna(rng: np.random.Generator, length: int) -> str:
    return "".join(rng.choice(list("ACGT"), length))


def reverse_complement(sequence: str) -> str:
    return sequence.translate(COMPLEMENT)[::-1]


def changed(rng: np.random.Generator, sequence: str, edits: int) -> str:
    """A sequence with so many letters replaced by others."""
    letters = list(sequence)
    for place in rng.choice(len(letters), edits, replace=False):
        letters[place] = rng.choice([letter for letter in "ACGT" if letter != letters[place]])
    return "".join(letters)


def write(folder: Path, splits: Mapping[str, Sequence[Mapping[str, Any]]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for split, items in splits.items():
        lines = "".join(json.dumps(item) + "\n" for item in items)
        (folder / f"{split}.jsonl").write_text(lines, encoding="utf-8")
    return folder


def opened(folder: Path) -> Dataset:
    return open_dataset(DatasetSpec(name=folder.name, folder=folder))


def audited(folder: Path, **settings: Any) -> AuditRecord:
    wanted = AuditSettings(**{"controls": False, "resamples": 200, **settings})
    return audit_dataset(DatasetSpec(name=folder.name, folder=folder), wanted, Silent())


def finding(record: AuditRecord, check: str) -> Finding:
    return next(each for each in record.findings if each.check == check)


def dna_items(rng: np.random.Generator, count: int, length: int = 60) -> list[dict[str, Any]]:
    return [{"seq": random_dna(rng, length), "label": int(rng.integers(2))} for _ in range(count)]
