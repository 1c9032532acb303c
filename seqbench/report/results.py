"""What a report is made from: plain records of what the catalog holds of the wanted models and data sets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from seqbench.metrics import METRICS
from seqbench.vocabulary import Task

CONTROL_KINDS = frozenset({"random-init", "kmer", "onehot"})
"""Kinds of models that should know nothing, or composition only; the view `leaderboard` marks the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What the report is about, in the order in which it is shown."""

    models: tuple[str, ...]
    datasets: tuple[str, ...]
    heads: tuple[str, ...]
    variants: tuple[str, ...] = ()
    """Variants of the config's own probes, which go before those recorded later; see `probes.variant`."""


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

    @property
    def is_control(self) -> bool:
        """Whether it is there to be beaten."""
        return self.kind in CONTROL_KINDS


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

    def has(self, metric: str) -> bool:
        """Whether its task has the metric."""
        return metric in METRICS[self.task]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A metric on test: the mean over seeds, and the mean ends of the bootstrap intervals over items."""

    value: float | None
    low: float | None
    high: float | None
    n_probes: int
    """Probes in the mean."""


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
class Results:
    """Everything that the report shows; models and data sets in the order of the selection."""

    selection: Selection
    models: tuple[ModelFacts, ...]
    datasets: tuple[DatasetFacts, ...]
    """Without those that the catalog doesn't know."""
    curves: Mapping[tuple[str, str, str], Curve]
    """By data set, model and head."""
    failed: tuple[Failure, ...] = ()
    missing: tuple[Place, ...] = ()
    runs: tuple[RunFacts, ...] = field(default=())

    def curve(self, dataset: str, model: str, head: str) -> Curve | None:
        """The results of a head on a model and a data set, None where there are none."""
        return self.curves.get((dataset, model, head))
