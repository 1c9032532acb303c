"""Training and scoring one contender: its heads, seed by seed, as records of the catalog."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqbench.catalog.records import (
    DatasetRecord,
    EffectsRecord,
    EpochRecord,
    PredictionRecord,
    ProbeRecord,
    SplitRecord,
)
from seqbench.config.perturb import PerturbConfig, ResponseHead
from seqbench.core.progress import Advance
from seqbench.core.types import SplitName, Task
from seqbench.errors import SeqbenchError
from seqbench.metrics import score
from seqbench.metrics.names import METRICS
from seqbench.perturb import baselines
from seqbench.perturb.baselines import Response
from seqbench.perturb.evaluation import Scores
from seqbench.perturb.expected import WITHOUT_FEATURES
from seqbench.perturb.experiment import Experiment
from seqbench.perturb.features import GeneFeatures
from seqbench.perturb.predictions import write_predictions
from seqbench.perturb.shown import shown_effects
from seqbench.probe.spec import spec_hash, variant_hash

if TYPE_CHECKING:
    from seqbench.training.checkpoint import Checkpoint

VERSION = 1
"""Raised when the same settings give other numbers than before."""
BLIND: Mapping[str, Callable[[Any], Response]] = {
    "control_mean": baselines.control_mean,
    "perturbation_mean": baselines.perturbation_mean,
    "context_mean": baselines.context_mean,
    "additive": baselines.additive,
}
"""Heads that take no features."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One set of vectors, as it is known before they are at hand; by default none."""

    model: str = WITHOUT_FEATURES
    """As the catalog calls it."""
    fingerprint: str | None = None
    layer: int = 0
    n_layers: int = 1
    place: int | None = None
    """Which entry of `perturb.features`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseDesign:
    """One head of one contender with one seed on one file of cells."""

    dataset: str
    digest: str
    """Of the cells, how they are read, and what is held out."""
    left_out: tuple[str, ...]
    contender: Contender
    head: ResponseHead
    seed: int
    settings: Mapping[str, Any]
    """Of `st`; empty for other heads."""

    @property
    def file_name(self) -> str:
        """Of its predicted cells."""
        return f"{self.dataset}-{self.contender.model}-{self.contender.layer}-{self.head}-{self.seed}.h5ad"

    @property
    def spec(self) -> dict[str, Any]:
        """Everything that the result depends on."""
        return {
            "stage": "perturb",
            "version": VERSION,
            "data": self.digest,
            "dataset": self.dataset,
            "model": self.contender.model,
            "fingerprint": self.contender.fingerprint,
            "layer": self.contender.layer,
            "head": self.head,
            "settings": dict(self.settings),
            "seed": self.seed,
            "left_out": list(self.left_out),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Where heads are trained, and who is told of it; none of it changes a result."""

    run_id: str
    checkpoints: Path
    """Folder for the states of unfinished trainings."""
    advance: Advance
    """Told of heads."""
    note: Callable[[str], None]


def heads_of(config: PerturbConfig, contender: Contender) -> list[tuple[ResponseHead, int]]:
    """Heads and seeds of a contender; what does not depend on a seed has the first one."""
    wanted = [head for head in config.heads if (head in BLIND) == (contender.place is None)]
    return [(head, seed) for head in wanted for seed in (config.seeds if head == "st" else config.seeds[:1])]


def run_design(
    experiment: Experiment,
    config: PerturbConfig,
    design: ResponseDesign,
    features: GeneFeatures | None,
    around: Surroundings,
) -> ProbeRecord:
    """Train a head and score it on eval and test; a failure is a record that says why."""
    began = time.perf_counter()
    try:
        response = _fitted(experiment, config, design, features, around)
        parts = [
            _scored(split, experiment.evaluation.scores(response, split))
            for split in ("eval", "test")
            if experiment.effects.pairs(split)
        ]
        if config.out is not None:
            write_predictions(config.out / design.file_name, experiment, response)
        effects = shown_effects(experiment.effects, response)
    except SeqbenchError as error:
        return _record(experiment, design, around.run_id, began, error=str(error))
    return _record(experiment, design, around.run_id, began, response=response, parts=parts, effects=effects)


def _fitted(
    experiment: Experiment,
    config: PerturbConfig,
    design: ResponseDesign,
    features: GeneFeatures | None,
    around: Surroundings,
) -> Response:
    if features is not None and design.head == "st":
        return _fitted_network(experiment, config, design, features, around)
    around.advance(1.0)
    if features is None:
        return BLIND[design.head](experiment.effects)
    if design.head == "nearest":
        return baselines.nearest(experiment.effects, features)
    return baselines.ridge(experiment.effects, features, seed=design.seed)


def _fitted_network(
    experiment: Experiment,
    config: PerturbConfig,
    design: ResponseDesign,
    features: GeneFeatures,
    around: Surroundings,
) -> Response:
    import torch

    from seqbench.perturb.sets import SetSource
    from seqbench.perturb.state_transition import fit_state_transition

    source = SetSource(
        effects=experiment.effects,
        features=features,
        batch=experiment.cells.batch,
        embedding=experiment.embedding,
        set_size=config.st.set_size,
        seed=design.seed,
    )
    return fit_state_transition(
        source,
        config.st,
        checkpoint=_checkpoint(config, design, around) if config.st.checkpoint_steps else None,
        device=torch.device("cuda" if torch.cuda.is_available() else "cpu"),
        advance=around.advance,
        note=around.note,
    )


def _checkpoint(config: PerturbConfig, design: ResponseDesign, around: Surroundings) -> "Checkpoint":
    """Where the state is kept: a training of more steps is the same one, and goes on from it.

    Unless the learning rate follows the number of steps.
    """
    from seqbench.training.checkpoint import Checkpoint, fingerprint

    free = {"steps"} if config.st.decay == "constant" and not config.st.warmup else set()
    settings = {key: value for key, value in design.settings.items() if key not in free}
    name = spec_hash({**design.spec, "settings": settings})
    return Checkpoint(
        path=around.checkpoints / f"st-{name[:24]}",
        fingerprint=fingerprint(name),
        way_out="make room there, or set perturb.st.checkpoint_steps to null",
    )


def _scored(split: SplitName, scores: Scores) -> tuple[SplitRecord, PredictionRecord]:
    values_PQ = scores.values_PQ.astype(np.float32)
    targets_PQ = np.zeros_like(values_PQ)
    metrics, by_class = score(Task.PERTURBATION, targets_PQ, values_PQ)
    record = SplitRecord(
        split=split, n_items=len(values_PQ), metrics=tuple(metrics), class_metrics=tuple(by_class)
    )
    # The catalog takes NaN for a gap, and a probe with gaps is left out of comparisons.
    stored_PQ: NDArray[np.float32] = np.where(np.isnan(values_PQ), np.inf, values_PQ).astype(np.float32)
    items = np.arange(len(values_PQ))
    return record, PredictionRecord(split=split, items=items, targets=targets_PQ, scores=stored_PQ)


def _record(
    experiment: Experiment,
    design: ResponseDesign,
    run_id: str,
    began: float,
    *,
    response: Response | None = None,
    parts: Sequence[tuple[SplitRecord, PredictionRecord]] = (),
    effects: EffectsRecord | None = None,
    error: str | None = None,
) -> ProbeRecord:
    spec, contender = design.spec, design.contender
    history: tuple[EpochRecord, ...] = getattr(response, "history", ())
    chosen = dict(response.hyperparameters) if response is not None else {}
    return ProbeRecord(
        spec_hash=spec_hash(spec),
        run_id=run_id,
        model=contender.model,
        dataset=design.dataset,
        task=Task.PERTURBATION,
        layer=contender.layer,
        n_layers=contender.n_layers,
        head=design.head,
        variant=variant_hash(spec),
        seed=design.seed,
        fold=None,
        spec={**spec, "chosen": chosen},
        status="ok" if error is None else "failed",
        error=error,
        seconds=time.perf_counter() - began,
        n_train=len(experiment.effects.pairs("train")),
        n_epochs=len(history) or None,
        chosen_epoch=getattr(response, "chosen", None),
        convergence=getattr(response, "convergence", None),
        advice=getattr(response, "advice", None),
        device="cpu" if design.head != "st" else _device(),
        splits=tuple(split for split, _ in parts),
        history=history,
        predictions=tuple(prediction for _, prediction in parts),
        effects=effects,
        parameters=None if "parameters" not in chosen else int(chosen["parameters"]),
    )


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def dataset_record(experiment: Experiment) -> DatasetRecord:
    """The cells as a data set of the catalog: items are perturbations, outputs metrics; with the ceiling."""
    ceiling = _means(experiment.evaluation.ceiling("test"))
    counts = {
        split: len(experiment.effects.roles.perturbations(split)) for split in ("train", "eval", "test")
    }
    return DatasetRecord(
        dataset=experiment.settings.name,
        sha256=experiment.digest,
        task=Task.PERTURBATION,
        n_seqs=1,
        n_classes=None,
        n_targets=len(METRICS[Task.PERTURBATION]),
        n_items=counts,  # type: ignore[arg-type]
        alphabet=None,
        task_group=None,
        ceiling=ceiling,
        class_names=METRICS[Task.PERTURBATION],
    )


def _means(scores: Scores) -> dict[str, float]:
    found = {}
    for name, values_P in zip(METRICS[Task.PERTURBATION], scores.values_PQ.T, strict=True):
        known = values_P[~np.isnan(values_P)]
        if len(known):
            found[name] = float(known.mean())
    return found
