"""What an audit of a data set finds, and what probes score on the items it found nothing against.

Shape letters: N items of a split.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b, sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.core.alphabets import Alphabet
from seqbench.core.types import Severity, SplitName, Task
from seqbench.metrics import MetricScore

CLEAN_METHOD = 1
"""Raised when scoring the same probe gives other numbers than before; recorded ones are then made anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    check: str
    severity: Severity
    measured: str
    """The numbers, short."""
    share: float | None
    """What is held against the thresholds: a share of items, or the way from chance to perfect."""
    yellow: float | None
    """From where on it is yellow."""
    red: float | None
    """From where on it is red; None: it never is."""
    says: str
    """One sentence on what it means, or why it could not be looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlScore:
    """A head that was given something that should not be enough."""

    control: str
    knows: str
    """What it was given, in words."""
    n_train: int
    n_test: int
    metrics: tuple[MetricScore, ...]
    """On test, each with its interval; empty where `reason` is set."""
    way: float | None
    """How far from chance to perfect it came, by `judged`; None where that is undefined."""
    judged: str
    """The metric that `way` is of."""
    certain: bool
    """Whether the interval of `judged` leaves out chance."""
    reason: str | None = None
    """Why it was not trained."""

    def value(self, metric: str) -> float | None:
        """The score of a metric, None where undefined."""
        return next((each.value for each in self.metrics if each.metric == metric), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedSplit:
    """What is in a split, and how many of its items have which mark."""

    split: SplitName
    n_items: int
    letters: int
    length_quantiles: tuple[float, float, float, float, float]
    """Shortest, quarter, median, three quarters, longest."""
    labels: Mapping[str, float]
    """Items of each class or label; of a regression `mean <target>` and `sd <target>`."""
    unknown_letters: float
    """Share of letters outside A C G T U, or the 20 amino acids."""
    lower_case: float
    """Share of letters."""
    gc: float | None
    """Share of G and C among A, C, G, T and U; None of proteins."""
    marks: Mapping[str, int]
    """Items with each mark; empty for train but for `repeat` and `conflict`."""

    @property
    def facts(self) -> dict[str, Any]:
        """The same, ready for JSON."""
        return {name: _plain(getattr(self, name)) for name in self.__slots__ if name != "split"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ItemMarks:
    """What is known of each item of eval or test; rows of train are counted from 0, -1 is none."""

    copy_of_N: NDArray[np.int64]
    """Row of train with the same sequences."""
    reverse_copy_of_N: NDArray[np.int64]
    """Row of train with the reverse complements."""
    reordered_copy_of_N: NDArray[np.int64]
    """Row of train with the same sequences in another order."""
    near_of_N: NDArray[np.int64]
    """Row of train that is a near-duplicate, of several the most similar; -1 for copies."""
    identity_N: NDArray[np.float64]
    """Of the near-duplicate; 1 for copies on either strand; NaN where there is none."""
    near_opposite_N: NDArray[np.bool_]
    """The near-duplicate is alike on the opposite strand."""
    stretch_share_N: NDArray[np.float64]
    """Share of the item's stretches that occur in train."""
    stretch_of_N: NDArray[np.int64]
    """Row of train that most of these come from."""
    seen_N: NDArray[np.int64]
    """How many of the item's sequences occur in train."""
    overlap_N: NDArray[np.float64]
    """Share of the item's bases that lie in intervals of train; NaN without coordinates."""
    conflict_N: NDArray[np.bool_]
    """An equal item, in any split, has another label."""
    repeat_N: NDArray[np.bool_]
    """Stood in this split before."""

    @property
    def leaked_N(self) -> NDArray[np.bool_]:
        """Copies on either strand or in any order, and near-duplicates."""
        leaked: NDArray[np.bool_] = (
            np.maximum.reduce(
                [self.copy_of_N, self.reverse_copy_of_N, self.reordered_copy_of_N, self.near_of_N]
            )
            >= 0
        )
        return leaked

    @property
    def clean_N(self) -> NDArray[np.bool_]:
        """Neither leaked, nor of contradicting labels, nor overlapping an interval of train, nor a repeat."""
        return ~(self.leaked_N | self.conflict_N | self.repeat_N | (np.nan_to_num(self.overlap_N) > 0))

    def part(self, start: int, stop: int) -> "ItemMarks":
        """Those of items `start` to `stop`."""
        return ItemMarks(**{name: getattr(self, name)[start:stop] for name in self.__slots__})

    def counts(self) -> dict[str, int]:
        """Items with each mark."""
        marks = {
            "copy": self.copy_of_N >= 0,
            "reverse_copy": self.reverse_copy_of_N >= 0,
            "reordered_copy": self.reordered_copy_of_N >= 0,
            "near_duplicate": self.near_of_N >= 0,
            "shared_stretch": self.stretch_share_N > 0,
            "seen": (self.seen_N > 0) & (self.copy_of_N < 0),
            "overlap": np.nan_to_num(self.overlap_N) > 0,
            "conflict": self.conflict_N,
            "repeat": self.repeat_N,
            "clean": self.clean_N,
        }
        return {name: int(mark.sum()) for name, mark in marks.items()}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AuditRecord:
    """The audit of one data set, as it was at `sha256`."""

    dataset: str
    sha256: str
    task: Task
    alphabet: Alphabet
    settings: Mapping[str, Any]
    """As resolved for this data set, with k and width of stretches."""
    splits: tuple[AuditedSplit, ...]
    findings: tuple[Finding, ...]
    controls: tuple[ControlScore, ...]
    marks: Mapping[SplitName, ItemMarks]
    """Of eval and test."""
    seconds: float
    method: int
    """Of the audit: the same data and settings give other findings where it differs."""

    @property
    def verdict(self) -> Severity:
        """The worst of the findings."""
        found = {finding.severity for finding in self.findings}
        return "red" if "red" in found else "yellow" if "yellow" in found else "green"

    @property
    def marks_sha256(self) -> str:
        """Hash of the data and of which test items are clean, in their order."""
        return sha256(self.sha256.encode() + self.marks["test"].clean_N.tobytes()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanRecord:
    """What a report found when it scored a probe on the clean test items.

    A later record of the same key takes its place.
    """

    dataset: str
    probe_id: int
    marks_sha256: str
    """Of the audit that says which items are clean."""
    n_resamples: int
    n_items: int
    """Test items."""
    n_clean: int
    metrics: tuple[MetricScore, ...]
    """On the clean ones: every metric of the task; None with a reason where it is undefined."""

    @property
    def key(self) -> str:
        """Names exactly what was scored; see `clean_key`."""
        return clean_key(self.probe_id, self.marks_sha256, self.n_resamples)


def clean_key(probe_id: int, marks_sha256: str, n_resamples: int) -> str:
    """Name what is scored on clean items before it is: 32 hexadecimal digits."""
    text = f"{CLEAN_METHOD}|{probe_id}|{marks_sha256}|{n_resamples}"
    return blake2b(text.encode(), digest_size=16).hexdigest()


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value
