"""What a report tells of beside scores: models, data sets and their audits, embeddings and runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from seqbench.catalog.audit_records import Finding
from seqbench.core.types import Severity, SplitName, Task
from seqbench.metrics import METRICS
from seqbench.metrics.names import LETTER_METRICS

CONTROL_KINDS = frozenset({"random-init", "kmer", "onehot", "position", "baseline"})
"""Kinds of models that should know nothing, or composition only; the view `leaderboard` marks the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """A model as it was last used."""

    name: str
    kind: str
    path: str | None
    revision: str | None
    fingerprint: str
    n_layers: int
    hidden: int | None
    dtype: str
    is_composition: bool = False
    """Whether it counts single letters and nothing longer."""

    @property
    def is_control(self) -> bool:
        """Whether it is there to be beaten."""
        return self.kind in CONTROL_KINDS


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedSplit:
    """What is in a split; None where the catalog does not know, as of data recorded by an older version."""

    n_items: int
    label_counts: tuple[int, ...] | None
    """Items of each class, or items that carry each label; None for regression."""
    lengths: tuple[int, int, int, int, int] | None
    """Of sequences in letters: shortest, quartiles, longest."""
    targets: tuple[tuple[float, float, float, float, float], ...] | None
    """Regression: for each target least, quartiles, greatest; None elsewhere."""
    n_unlabelled: int = 0
    n_letters: int = 0
    """Items without a label."""
    missing: tuple[int, ...] | None = None
    """Of lists: how many of the other items lack each label or target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetFacts:
    """A data set as it was last used."""

    name: str
    sha256: str
    task: Task
    n_train: int
    n_eval: int
    n_test: int
    ceiling: Mapping[str, float]
    """Best attainable score by metric; empty where it is not known."""
    task_group: str | None = None
    """Group of data sets it is reported with; None: by its task."""
    alphabet: str | None = None
    n_seqs: int = 1
    """Sequences an item."""
    splits: Mapping[SplitName, ReportedSplit] = field(default_factory=dict)
    """Those that are there, in the order train, eval, test; empty where the catalog does not know."""
    class_names: tuple[str, ...] = ()
    """Names of classes, labels or targets in their order; empty where they have none."""

    def output_name(self, output: int) -> str | None:
        """What a class, label or target is called; None where it has no name."""
        return self.class_names[output] if output < len(self.class_names) else None

    @property
    def group(self) -> str:
        """The name of what it is reported with."""
        return self.task_group or self.task.value

    @property
    def of_letters(self) -> bool:
        """Whether its labels are of letters."""
        return any(split.n_letters for split in self.splits.values())

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that it has: those of its task, and of letters where labels are of these."""
        return (*METRICS[self.task], *(LETTER_METRICS.get(self.task, ()) if self.of_letters else ()))

    def has(self, metric: str) -> bool:
        """Whether it has the metric."""
        return metric in self.metrics


def metrics_of(datasets: Sequence[DatasetFacts]) -> tuple[str, ...]:
    """The metrics that any of some data sets of one task has, in the order of tables."""
    return tuple(dict.fromkeys(metric for dataset in datasets for metric in dataset.metrics))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedEmbedding:
    """What embedding a split by a model took, and how much of it the model saw."""

    model: str
    dataset: str
    split: SplitName
    n_items: int
    tokens: int
    seconds: float
    tokens_per_s: float | None
    bytes: int
    coverage_mean: float | None
    """Share of a sequence that the model saw, mean over items; None where unknown (imported)."""
    coverage_min: float | None
    device: str
    dtype: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """A command that made some of the results."""

    run_id: str
    command: str
    status: str
    started_at: datetime
    """UTC, without a time zone."""
    finished_at: datetime | None
    device: str
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditControl:
    """A linear head that an audit gave something that should not be enough."""

    control: str
    knows: str
    """What it was given, in words."""
    judged: str
    """The metric that it is judged by."""
    value: float | None
    """Of that metric on test; None where it is undefined or nothing was trained."""
    low: float | None
    """Lower end of its bootstrap interval."""
    high: float | None
    way: float | None
    """How far from chance to perfect it came."""
    certain: bool
    """Whether the interval leaves out chance."""
    reason: str | None
    """Why it was not trained."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSplit:
    """How many items of a split have which mark."""

    split: SplitName
    n_items: int
    marks: Mapping[str, int]
    """By mark; eval and test have `clean` among others, train `repeat` and `conflict` only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetAudit:
    """What `seqbench datasets audit` found in a data set."""

    dataset: str
    is_current: bool
    """Whether it is of the data as they were last used; else they have changed since."""
    verdict: Severity
    """The worst of the findings."""
    recorded_at: datetime
    """UTC, without a time zone."""
    findings: tuple[Finding, ...]
    """In the order of the checks."""
    splits: tuple[AuditSplit, ...]
    """In the order train, eval, test."""
    controls: tuple[AuditControl, ...]
