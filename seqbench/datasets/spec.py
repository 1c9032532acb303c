"""What is known of a data set before its files are read."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypedDict, cast

from seqbench.core.alphabets import Alphabet
from seqbench.core.types import Level, SplitName, Task

HeadName = Literal["mlp", "xgb", "forest"]
Source = Literal["info", "registry", "inferred"]


class Expected(TypedDict, total=False):
    """Facts that a data set's documentation states; files that differ earn a warning, not an error."""

    items: int
    """Items over all splits."""
    min_length: int
    """Characters of the shortest sequence."""
    max_length: int
    """Characters of the longest sequence."""
    classes: int
    """Distinct labels of a classification."""
    targets: int
    """Width of a regression or multi-label item."""
    item_seqs: int
    """Sequences an item."""
    splits: tuple[SplitName, ...]
    """Splits that the documentation lists."""
    ratio: Mapping[SplitName, float]
    """Share of the items in each split."""
    label_counts: Mapping[SplitName, Mapping[int, int]]
    """Items of each class, a split."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSpec:
    """One of several labels that the items of a data set have, each scored as a data set of its own."""

    name: str
    key: str
    """Key of the label in a line."""
    task: Task | None = None
    """None: inferred from the labels of train."""
    class_names: tuple[str, ...] | None = None
    """As of `DatasetSpec`."""
    weight: float = 1.0
    """Of its loss, where heads train the targets together; only proportions count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSpec:
    """Where a data set lies and how its lines are to be read; None means that the files tell."""

    name: str
    folder: Path
    """Holds `<split>.jsonl`; need not exist when only pre-extracted embeddings are used."""
    task: Task | None = None
    """None: inferred from the labels of train."""
    seq_keys: tuple[str, ...] | None = None
    """Keys of an item's sequences, in order. None: `seq`, else `seq1` … `seqN`."""
    label_key: str = "label"
    level: Level = "item"
    """Whether a label is of an item, or a list or string of one entry a letter of its sequence."""
    id_key: str | None = None
    """Key of an item's id. None: `id` or `name`, where the first line has one."""
    group_key: str | None = None
    """Key of what items stay together by in folds and where eval is drawn from train; None: by nothing."""
    class_names: tuple[str, ...] | None = None
    """Names of class 0, 1 …, or of an item's labels or targets in order. Where labels are text: the classes
    in the order of their numbers. None: of texts those that occur, sorted; else what an import recorded."""
    alphabet: Alphabet | None = None
    """None: told by the letters of all splits."""
    splits: tuple[SplitName, ...] | None = None
    """The splits to use, each of which must then exist. None: whichever files exist."""
    head: HeadName | None = None
    """The head this data set is to be probed with, whatever the config's heads."""
    group: str | None = None
    """The collection it is part of."""
    expected: Expected = field(default_factory=Expected, hash=False)
    source: Source = "inferred"
    """The strongest source that described it."""
    targets: tuple[TargetSpec, ...] = ()
    """Where items have several labels; task, label key and class names are then those of the first."""

    @property
    def views(self) -> tuple["DatasetSpec", ...]:
        """What is scored: itself, or each target as a data set of its own, named `data set/target`."""
        facts = ("items", "min_length", "max_length", "item_seqs", "splits", "ratio")
        told = cast(Expected, {key: value for key, value in self.expected.items() if key in facts})
        return tuple(
            replace(
                self,
                name=f"{self.name}/{target.name}",
                task=target.task,
                label_key=target.key,
                class_names=target.class_names,
                expected=told,
                targets=(),
            )
            for target in self.targets
        ) or (self,)


def base_of(name: str) -> str:
    """The data set that embeddings are stored of: of a target's name, which has a slash, the part before."""
    return name.partition("/")[0]
