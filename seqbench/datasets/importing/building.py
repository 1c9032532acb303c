"""The second pass of an import: splits are drawn and written, then scanned as every data set is."""

import json
from collections import Counter
from collections.abc import Hashable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from seqbench.core.progress import Reporter
from seqbench.core.types import SPLITS, SplitName, Task
from seqbench.datasets.importing.labels import Labelling, Survey, decide, label_counts
from seqbench.datasets.importing.letters import LetterSurvey, decide_letters
from seqbench.datasets.importing.record import RawLabel, shorten
from seqbench.datasets.importing.splits import Drawer, SplitRule, check_known, sample_sizes, split_sizes
from seqbench.datasets.importing.spool import Duplicates, ItemSpool, Kept, Skipped
from seqbench.datasets.importing.targets import TargetsSurvey, counted, decide_targets
from seqbench.errors import DataError

ADVANCE_ITEMS = 10_000
"""Items between two reports of progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """How many items are taken and where they go."""

    rule: SplitRule
    max_items: int | None
    seed: int
    where: str
    """The input, for messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What was written."""

    labelling: Labelling
    counts: Mapping[SplitName, Mapping[str, int]]
    """Items of each label by its JSON; regression: an empty mapping a split."""
    items: Mapping[SplitName, int]
    drawn: bool
    """Whether splits were drawn by seed."""


def build(
    spool: ItemSpool,
    survey: Survey,
    folder: Path,
    drawing: Drawing,
    duplicates: Duplicates,
    reporter: Reporter,
) -> Built:
    """Write `<split>.jsonl` files into `folder`.

    Raises:
        DataError: Labels or splits are not what a data set needs.
    """
    if isinstance(survey, LetterSurvey):
        labelling = decide_letters(survey)
    else:
        labelling = decide_targets(survey) if isinstance(survey, TargetsSurvey) else decide(survey)
    drawn = check_known(survey.by_split, drawing.rule, spool.unsplit)
    repeated = _repeated(spool, duplicates)
    stratified = labelling.stratified and not survey.overflowed
    strata = _Strata(labelling, stratified=stratified)
    counts = strata.counts(spool, survey, repeated)
    writer = _Writer(folder, labelling, drawing.where)
    drawer = _drawer(counts, drawing, drawn, labelling.task is Task.CLASSIFICATION)
    with writer, reporter.task("write", spool.n_items, "items") as advance:
        left_out = iter(repeated.tolist())
        next_repeated = next(left_out, None)
        for position, kept in enumerate(spool.read()):
            if position == next_repeated:
                next_repeated = next(left_out, None)
                spool.skipped.setdefault("repeated id", Skipped()).count += 1
            else:
                writer.write(kept, drawer.draw(strata.of(kept.split, kept.label), kept.split))
            if position % ADVANCE_ITEMS == ADVANCE_ITEMS - 1:
                advance(ADVANCE_ITEMS)
        advance(spool.n_items % ADVANCE_ITEMS)
    if writer.not_drawn:
        spool.skipped.setdefault("not drawn for --max-items", Skipped()).count = writer.not_drawn
    return writer.finish(drawn)


class _Strata:
    """What is kept in proportion when items are drawn: their labels within each split, or only the split."""

    def __init__(self, labelling: Labelling, *, stratified: bool) -> None:
        self._labelling, self._stratified = labelling, stratified

    def of(self, split: SplitName | None, label: RawLabel) -> Hashable:
        """The stratum of an item."""
        return (split, self._labelling.stratum(label)) if self._stratified else split

    def counts(self, spool: ItemSpool, survey: Survey, repeated: NDArray[np.int64]) -> Counter[Hashable]:
        """Items of each stratum, without those that are left out as they repeat an id."""
        counts: Counter[Hashable] = Counter()
        if not self._stratified:
            counts.update(survey.by_split)
        elif self._labelling.targets:
            counts.update(self.of(kept.split, kept.label) for kept in spool.read())
        for (split, label), count in survey.counts.items() if self._stratified else ():
            counts[self.of(split, label)] += count
        if len(repeated):
            gone = set(repeated.tolist())
            for position, kept in enumerate(spool.read()):
                if position in gone:
                    counts[self.of(kept.split, kept.label)] -= 1
        return counts


def _drawer(counts: Counter[Hashable], drawing: Drawing, drawn: bool, classes: bool) -> Drawer:
    total = counts.total()
    kept = sample_sizes(counts, total if drawing.max_items is None else drawing.max_items)
    sizes = None
    if drawn and drawing.rule.fractions is not None:
        sizes = split_sizes(kept, drawing.rule.fractions, all_in_train=classes)
    return Drawer(counts, kept, sizes, drawing.seed)


def _repeated(spool: ItemSpool, duplicates: Duplicates) -> NDArray[np.int64]:
    """Positions of the items that are left out because of their id."""
    none = np.zeros(0, dtype=np.int64)
    if duplicates == "keep" or not len(found := spool.repeated()):
        return none
    if duplicates == "first":
        return found
    again = next(kept for position, kept in enumerate(spool.read()) if position == found[0])
    name = _id(again)
    before = next(kept for kept in spool.read() if _id(kept) == name)
    raise DataError(
        f"{again.place}: id {shorten(name)} was there before, at {before.place} "
        "(--duplicate-ids keep or first accepts that)"
    )


def _id(kept: Kept) -> str:
    return str(json.loads(b"{" + kept.rest + b"}").get("id"))


class _Writer:
    """The open files of all splits."""

    def __init__(self, folder: Path, labelling: Labelling, where: str) -> None:
        self._folder, self._labelling, self._where = folder, labelling, where
        self._files: dict[SplitName, BinaryIO] = {}
        self._counts: Counter[tuple[SplitName, str]] = Counter()
        self._items: Counter[SplitName] = Counter()
        self._first: dict[tuple[SplitName, str], str] = {}
        self._stack = ExitStack()
        # Labels of letters are long, and no two alike.
        is_short = labelling.level == "item"
        self._to_json = lru_cache(maxsize=1024)(labelling.to_json) if is_short else labelling.to_json
        self.not_drawn = 0

    def __enter__(self) -> "_Writer":
        return self

    def __exit__(self, *raised: object) -> None:
        self._stack.close()

    def write(self, kept: Kept, split: SplitName | None) -> None:
        """Append an item to its split."""
        try:
            label = self._to_json(kept.label)
        except ValueError as error:
            raise DataError(f"{kept.place}: {error}") from error
        if split is None:
            self.not_drawn += 1
            return
        self._items[split] += 1
        for each in counted(self._labelling, label):
            if (split, each) not in self._counts:
                self._first[split, each] = kept.place
            self._counts[split, each] += 1
        labels = label[1:-1] if self._labelling.targets else f'"label": {label}'
        rest = b", " + kept.rest if kept.rest else b""
        self._file(split).write(b"{%b, %b%b}\n" % (kept.sequences, labels.encode(), rest))

    def _file(self, split: SplitName) -> BinaryIO:
        if split not in self._files:
            path = self._folder / f"{split}.jsonl"
            self._files[split] = self._stack.enter_context(path.open("wb", buffering=1 << 20))
        return self._files[split]

    def finish(self, drawn: bool) -> Built:
        """Check that heads can be trained and scored on what was written."""
        for needed in ("train", "test"):
            if needed not in self._items:
                raise DataError(
                    f"{self._where}: no item is in {needed}, of {self._items.total():,}: train and test are "
                    "needed, eval may be missing (check how items are split, or give more)"
                )
        counts = {split: label_counts(self._counts, split) for split in SPLITS if split in self._items}
        for split, found in counts.items():
            for label in found.keys() - counts["train"].keys():
                names = self._labelling.names
                shown = label if names is None else repr(names[int(label)])
                raise DataError(
                    f"{self._first[split, label]}: class {shown} is in {split} ({found[label]:,} items) and "
                    "not in train, so no head can learn it (drop these items, or split otherwise)"
                )
        return Built(
            labelling=self._labelling,
            counts=counts,
            items={split: self._items[split] for split in SPLITS if split in self._items},
            drawn=drawn,
        )
