"""What labels are, told from all of them as text: classes, sets of labels or numbers; and their JSON form."""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from seqbench.core.types import Level, SplitName, Task
from seqbench.datasets.importing.record import LabelShape, Place, RawLabel, shorten
from seqbench.datasets.label_text import NUMBER, decimal_comma
from seqbench.errors import DataError

MAX_CLASSES: Final = 1000
"""More different values than this are no classes unless the user says so."""

MAX_DISTINCT: Final = 20_000
"""Different labels that are counted one by one; with more, a split is not stratified by them."""

MISSING: Final = frozenset({"", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"})
"""Texts that mean that there is no value, unless they are listed as classes."""

_TRUTH: Final = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "false": 0, "true": 1, "False": 0, "True": 1,
                 "FALSE": 0, "TRUE": 1}  # fmt: skip
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}(\.0*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRule:
    """How the user wants labels to be read; None: as they look."""

    task: Task | None = None
    classes: tuple[str, ...] | None = None
    """Names of classes or labels in the order of their numbers; others are then faults."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelling:
    """What the labels of an import turned out to be."""

    task: Task
    names: tuple[str, ...] | None
    """Names of class or label 0, 1 …; None where labels are numbers in the source."""
    to_json: Callable[[RawLabel], str]
    """The label of an item in the data set's file. Raises ValueError with the reason."""
    stratified: bool
    """Whether labels are few enough to be kept in proportion when items are drawn."""
    targets: "Mapping[str, Labelling]" = field(default_factory=dict)
    """Of each of several targets; empty where items have one label."""
    stratum: Callable[[RawLabel], Hashable] = lambda raw: raw
    """What of a label is kept in proportion."""
    level: Level = "item"
    """Whether labels are of items, or of letters."""
    classes: tuple[str, ...] | None = None
    """Of letters: the texts that labels are, in the order of their numbers, where the user lists them."""
    remarks: tuple[str, ...] = ()
    """What their form alone decided and could have been meant otherwise, with the option that says so."""


class Survey:
    """Collects, in bounded memory, what all raw labels have in common."""

    def __init__(self, rule: LabelRule, shape: LabelShape) -> None:
        self.rule, self.shape = rule, shape
        self.counts: Counter[tuple[SplitName | None, RawLabel]] = Counter()
        """Items of each label in each split, as long as there are at most `MAX_DISTINCT`."""
        self.by_split: Counter[SplitName | None] = Counter()
        self.names: set[str] = set()
        """Sets only: all names seen."""
        self.not_number: tuple[Place, str] | None = None
        """The first value that is no finite number."""
        self.not_whole = False
        self.not_truth = False
        self._width: int | None = None

    @property
    def texts(self) -> Iterator[str]:
        """The different values that are counted."""
        for _, raw in self.counts:
            yield from (raw,) if isinstance(raw, str) else raw

    @property
    def overflowed(self) -> bool:
        """Whether there are more different labels than are counted."""
        return len(self.counts) > MAX_DISTINCT

    def add(self, split: SplitName | None, raw: RawLabel, place: Place) -> None:
        """Take in one label.

        Raises:
            DataError: It has another number of values than the first.
        """
        self.by_split[split] += 1
        if (split, raw) in self.counts:
            self.counts[split, raw] += 1
            return
        if not self.overflowed:
            self.counts[split, raw] = 1
        values = (raw,) if isinstance(raw, str) else raw
        if self.shape == "set":
            self._add_names(values, place)
            return
        if len(values) != (self._width or len(values)):
            raise DataError(
                f"{place}: has {len(values)} label values, the first item has {self._width} "
                "(all items must have the same)"
            )
        self._width = len(values)
        for value in values:
            self._look(value, place)

    def _add_names(self, names: tuple[str, ...], place: Place) -> None:
        self.names.update(names)
        if len(self.names) > MAX_DISTINCT:
            raise DataError(
                f"{place}: the labels so far have over {MAX_DISTINCT:,} different names "
                "(check the column and the separator)"
            )

    def _look(self, value: str, place: Place) -> None:
        self.not_truth |= value not in _TRUTH
        self.not_whole |= not _WHOLE.fullmatch(value)
        if self.not_number is None and not _is_number(value):
            self.not_number = (place, value)


def is_missing(raw: RawLabel | None, rule: LabelRule, *, several: bool = False) -> bool:
    """Whether an item has no label, or lacks one of several; of several targets, whether it lacks all."""
    if raw is None:
        return True
    values = (raw,) if isinstance(raw, str) else raw
    found = [value in MISSING and value not in (rule.classes or ()) for value in values]
    return all(found) if several else any(found)


def decide(survey: Survey) -> Labelling:
    """Tell what the labels are and how to write them.

    Whole numbers are classes, other numbers are targets, other text names classes, which are numbered in
    sorted order unless listed; several columns of 0 and 1 are labels, of other numbers targets.

    Raises:
        DataError: They are nothing that can be learned, or not what the user said.
    """
    task = survey.rule.task or _task(survey)
    if task is Task.REGRESSION:
        return _regression(survey)
    if survey.shape == "one" and task is Task.LABELS:
        raise DataError(
            "a single value an item can't be --task labels (name several --label columns, or give "
            "--label-separator)"
        )
    if survey.shape == "set":
        return _sets(survey, task)
    return _truths(survey, task) if survey.shape == "columns" else _classes(survey)


def _task(survey: Survey) -> Task:
    if survey.shape == "set":
        return Task.LABELS
    if survey.rule.classes is None and (comma := decimal_comma(survey.texts)):
        raise DataError(
            f"label {comma!r} has a decimal comma (write {comma.replace(',', '.')}; if these are names of "
            "classes, say --task classification)"
        )
    if survey.shape == "columns":
        return Task.REGRESSION if survey.not_truth and survey.not_number is None else Task.LABELS
    if survey.rule.classes is not None or survey.not_number is not None:
        return Task.CLASSIFICATION
    if survey.not_whole:
        return Task.REGRESSION
    distinct = len({raw for _, raw in survey.counts})
    if distinct > MAX_CLASSES:
        raise DataError(
            f"labels are {distinct:,}{'+' if survey.overflowed else ''} different whole numbers: classes or "
            "targets? (say --task classification or --task regression)"
        )
    return Task.CLASSIFICATION


def _regression(survey: Survey) -> Labelling:
    if survey.shape == "set":
        raise DataError("sets of names can't be --task regression (leave out --label-separator)")
    if survey.not_number is not None:
        place, value = survey.not_number
        if decimal_comma([value]):
            raise DataError(f"{place}: label {value!r} has a decimal comma (write {value.replace(',', '.')})")
        raise DataError(f"{place}: label {shorten(value)} is no finite number (--missing skip leaves NA out)")

    def to_json(raw: RawLabel) -> str:
        # json writes a float with a point or exponent, so that the scanner sees targets and not classes.
        return json.dumps(float(raw) if isinstance(raw, str) else [float(value) for value in raw])

    return Labelling(task=Task.REGRESSION, names=None, to_json=to_json, stratified=False)


def _classes(survey: Survey) -> Labelling:
    texts = {raw for _, raw in survey.counts if isinstance(raw, str)}
    too_many = survey.overflowed or (len(texts) > MAX_CLASSES and survey.rule.task is None)
    if survey.rule.classes is None and (survey.not_whole and too_many):
        raise DataError(
            f"labels have {len(texts):,} different values, such as {shorten(min(texts))}, too many "
            "for classes (check which column holds the label; --task classification allows up to 20,000)"
        )
    if survey.rule.classes is None and not survey.not_whole:
        as_float = next((text for text in survey.texts if "." in text), None)
        return Labelling(
            task=Task.CLASSIFICATION,
            names=None,
            to_json=lambda raw: str(int(str(raw).partition(".")[0])),
            stratified=not survey.overflowed,
            remarks=()
            if as_float is None or survey.rule.task is not None
            else (f"labels such as {as_float} are read as classes (for values say --task regression)",),
        )
    names = survey.rule.classes or tuple(sorted(texts))
    numbers = {name: str(number) for number, name in enumerate(names)}

    def to_json(raw: RawLabel) -> str:
        if raw not in numbers:
            raise ValueError(f"label {shorten(str(raw))} is not among the classes {', '.join(names)}")
        return numbers[str(raw)]

    return Labelling(task=Task.CLASSIFICATION, names=names, to_json=to_json, stratified=True)


def _truths(survey: Survey, task: Task) -> Labelling:
    if task is Task.CLASSIFICATION:
        return _one_hot(survey)

    def to_json(raw: RawLabel) -> str:
        for value in raw:
            if value not in _TRUTH:
                raise ValueError(
                    f"label {shorten(value)} is neither 0 nor 1 (several --label columns hold 0 and 1, "
                    "or numbers only, which is --task regression)"
                )
        return json.dumps([_TRUTH[value] for value in raw])

    single = survey.rule.task is None and not survey.overflowed and _are_one_hot(survey)
    remark = "each item has a single 1 among its labels (if it is one class say --task classification)"
    return Labelling(
        task=task,
        names=survey.rule.classes,
        to_json=to_json,
        stratified=not survey.overflowed,
        remarks=(remark,) if single else (),
    )


def _one_hot(survey: Survey) -> Labelling:
    """Classes as columns of which one is 1."""

    def to_json(raw: RawLabel) -> str:
        values = [_TRUTH.get(value) for value in raw]
        if values.count(1) != 1 or values.count(0) != len(values) - 1:
            raise ValueError(
                f"labels {', '.join(raw)} are no class: one of them must be 1 and the others 0 (several "
                "--label columns; name one, or another --task)"
            )
        return str(values.index(1))

    return Labelling(
        task=Task.CLASSIFICATION,
        names=survey.rule.classes,
        to_json=to_json,
        stratified=not survey.overflowed,
    )


def _are_one_hot(survey: Survey) -> bool:
    rows = [raw for _, raw in survey.counts if not isinstance(raw, str)]
    return all(len(raw) > 1 and sum(_TRUTH.get(value, 2) for value in raw) == 1 for raw in rows)


def _sets(survey: Survey, task: Task) -> Labelling:
    if task is not Task.LABELS:
        raise DataError(f"sets of names can't be --task {task.value} (leave out --label-separator)")
    names = survey.rule.classes or tuple(sorted(survey.names))
    if not names:
        raise DataError("no item has any label (check the column and the separator)")
    known = frozenset(names)

    def to_json(raw: RawLabel) -> str:
        if not known.issuperset(raw):
            odd = next(value for value in raw if value not in known)
            raise ValueError(f"label {shorten(odd)} is not among {', '.join(names)}")
        return json.dumps([int(name in raw) for name in names])

    return Labelling(task=task, names=names, to_json=to_json, stratified=not survey.overflowed)


def label_counts(counts: Mapping[tuple[SplitName, str], int], split: SplitName) -> dict[str, int]:
    """Items of each written label in a split."""
    return {label: count for (where, label), count in counts.items() if where == split}


def _is_number(text: str) -> bool:
    return bool(NUMBER.fullmatch(text)) and len(text) < 400 and math.isfinite(float(text))
