"""What a report is made from: plain records of what the catalog holds of the wanted models and data sets."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from seqbench.metrics import PRIMARY
from seqbench.report.bits import CorpusBits
from seqbench.report.selection import Selection
from seqbench.report.studies import Study
from seqbench.report.subjects import DatasetAudit, DatasetFacts, ModelFacts, ReportedEmbedding, RunFacts


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
class MissingPlace:
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
class PredictedEffects:
    """Predicted and real change of genes under a held-out perturbation, by the head of the chosen layer."""

    dataset: str
    model: str
    head: str
    layer: int
    perturbation: str
    predicted: tuple[float, ...]
    """Of mean expression from the controls, by gene."""
    real: tuple[float, ...]


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
    missing: tuple[MissingPlace, ...] = ()
    runs: tuple[RunFacts, ...] = ()
    embeddings: tuple[ReportedEmbedding, ...] = ()
    learning: tuple[LearningCurve, ...] = ()
    effects: tuple[PredictedEffects, ...] = ()
    """Of responses of cells."""
    efficiency: tuple[EfficiencyCurve, ...] = ()
    selectivity: tuple[Selectivity, ...] = ()
    verdicts: Mapping[tuple[str, str, str], Mapping[str, int]] = field(default_factory=dict)
    """By data set, model and head: how many probes have which verdict on their training."""
    outputs: tuple[OutputScore, ...] = ()
    audits: tuple[DatasetAudit, ...] = ()
    """At most one a data set, in their order: that of the data as last used, else the newest there is."""
    studies: tuple[Study, ...] = ()
    """Searches over settings, the last of each data set, model and way."""
    bits: tuple[CorpusBits, ...] = ()
    """Bits a letter of adapted models and their bases, by corpus, watched ones last."""

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
