"""What a report is made from: plain records of what the catalog holds of the wanted models and data sets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from seqbench.catalog.audit_records import Finding
from seqbench.core.types import Severity, SplitName, Task
from seqbench.metrics import METRICS, PRIMARY
from seqbench.report.studies import Study

CONTROL_KINDS = frozenset({"random-init", "kmer", "onehot", "baseline"})
"""Kinds of models that should know nothing, or composition only; the view `leaderboard` marks the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What the report is about, in the order in which it is shown."""

    models: tuple[str, ...]
    datasets: tuple[str, ...]
    heads: tuple[str, ...]
    heads_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By data set, the heads that are trained on it, where they are not all of `heads`."""
    models_of: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    """By data set and head, the models whose results are to be expected, where not all are."""
    trained: tuple[str, ...] = ()
    """`lora` and `full` where results of models that were trained so are shown; no part of `heads`, which
    read frozen models."""
    variants: tuple[str, ...] = ()
    """Variants of the config's own probes, which go before those recorded later; see `probes.variant`."""
    metric: str | None = None
    """What layers, heads and models are ranked by; None for the primary metric of each data set's task. Data
    sets whose task lacks it have no place in the leaderboard."""
    since: datetime | None = None
    """Only probes recorded at this time (UTC, without a time zone) or later; None for all."""

    @property
    def all_heads(self) -> tuple[str, ...]:
        """Heads on frozen models, then those that were trained with their model."""
        return (*self.heads, *self.trained)

    def heads_on(self, dataset: str) -> tuple[str, ...]:
        """The heads whose results are to be expected on a data set."""
        return self.heads_of.get(dataset, self.heads)

    def models_on(self, dataset: str, head: str) -> tuple[str, ...]:
        """The models whose results are to be expected of a head on a data set."""
        return self.models_of.get((dataset, head), self.models)

    @property
    def n_places(self) -> int:
        """Combinations of model, data set and head that are to be expected."""
        heads = ((dataset, head) for dataset in self.datasets for head in self.heads_on(dataset))
        return sum(len(self.models_on(dataset, head)) for dataset, head in heads)


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
class SplitFacts:
    """What is in a split; None where the catalog does not know, as of data recorded by an older version."""

    n_items: int
    label_counts: tuple[int, ...] | None
    """Items of each class, or items that carry each label; None for regression."""
    lengths: tuple[int, int, int, int, int] | None
    """Of sequences in letters: shortest, quartiles, longest."""
    targets: tuple[tuple[float, float, float, float, float], ...] | None
    """Regression: for each target least, quartiles, greatest; None elsewhere."""
    n_unlabelled: int = 0
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
    splits: Mapping[SplitName, SplitFacts] = field(default_factory=dict)
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

    def has(self, metric: str) -> bool:
        """Whether its task has the metric."""
        return metric in METRICS[self.task]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A metric on test: the mean over seeds, and the mean ends of the intervals over items.

    There is an interval where every seed has one.
    """

    value: float | None
    low: float | None
    high: float | None
    n_probes: int
    """Probes in the mean."""
    reason: str | None = None
    """Why there is no interval, or no value."""


UNKNOWN = Score(value=None, low=None, high=None, n_probes=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The layer chosen on eval by a metric, and the oracle: the layer that is best on test."""

    metric: str
    layer: int
    eval_score: float | None
    test: Score
    oracle_layer: int | None
    oracle_score: float | None
    gap: float | None
    """How much better the oracle is; never negative."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputScore:
    """A metric of one class, label or target on test, the mean over seeds."""

    model: str
    dataset: str
    head: str
    layer: int
    """The one chosen on eval by the data set's ranking metric."""
    output: int
    """Index of the class, label or target."""
    metric: str
    value: float | None
    support: int
    """Items of the class, items that carry the label, or all items of a target."""
    n_probes: int
    """Probes in the mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One head on all layers of one model on one data set."""

    model: str
    dataset: str
    head: str
    n_layers: int
    """Of the model, counting layer 0."""
    test: Mapping[tuple[int, str], Score]
    """By layer and metric."""
    choices: Mapping[str, Choice]
    """By metric."""

    def at(self, layer: int, metric: str) -> Score:
        """The score of a layer, without numbers where there is none."""
        return self.test.get((layer, metric), UNKNOWN)

    def layers(self) -> tuple[int, ...]:
        """The layers that were probed, ascending."""
        return tuple(sorted({layer for layer, _ in self.test}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What the catalog lacks: a head on a model and a data set."""

    model: str
    dataset: str
    head: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Probes of a head on a model and a data set that failed for one reason."""

    model: str
    dataset: str
    head: str
    layers: tuple[int, ...]
    seeds: tuple[int, ...]
    n_probes: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingFacts:
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
class EpochFacts:
    """One point of a learning curve; None where it was not measured."""

    epoch: int
    train_loss: float | None
    eval_loss: float | None
    eval_score: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningCurve:
    """How the head of the layer that was chosen by the ranking metric was trained.

    Of several seeds it is that of the lowest, of a cross-validation that of its first fold.
    """

    model: str
    dataset: str
    head: str
    layer: int
    seed: int
    chosen_epoch: int | None
    verdict: str | None
    """`converged`, `still improving`, `overfitting`, `unstable`, `degenerate`; None where there is none."""
    advice: str | None
    points: tuple[EpochFacts, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EfficiencyPoint:
    """A score on test after training on a part of train; the layer was chosen on eval for this part."""

    subset: str
    """`few-shot 5`, `size 100`, or `all`."""
    n_train: int
    layer: int
    value: float | None
    """Mean over seeds and draws."""
    std: float | None
    n_probes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EfficiencyCurve:
    """Score against the number of training items."""

    model: str
    dataset: str
    head: str
    metric: str
    points: tuple[EfficiencyPoint, ...]
    """By `n_train`, ascending; at least two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selectivity:
    """How much better the chosen layer is on test than the same probe trained on shuffled labels."""

    model: str
    dataset: str
    head: str
    layer: int
    metric: str
    score: float
    control_score: float
    selectivity: float
    """Positive where the real labels did better, whichever way the metric goes."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Everything that the report shows; models and data sets in the order of the selection."""

    selection: Selection
    models: tuple[ModelFacts, ...]
    datasets: tuple[DatasetFacts, ...]
    """Without those that the catalog doesn't know."""
    curves: Mapping[tuple[str, str, str], Curve]
    """By data set, model and head; of frozen models."""
    trained: Mapping[tuple[str, str, str], Curve] = field(default_factory=dict)
    """The same of models that were trained, whose head (`lora`, `full`) reads one layer."""
    failed: tuple[Failure, ...] = ()
    missing: tuple[Place, ...] = ()
    runs: tuple[RunFacts, ...] = ()
    embeddings: tuple[EmbeddingFacts, ...] = ()
    learning: tuple[LearningCurve, ...] = ()
    efficiency: tuple[EfficiencyCurve, ...] = ()
    selectivity: tuple[Selectivity, ...] = ()
    verdicts: Mapping[tuple[str, str, str], Mapping[str, int]] = field(default_factory=dict)
    """By data set, model and head: how many probes have which verdict on their training."""
    outputs: tuple[OutputScore, ...] = ()
    audits: tuple[DatasetAudit, ...] = ()
    """At most one a data set, in their order: that of the data as last used, else the newest there is."""
    studies: tuple[Study, ...] = ()
    """Searches over settings, the last of each data set, model and way."""

    def metric_of(self, dataset: DatasetFacts) -> str | None:
        """What the data set is ranked by, None where its task lacks the wanted metric."""
        wanted = self.selection.metric or PRIMARY[dataset.task]
        return wanted if dataset.has(wanted) else None

    def curve(self, dataset: str, model: str, head: str) -> Curve | None:
        """The results of a head on a frozen model and a data set, None where there are none."""
        return self.curves.get((dataset, model, head))

    def any_curve(self, key: tuple[str, str, str]) -> Curve | None:
        """The results of a data set, model and head, whether the model is frozen or was trained."""
        return self.curves.get(key) or self.trained.get(key)
