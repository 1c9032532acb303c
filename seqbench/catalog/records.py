"""What the other packages hand to the catalog: one frozen record a row, arrays for what is bulky.

Shape letters: N items of a split, K outputs (classes, labels or targets).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from seqbench.catalog.audit_records import AuditRecord, CleanRecord
from seqbench.catalog.likelihood_records import LikelihoodRecord
from seqbench.catalog.training_records import TrainingRecord
from seqbench.catalog.trial_records import TrialRecord
from seqbench.core.texts import PackedTexts
from seqbench.core.types import SplitName, Task
from seqbench.metrics import ClassScore, MetricScore

RunStatus = Literal["running", "done", "failed", "interrupted"]
ProbeStatus = Literal["ok", "failed"]
ComparisonKind = Literal["models", "layers", "heads"]

COMPARISON_METHOD = 1
"""Raised when comparing the same probes gives other numbers than before; older comparisons are made anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A command that writes to the catalog; appended at its start and, with the same id, again at its end."""

    run_id: str
    command: str
    """`extract`, `probe` or `run`."""
    status: RunStatus
    config: Mapping[str, object]
    """The config in full, as JSON can hold it, without secrets: see `seqbench.core.redaction`."""
    versions: Mapping[str, str]
    host: str
    device: str
    started_at: datetime
    """With a time zone; stored as UTC."""
    finished_at: datetime | None
    """None while it runs."""
    pid: int | None = None
    """Of its process on the host; None where nobody asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRecord:
    """A model as it was used; a later record of the name takes its place."""

    model: str
    kind: str
    path: str | None
    """Directory or hub id; None where nothing is loaded."""
    revision: str | None
    fingerprint: str
    n_layers: int
    """Counting layer 0: blocks + 1."""
    hidden: int | None
    """None where it depends on the data set, as for one-hot."""
    dtype: str
    settings: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitContents:
    """What is in a split of a data set; None where that is not known."""

    n_items: int
    label_counts: tuple[int, ...] | None
    """Items of each class, or items that carry each label; None for regression."""
    lengths: tuple[int, int, int, int, int] | None
    """Of all sequences in letters: shortest, quartiles (lengths that occur), longest; None where only the
    embeddings were seen (imported)."""
    targets: tuple[tuple[float, float, float, float, float], ...] | None
    """Regression: for each target least, quartiles (interpolated), greatest; None elsewhere."""
    n_unlabelled: int = 0
    """Items without a label, which count in no score."""
    missing: tuple[int, ...] | None = None
    """Of lists: how many items that have a label lack each label or target; None where none is missing."""
    n_letters: int = 0
    """Where labels are of letters: those that have one, which all of the above but `n_unlabelled` are of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetRecord:
    """A data set as it was used; a later record of the name takes its place."""

    dataset: str
    sha256: str
    task: Task
    n_seqs: int
    n_classes: int | None
    """None unless the task is classification."""
    n_targets: int | None
    """Labels or targets; None where the task is classification."""
    n_items: Mapping[SplitName, int]
    """Items a split; a split that is not there counts 0."""
    alphabet: str | None
    task_group: str | None
    ceiling: Mapping[str, float] | None
    """Best attainable score by metric, where it is known."""
    splits: Mapping[SplitName, SplitContents] | None = None
    """In the order train, eval, test; None where nobody looked."""
    class_names: tuple[str, ...] | None = None
    """Names of the outputs (classes, labels or targets) in their order; None where they have none."""
    ids: Mapping[SplitName, PackedTexts] | None = None
    """The items' own ids, empty for one without; a split whose items have none is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRecord:
    """What is known of one stored layer of a split."""

    layer: int
    strand_consistency: float | None
    """Mean cosine between the embeddings of both strands; None where one strand was embedded."""
    rounding_error: float | None
    """Mean over blocks of the largest error of storing as float16; None where float32 is stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingRecord:
    """A split that is complete in the store; a later record of model, data set and split takes its place."""

    model: str
    dataset: str
    split: SplitName
    n_items: int
    tokens: int
    seconds: float
    """0 where nothing was computed (imported); tokens/s is then NULL."""
    bytes: int
    coverage_mean: float | None
    """Share of each sequence that the model saw; None where unknown (imported)."""
    coverage_min: float | None
    device: str
    dtype: str
    settings: Mapping[str, object]
    layers: tuple[LayerRecord, ...] = ()
    """One a complete layer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitRecord:
    """How a probe did on one split."""

    split: SplitName
    n_items: int
    metrics: tuple[MetricScore, ...]
    class_metrics: tuple[ClassScore, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRecord:
    """One point of a learning curve; None where it was not measured."""

    epoch: int
    """From 1."""
    train_loss: float | None
    eval_loss: float | None
    eval_score: float | None
    """The task's primary metric on eval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionRecord:
    """A probe's scores of the items of one split.

    `items` (N,) are rows of the split (of train, where eval was held out from it); `scores` (N, K)
    probabilities or predicted values, stored as float32; `targets` are (N,) class indices for classification,
    else (N, K) 0/1 or true values.
    """

    split: SplitName
    items: NDArray[np.integer]
    targets: NDArray[np.generic]
    scores: NDArray[np.floating]
    places: NDArray[np.integer] | None = None
    """Where labels are of letters, the letter's place in the sequence of the item, from 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectsRecord:
    """What a head of responses predicts of perturbations of test, and what their cells show."""

    perturbations: tuple[str, ...]
    genes: tuple[str, ...]
    predicted_PG: NDArray[np.floating]
    """Changes of mean expression from the controls, the mean over contexts."""
    real_PG: NDArray[np.floating]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeRecord:
    """A probe that was trained, or that failed and says why."""

    spec_hash: str
    """Hash of everything the result depends on."""
    run_id: str
    model: str
    dataset: str
    task: Task
    layer: int
    n_layers: int
    """Of the model, counting layer 0."""
    head: str
    variant: str
    """Names the rest of the spec: the head's settings, the weights' fingerprint, the data's hash.

    Views average over seeds and folds of one variant, never across two.
    """
    seed: int
    fold: int | None
    spec: Mapping[str, object]
    """What the result depends on, and what was chosen on eval besides the epoch, as JSON can hold it."""
    status: ProbeStatus
    error: str | None
    """Why it failed, None where it is ok."""
    seconds: float
    n_train: int
    n_epochs: int | None
    chosen_epoch: int | None
    convergence: str | None
    """Verdict on the training; None where the question does not arise."""
    advice: str | None
    """What to change, in one sentence; None where there is nothing to."""
    device: str
    folds: int | None = None
    """Folds of the cross-validation that it belongs to. Where `fold` is None it stands for all folds: its
    eval (or train) predictions are out of fold, those of test the mean over the folds."""
    subset: str | None = None
    """`few-shot 5`, `size 100` or `size 0.1`: the part of train it was trained on; None for all."""
    repeat: int | None = None
    """Number of the draw of the subset, from 0."""
    control: str | None = None
    """`shuffled-labels`; None for a probe that counts."""
    thresholds: tuple[float, ...] | None = None
    """From where on a probability is a yes: one for two classes, one a label; None elsewhere."""
    saved: str | None = None
    """File of the trained head, relative to `probe.save_heads`; None where none was kept."""
    parameters: int | None = None
    """Numbers that training changed: of the head, or of encoder and head where both were trained; None where
    that says nothing (trees, neighbours, all folds together)."""
    splits: tuple[SplitRecord, ...] = ()
    history: tuple[EpochRecord, ...] = ()
    predictions: tuple[PredictionRecord, ...] = ()
    effects: EffectsRecord | None = None
    """Of responses of cells; None of all other tasks."""

    @property
    def probe_id(self) -> int:
        """Its key in the catalog: 63 bits of the spec's hash, so that catalogs can be merged."""
        return int.from_bytes(blake2b(self.spec_hash.encode(), digest_size=8).digest(), "big") >> 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedSide:
    """One of two that were compared: a head on a layer of a model, its seeds averaged."""

    model: str
    head: str
    variant: str
    layer: int
    probes: tuple[int, ...]
    """Ids of the probes that are averaged (those that `layer_scores` averages), ascending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRecord:
    """What a report found when it compared two sides on the same test items; None where it is undefined.

    A later record of the same key takes its place.
    """

    kind: ComparisonKind
    """`layers`: two layers of one model and head, of which `a` is the one that was chosen on eval. `models`:
    two models, or one model (`a`) and the same probes trained on shuffled labels, another variant. `heads`:
    one model trained in the way of `a`, and read frozen or trained in another way (`b`)."""
    dataset: str
    metric: str
    a: ComparedSide
    b: ComparedSide
    n_items: int
    n_resamples: int
    difference: float | None
    """How much better `a` is than `b` on test: positive where a is, whichever way the metric goes."""
    low: float | None
    """Lower end of the 95 % interval of the difference."""
    high: float | None
    p: float | None
    """Two-sided, not corrected for the number of pairs."""

    @property
    def key(self) -> str:
        """Names exactly what was compared; see `comparison_key`."""
        return comparison_key(self.metric, self.a.probes, self.b.probes, self.n_resamples)


def comparison_key(metric: str, a: Iterable[int], b: Iterable[int], n_resamples: int) -> str:
    """Name a comparison before it is made: 32 hexadecimal digits.

    Ids of probes follow from all that their predictions depend on, so equal keys mean equal results.

    Args:
        metric: What the sides are compared by.
        a: Ids of the probes of one side, in any order.
        b: Those of the other; exchanging the sides gives another key.
        n_resamples: Resamples of the bootstrap.
    """
    text = f"{COMPARISON_METHOD}|{metric}|{n_resamples}|{sorted(map(int, a))}|{sorted(map(int, b))}"
    return blake2b(text.encode(), digest_size=16).hexdigest()


Record = (
    RunRecord
    | ModelRecord
    | DatasetRecord
    | EmbeddingRecord
    | ProbeRecord
    | ComparisonRecord
    | AuditRecord
    | CleanRecord
    | TrainingRecord
    | TrialRecord
    | LikelihoodRecord
)
"""Anything that `Catalog.append` takes."""


def array_bytes(record: Record) -> int:
    """Bytes of what is bulky in a record: its predictions and effects."""
    if isinstance(record, ProbeRecord):
        effects = 0 if record.effects is None else record.effects.predicted_PG.nbytes
        return effects + sum(part.scores.nbytes for part in record.predictions)
    return 0
