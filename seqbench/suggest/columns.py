"""Which columns of a table hold sequences, labels, ids and splits, by their names and their first rows."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Final

from seqbench.core.types import Task
from seqbench.datasets.importing.inputs import Inputs
from seqbench.datasets.importing.jsonl import JsonlTable, is_jsonl
from seqbench.datasets.importing.labels import MISSING
from seqbench.datasets.importing.parquet import is_parquet, open_table
from seqbench.datasets.importing.rows import ColumnNames
from seqbench.datasets.importing.splits import split_named
from seqbench.datasets.importing.table import TableRows
from seqbench.datasets.label_text import NUMBER, WHOLE, list_in_text
from seqbench.errors import DataError

SAMPLE_ROWS: Final = 5000
"""Rows that columns are judged by; what labels are is told from all of them."""

MOST_WHOLE: Final = 20
"""More different whole numbers than these are measured values rather than classes."""

MOST_NAMES: Final = 0.5
"""Share of different texts above which a column holds names or remarks rather than classes."""

SHORTEST: Final = 8
"""Mean length of sequences, unless the column's name says what it holds."""

LETTERS_SHARE: Final = 0.95
"""Share of cells that must be sequences: some may be empty or damaged, which the import then names."""

_SEQUENCE: Final = ("sequence", "seq", "mutated_sequence", "protein_sequence", "aa_sequence", "dna_sequence",
                    "rna_sequence", "aa_seq", "nt_seq", "protein", "peptide", "dna", "rna")  # fmt: skip
_LABEL: Final = ("label", "labels", "target", "class", "y", "activity", "fitness", "score", "dms_score",
                 "value", "output", "phenotype")  # fmt: skip
_ID: Final = ("", "id", "name", "index", "unnamed: 0", "item", "accession", "entry", "identifier")
_SPLIT: Final = ("split", "set", "subset", "partition", "fold_split")
_PLACE: Final = ("chrom", "chromosome", "chr", "start", "end", "strand", "length", "validation")
_PAIR: Final = re.compile(r"(seq|sequence)[_ ]?([12ab])", re.IGNORECASE)
_LETTERS: Final = re.compile(r"[A-Za-z*.\-]+")
_RESIDUES: Final = re.compile(r"[ACDEFGHIKLMNPQRSTVWYXUBZ*.\-]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the user said of the file; empty or None: told from the file."""

    sequences: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    split: str | None = None
    task: Task | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """What the columns of a table hold."""

    columns: ColumnNames
    separator: str | None
    """Between the names of a set, where labels are sets."""
    task: Task | None
    """Where the form of the labels alone would be read otherwise."""
    unused: tuple[str, ...]
    """Columns that are not taken."""
    remarks: tuple[str, ...] = ()
    """What could have been meant otherwise, with the option that says so."""


@dataclass(frozen=True)
class _Column:
    """A column's first cells."""

    name: str
    cells: tuple[str, ...]

    @property
    def usual(self) -> str:
        return self.name.strip().lower()

    @cached_property
    def known(self) -> tuple[str, ...]:
        """Cells with a value."""
        return tuple(cell for cell in self.cells if cell not in MISSING)

    @cached_property
    def different(self) -> frozenset[str]:
        return frozenset(self.known)

    @cached_property
    def are_numbers(self) -> bool:
        return bool(self.known) and all(NUMBER.fullmatch(cell) for cell in self.known)

    @cached_property
    def are_whole(self) -> bool:
        return bool(self.known) and all(WHOLE.fullmatch(cell) for cell in self.known)

    @cached_property
    def holds_sequences(self) -> bool:
        """Residues or nucleotides in most cells, long and different enough for no classes."""
        if not self.known:
            return False
        if self.usual in _SEQUENCE or _PAIR.fullmatch(self.name):
            found = sum(bool(_LETTERS.fullmatch(cell)) for cell in self.known)
            return found >= LETTERS_SHARE * len(self.known)
        found = sum(bool(_RESIDUES.fullmatch(cell)) for cell in self.known)
        mean = sum(map(len, self.known)) / len(self.known)
        varied = len(self.different) > min(MOST_NAMES * len(self.known), 100)
        return found >= LETTERS_SHARE * len(self.known) and mean >= SHORTEST and varied

    @cached_property
    def holds_splits(self) -> bool:
        """Train and test by some of their names, in every row."""
        if len(self.different) > 8 or len(self.known) < len(self.cells):
            return False
        try:
            found = {split_named(cell, self.name) for cell in self.different}
        except DataError:
            return False
        return {"train", "test"} <= found

    @cached_property
    def may_be_label(self) -> bool:
        """Whether cells differ, and are numbers or few enough texts."""
        if self.usual in _LABEL:
            return len(self.different) > 1
        if self.usual in (*_ID, *_SPLIT, *_PLACE) or len(self.different) < 2:
            return False
        if self.are_whole and self.known == tuple(map(str, range(len(self.known)))):
            return False  # rows that are counted
        return self.are_numbers or len(self.different) <= max(2, MOST_NAMES * len(self.known))


def read_roles(path: Path, choices: Choices) -> Roles:
    """Tell what the columns of a CSV, TSV, Parquet or JSONL file hold.

    Raises:
        DataError: The file is no table, a named column is not there, or what is not named could be several
            columns or none; names them and the option.
    """
    columns = _sample(path, choices)
    there = [column.name for column in columns]
    for option, names in (("--sequence", choices.sequences), ("--label", choices.labels),
                          ("--split-column", (choices.split,) if choices.split else ())):  # fmt: skip
        for name in names:
            if name not in there:
                raise DataError(f"{path}: has no column {name} ({option}); there are: {', '.join(there)}")
    sequences = choices.sequences or _sequences(path, columns)
    split = choices.split or next(
        (each.name for each in columns if each.usual in _SPLIT and each.holds_splits), None
    )
    taken = {*sequences, split}
    labels = choices.labels or (_label(path, [each for each in columns if each.name not in taken]),)
    of_label = [each for each in columns if each.name in labels]
    found = Roles(
        columns=ColumnNames(sequences=sequences, labels=labels, split=split),
        separator=None if len(labels) > 1 else _separator(of_label[0]),
        task=choices.task,
        unused=tuple(name for name in there if name not in {*taken, *labels}),
    )
    return _as_values(found, of_label, choices)


def _as_values(found: Roles, labels: Sequence[_Column], choices: Choices) -> Roles:
    """Many different whole numbers are measured, not classes."""
    if choices.task is not None or found.separator or len(labels) > 1 or not labels[0].are_whole:
        return found
    count = len(labels[0].different)
    if count <= MOST_WHOLE:
        return found
    remark = f"{count} different whole numbers are taken for values (--task classification: for classes)"
    return replace(found, task=Task.REGRESSION, remarks=(remark,))


def _sample(path: Path, choices: Choices) -> list[_Column]:
    inputs = Inputs(path.parent, lambda _: None)
    if is_parquet(path) or path.suffix == ".arrow" or is_jsonl(path):
        table = JsonlTable(path, inputs) if is_jsonl(path) else open_table(path)
        names: Sequence[str] = table.names
        rows = [[_flat(cell) for cell in row] for row in islice(table.rows(names), SAMPLE_ROWS)]
    else:
        text = TableRows(path, inputs, None, (*choices.sequences, *choices.labels) or (*_SEQUENCE, *_LABEL))
        names = text.columns.names
        rows = [[cell.strip() for cell in row] for _, row in islice(text, SAMPLE_ROWS)]
    if any(len(name) > 2 * SHORTEST and _RESIDUES.fullmatch(name) and name.isupper() for name in names):
        raise DataError(f"{path}:1: the first line holds a sequence; it must name the columns (seq,label)")
    if not rows:
        raise DataError(f"{path}: holds no rows below the names of the columns")
    return [
        _Column(name, cells) for name, cells in zip(names, map(tuple, zip(*rows, strict=True)), strict=True)
    ]


def _flat(cell: str | tuple[str, ...]) -> str:
    return cell.strip() if isinstance(cell, str) else str(list(cell))


def _sequences(path: Path, columns: Sequence[_Column]) -> tuple[str, ...]:
    found = [column for column in columns if column.holds_sequences]
    named = [column.name for column in found if column.usual in _SEQUENCE]
    pair = [column.name for column in found if _PAIR.fullmatch(column.name)]
    if len(named) == 1:
        return (named[0],)
    if not named and len(pair) > 1:
        return tuple(pair)
    candidates = named or [column.name for column in found]
    if len(candidates) == 1:
        return (candidates[0],)
    if candidates:
        raise DataError(
            f"{path}: sequences may be in {_either(candidates)}: name one (--sequence {candidates[0]}), or "
            "several by repeating the option"
        )
    there = ", ".join(column.name for column in columns)
    raise DataError(f"{path}: no column holds sequences; name it with --sequence (there are: {there})")


def _label(path: Path, columns: Sequence[_Column]) -> str:
    free = [column for column in columns if column.may_be_label and not column.holds_sequences]
    named = [column.name for column in free if column.usual in _LABEL]
    plain = [name for name in named if name.lower() in ("label", "labels")]
    candidates = plain if len(plain) == 1 else named or [column.name for column in free]
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        raise DataError(f"{path}: labels may be in {_either(candidates)}: name one (--label {candidates[0]})")
    there = ", ".join(column.name for column in columns)
    raise DataError(
        f"{path}: no column holds labels, different numbers or few names; name it with --label "
        f"(there are: {there or 'none'})"
    )


def _either(names: Sequence[str]) -> str:
    shown = [*names[:6], *([f"{len(names) - 6} more"] if len(names) > 6 else [])]
    return f"{', '.join(shown[:-1])} or {shown[-1]}"


def _separator(label: _Column) -> str | None:
    """What stands between the names of a set: where it is taken away, far fewer names are left."""
    if label.are_numbers or any(list_in_text(cell) is not None for cell in label.known[:1]):
        return None
    for separator in (";", "|"):
        if not any(separator in cell for cell in label.known):
            continue
        parts = {part.strip() for cell in label.different for part in cell.split(separator) if part.strip()}
        if 1 < len(parts) < len(label.different):
            return separator
    return None
