"""A person's file as a source that the import reads: a table, JSONL or FASTA, and where its labels are."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from seqbench.core.types import Task
from seqbench.datasets.importing.fasta import FastaSource, read_fasta
from seqbench.datasets.importing.files import SplitPath
from seqbench.datasets.importing.headers import HeaderLabel, header_pairs, label_by_field, label_by_key
from seqbench.datasets.importing.inputs import Inputs, check_file
from seqbench.datasets.importing.jsonl import is_jsonl
from seqbench.datasets.importing.kinds import import_command, kind_of
from seqbench.datasets.importing.parquet import is_parquet
from seqbench.datasets.importing.record import ItemSource
from seqbench.datasets.importing.rows import TableSource
from seqbench.errors import DataError
from seqbench.suggest.columns import MOST_NAMES, Choices, read_roles

SAMPLE_RECORDS: Final = 2000
"""Headers of FASTA in which labels are looked for."""

_NO_LABELS: Final = ("id", "name", "sv", "pe", "ox", "gn", "len", "length", "start", "end", "strand", "chrom")
"""Keys of headers that say what a sequence is, rather than what is to be learnt of it."""

_SHEETS: Final = (".xlsx", ".xls", ".ods")

_SPLIT_KEYS: Final = ("set", "split", "subset")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What is imported, and what was understood of it."""

    items: ItemSource
    sequences: str
    """Where sequences are: `column seq`, for a person."""
    labels: str
    """Where labels are."""
    split: str | None
    """Where the file itself says which items are train and test; None where it does not."""
    task: Task | None
    unused: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def open_source(path: Path, choices: Choices) -> Source:
    """Tell what a file is, and where in it sequences, labels and splits are.

    Raises:
        DataError: It is of another kind (names the command that reads it), or what the user did not say
            could be in several places or in none.
    """
    check_file(path)
    if path.suffix.lower() in _SHEETS:
        raise DataError(f"{path}: is a spreadsheet (save its sheet as CSV)")
    kind = "table" if is_parquet(path) or path.suffix == ".arrow" else kind_of(path)
    if kind == "FASTA":
        return _fasta(path, choices)
    if kind not in (None, "table", "JSON", "BED") and not is_jsonl(path):
        raise DataError(
            f"{path}: is {kind}, and tables, JSONL and FASTA are read here ({import_command(path)})"
        )
    return _table(path, choices)


def _table(path: Path, choices: Choices) -> Source:
    roles = read_roles(path, choices)
    columns = roles.columns
    word = "key" if is_jsonl(path) else "column"
    return Source(
        items=TableSource(files=[SplitPath(path)], columns=columns, label_separator=roles.separator),
        sequences=_named(word, columns.sequences),
        labels=_named(word, columns.labels),
        split=None if columns.split is None else f"{word} {columns.split}",
        task=roles.task,
        unused=roles.unused,
        remarks=roles.remarks,
    )


def _named(word: str, names: Sequence[str]) -> str:
    return f"{word}{'s' if len(names) > 1 else ''} {', '.join(names)}"


def _fasta(path: Path, choices: Choices) -> Source:
    if choices.sequences:
        raise DataError(f"{path}: is FASTA, which has no columns of sequences (leave out --sequence)")
    inputs = Inputs(path.parent, lambda _: None)
    headers = [header for _, header, _ in islice(read_fasta(path, inputs), SAMPLE_RECORDS)]
    if len(choices.labels) > 1:
        raise DataError(f"{path}: is FASTA, whose headers hold one label (give --label once)")
    label, what = _header_label(path, headers, next(iter(choices.labels), None))
    pairs = [header_pairs(header) for header in headers]
    split = choices.split or next((key for key in _SPLIT_KEYS if all(key in each for each in pairs)), None)
    return Source(
        items=FastaSource(files=[SplitPath(path)], from_header=label, split_key=split, label_from=what),
        sequences="the records",
        labels=what,
        split=None if split is None else f"{split}= in headers",
        task=choices.task,
    )


def _header_label(path: Path, headers: Sequence[str], wanted: str | None) -> tuple[HeaderLabel, str]:
    """The way to the label that the user named, or the only one that there is."""
    ways = _ways(headers)
    if wanted is None:
        candidates = [name for name, values in ways.items() if _may_be_labels(name, values)]
        named = [name for name in candidates if name.lower() in ("label", "class", "target")]
        wanted = next(iter(named if len(named) == 1 else candidates), None)
        if wanted is None:
            raise DataError(
                f"{path}: no header holds a label such as label=1 (`seqbench datasets import fasta {path} "
                "--labels TABLE` takes them from a table)"
            )
        if len(candidates) > 1 and len(named) != 1:
            raise DataError(f"{path}: labels may be in {', '.join(candidates)}: name one (--label {wanted})")
    if wanted not in ways:
        there = ", ".join(ways) or "neither keys such as label=1 nor fields between |"
        raise DataError(f"{path}: headers have no {wanted} (--label); there are: {there}")
    if wanted.isdigit():
        return label_by_field(int(wanted), "|"), f"field {wanted} of headers"
    return label_by_key(wanted), f"{wanted}= in headers"


def _ways(headers: Sequence[str]) -> dict[str, list[str]]:
    """Values by key, or where no header has keys by the number of the field between `|`, from 2 on."""
    ways: dict[str, list[str]] = {}
    for header in headers:
        for key, value in header_pairs(header).items():
            if key.lower() not in _SPLIT_KEYS:
                ways.setdefault(key, []).append(value)
    if ways:
        return ways
    for header in headers:
        for number, value in enumerate(header.split("|")[1:], start=2):
            ways.setdefault(str(number), []).append(value.strip())
    return ways


def _may_be_labels(name: str, values: Sequence[str]) -> bool:
    different = set(values)
    numbers = all(value.lstrip("+-").replace(".", "", 1).isdigit() for value in different)
    few = len(different) <= max(2, MOST_NAMES * len(values))
    return name.lower() not in _NO_LABELS and len(different) > 1 and (numbers or few)
