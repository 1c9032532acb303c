"""Several targets of an item, a column each: what each of them is, and how an item's line tells them all."""

import json
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Protocol, runtime_checkable

from seqbench.core.types import SplitName, Task, check_name
from seqbench.datasets.importing.labels import MISSING, Labelling, LabelRule, Survey, decide
from seqbench.datasets.importing.letters import LetterSurvey
from seqbench.datasets.importing.record import ItemSource, LabelShape, Place, RawLabel
from seqbench.datasets.label_text import list_in_text
from seqbench.errors import ConfigError, DataError

RESERVED = frozenset({"seq", "id", "label", "chrom", "start", "end", "strand"})
"""Keys of an item's line that no target can be named by."""


@runtime_checkable
class TargetsSource(Protocol):
    """A source whose items have several targets."""

    @property
    def targets(self) -> "tuple[TargetColumn, ...]":
        """One or more, in order of the cells of a label; none where items have one label."""

    @property
    def label_separator(self) -> str | None:
        """What stands between the names of a set in a cell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetColumn:
    """One target of a table."""

    name: str
    column: str
    task: Task | None = None
    """None: told from all of its labels."""


def target_column(text: str) -> TargetColumn:
    """Read `NAME=COLUMN` or `NAME=COLUMN:TASK`.

    Raises:
        DataError: It is neither, or the name can't be that of a target.
    """
    name, equals, column = text.partition("=")
    if not (equals and name and column):
        raise DataError(f"--target {text!r} must be NAME=COLUMN or NAME=COLUMN:TASK, as drug=drug_class")
    tasks = {"classification": Task.CLASSIFICATION, "labels": Task.LABELS, "label": Task.LABELS,
             "regression": Task.REGRESSION}  # fmt: skip
    before, colon, task = column.rpartition(":")
    if colon and before and task in tasks:
        return TargetColumn(name=_checked(name), column=before, task=tasks[task])
    return TargetColumn(name=_checked(name), column=column)


def _checked(name: str) -> str:
    try:
        check_name(name, "--target")
    except ConfigError as error:
        raise DataError(str(error)) from error
    if name in RESERVED or (name.startswith("seq") and name[3:].isdecimal()):
        raise DataError(f"--target {name}=…: an item has {name!r} of its own (choose another name)")
    return name


class TargetsSurvey(Survey):
    """Collects what the labels of each target have in common."""

    def __init__(self, rule: LabelRule, columns: Sequence[TargetColumn], separator: str | None) -> None:
        super().__init__(rule, "targets")
        self.columns, self.separator = tuple(columns), separator
        self.each: list[Survey | None] = [None] * len(columns)
        """Of each target, from its first label on."""

    def add(self, split: SplitName | None, raw: RawLabel, place: Place) -> None:
        """Take in an item's labels; those that are missing are passed over.

        Raises:
            DataError: A label has another number of values than the target's first.
        """
        self.by_split[split] += 1
        for number, (column, cell) in enumerate(zip(self.columns, raw, strict=True)):
            if cell in MISSING:
                continue
            survey = self.each[number]
            if survey is None:
                rule = replace(self.rule, task=column.task)
                survey = self.each[number] = Survey(rule, _shape(cell, column, self.separator))
            try:
                survey.add(split, raw_of(cell, survey.shape, self.separator), place)
            except DataError as error:
                raise DataError(f"{error} (target {column.name})") from error


def _shape(cell: str, column: TargetColumn, separator: str | None) -> LabelShape:
    found = list_in_text(cell)
    if found is None:
        return "set" if separator is not None and column.task is Task.LABELS else "one"
    return "set" if found and all(isinstance(value, str) for value in found) else "columns"


def raw_of(cell: str, shape: LabelShape, separator: str | None) -> RawLabel:
    """A target's cell as a label of its shape."""
    if shape == "one":
        return cell
    found = list_in_text(cell)
    if found is not None:
        values = tuple("" if value is None else str(value) for value in found)
    elif separator:
        values = tuple(part.strip() for part in cell.split(separator) if part.strip())
    else:
        values = (cell,)
    return tuple(dict.fromkeys(values)) if shape == "set" else values


def decide_targets(survey: TargetsSurvey) -> Labelling:
    """Tell what each target is and how an item's line gives them.

    Raises:
        DataError: A target has no label at all, or its labels are nothing that can be learned.
    """
    found: dict[str, Labelling] = {}
    shapes: list[LabelShape] = []
    for column, each in zip(survey.columns, survey.each, strict=True):
        if each is None:
            raise DataError(f"column {column.column!r} (--target {column.name}) holds no label")
        try:
            found[column.name] = decide(each)
        except DataError as error:
            raise DataError(f"target {column.name}: {error}") from error
        shapes.append(each.shape)
    written = [lru_cache(maxsize=1024)(_writer(labelling)) for labelling in found.values()]
    by_class = [labelling.task is Task.CLASSIFICATION for labelling in found.values()]

    def to_json(raw: RawLabel) -> str:
        parts: dict[str, Any] = {}
        for name, write, shape, cell in zip(found, written, shapes, raw, strict=True):
            try:
                parts[name] = None if cell in MISSING else write(raw_of(cell, shape, survey.separator))
            except ValueError as error:
                raise ValueError(f"target {name}: {error}") from error
        return json.dumps(parts)

    def stratum(raw: RawLabel) -> Hashable:
        return tuple(cell for cell, counts in zip(raw, by_class, strict=True) if counts)

    first = next(iter(found.values()))
    remarks = [f"target {name}: {remark}" for name, each in found.items() for remark in each.remarks]
    return Labelling(
        task=first.task,
        names=None,
        to_json=to_json,
        stratified=any(by_class),
        remarks=tuple(remarks),
        targets=found,
        stratum=stratum,
    )


def _writer(labelling: Labelling) -> Any:
    """A function from a raw label to what the line holds; where classes have names, these."""
    names = labelling.names

    def write(raw: RawLabel) -> Any:
        value = json.loads(labelling.to_json(raw))
        return names[value] if names is not None and labelling.task is Task.CLASSIFICATION else value

    return write


def counted(labelling: Labelling, written: str) -> Counter[str]:
    """The classes of an item, as they are counted: of several targets each by its name.

    Args:
        labelling: Of all items.
        written: The item's, as `to_json` gave it.

    Returns:
        Each class once; none of labels and values, nor of letters.
    """
    if labelling.level == "token":
        return Counter()
    if not labelling.targets:
        return Counter([written] if labelling.task is Task.CLASSIFICATION else [])
    labels = json.loads(written)
    return Counter(
        f"{name}: {labels[name]}"
        for name, each in labelling.targets.items()
        if each.task is Task.CLASSIFICATION and labels[name] is not None
    )


def survey_of(source: ItemSource, rule: LabelRule) -> Survey:
    """What surveys a source's labels."""
    if isinstance(source, TargetsSource) and source.targets:
        return TargetsSurvey(rule, source.targets, source.label_separator)
    return LetterSurvey(rule) if source.shape == "letters" else Survey(rule, source.shape)
