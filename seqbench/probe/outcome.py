"""From what a head predicted to the record of the probe: thresholds, scores, health, the kept head.

Shape letters: N items, K outputs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seqbench.catalog.records import PredictionRecord, ProbeRecord, SplitRecord
from seqbench.core.types import SplitName
from seqbench.errors import ProbeError
from seqbench.metrics.letters import score_letters
from seqbench.metrics.results import Scores
from seqbench.metrics.scoring import check_scorable, score_many
from seqbench.metrics.thresholds import choose_thresholds
from seqbench.probe.heads.base import FittedHead, HeadState, Problem
from seqbench.probe.health import Health, diagnose
from seqbench.probe.items import Part
from seqbench.probe.spec import Design, variant_hash
from seqbench.probe.wanted import Wanted
from seqbench.store import Embeddings

Keep = Callable[[Wanted, FittedHead, Problem, Sequence[float] | None], str | None]
"""Keeps the head of a probe, with the thresholds chosen for it, and says where; None: it was not kept."""

Thresholds = tuple[float, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What a training gave on one layer, and the items that its predictions are of."""

    fitted: FittedHead
    parts: Mapping[SplitName, Part]
    """For each split that is predicted."""
    n_train: int
    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """Makes the records of one model on one data set."""

    entry: Embeddings
    problem: Problem
    run_id: str
    keep: Keep | None = None
    """None where heads are not kept."""

    def records(self, probes: Sequence[tuple[Wanted, Trained]]) -> list[ProbeRecord]:
        """Score what came of one training, one probe a layer; what can't be scored has failed."""
        checked = [(probe, self._checked(trained)) for probe, trained in probes]
        sound = [(probe, trained) for probe, trained in checked if trained.fitted.error is None]
        thresholds = [self._thresholds(probe.design, trained) for probe, trained in sound]
        splits = self._score([trained for _, trained in sound], thresholds)
        scored = zip(thresholds, splits, strict=True)
        return [
            self._record(probe, trained, *((None, ()) if trained.fitted.error else next(scored)))
            for probe, trained in checked
        ]

    def _checked(self, trained: Trained) -> Trained:
        """The same, or as failed where predictions can't be scored."""
        if trained.fitted.error is not None:
            return trained
        try:
            for split, part in trained.parts.items():
                check_scorable(self.problem.task, part.targets, trained.fitted.predictions[split])
        except ProbeError as fault:
            return replace(trained, fitted=replace(trained.fitted, error=str(fault)))
        return trained

    def _thresholds(self, design: Design, trained: Trained) -> Thresholds:
        if design.threshold == "fixed":
            return None
        predictions = trained.fitted.predictions["eval"]
        return choose_thresholds(
            self.problem.task, trained.parts["eval"].targets, predictions, design.threshold
        )

    def _score(
        self, sound: Sequence[Trained], thresholds: Sequence[Thresholds]
    ) -> list[tuple[SplitRecord, ...]]:
        """The splits' scores of each layer; all layers together, which is cheaper."""
        splits: list[list[SplitRecord]] = [[] for _ in sound]
        for split, part in sound[0].parts.items() if sound else ():
            predictions = [each.fitted.predictions[split] for each in sound]
            scores = self._scores(part, predictions, thresholds)
            for mine, (metrics, by_class) in zip(splits, scores, strict=True):
                mine.append(
                    SplitRecord(
                        split=split,
                        n_items=len(part) if part.places is None else len(part.places.clusters_S),
                        metrics=tuple(metrics),
                        class_metrics=tuple(by_class),
                    )
                )
        return [tuple(each) for each in splits]

    def _scores(
        self, part: Part, predictions: Sequence[NDArray[np.float32]], thresholds: Sequence[Thresholds]
    ) -> list[Scores]:
        task = self.problem.task
        if part.places is None:
            return score_many(task, part.targets, predictions, thresholds=thresholds)
        return score_letters(task, part.targets, predictions, part.places, thresholds=thresholds)

    def _record(
        self, probe: Wanted, trained: Trained, thresholds: Thresholds, splits: tuple[SplitRecord, ...]
    ) -> ProbeRecord:
        fitted, design, subset = trained.fitted, probe.design, probe.design.subset
        health = self._health(probe, fitted, trained.parts["eval"])
        return ProbeRecord(
            spec_hash=probe.hash,
            run_id=self.run_id,
            model=self.entry.model.name,
            dataset=self.entry.dataset,
            task=self.problem.task,
            layer=probe.layer,
            n_layers=self.entry.model.n_layers,
            head=design.head,
            variant=variant_hash(probe.spec),
            seed=design.seed,
            fold=probe.fold,
            folds=design.folds,
            subset=f"{subset.kind} {subset.amount}" if subset else None,
            repeat=subset.repeat if subset else None,
            control="shuffled-labels" if design.shuffled else None,
            spec={**probe.spec, "chosen": dict(fitted.hyperparameters)},
            status="ok" if fitted.error is None else "failed",
            error=fitted.error,
            seconds=fitted.seconds,
            n_train=trained.n_train,
            n_epochs=fitted.n_epochs,
            chosen_epoch=fitted.chosen_epoch,
            convergence=health.verdict,
            advice=health.advice,
            thresholds=thresholds,
            saved=self._keep(probe, fitted, thresholds),
            parameters=count_parameters(fitted.state),
            device=trained.device,
            splits=splits,
            history=fitted.history,
            predictions=predictions_of(trained.fitted.predictions, trained.parts)
            if fitted.error is None
            else (),
        )

    def _health(self, probe: Wanted, fitted: FittedHead, evaluation: Part) -> Health:
        """Of one training; what stands for all folds together has none of its own."""
        if not probe.has_head:
            return Health(verdict=None, advice=None)
        return diagnose(
            self.problem,
            fitted,
            evaluation.targets,
            head=probe.design.head,
            choose_epoch=probe.design.settings.get("choose_epoch"),
        )

    def _keep(self, probe: Wanted, fitted: FittedHead, thresholds: Thresholds) -> str | None:
        if self.keep is None or fitted.error is not None or not probe.has_head:
            return None
        return self.keep(probe, fitted, self.problem, thresholds)


def predictions_of(
    predictions: Mapping[SplitName, NDArray[np.floating]], parts: Mapping[SplitName, Part]
) -> tuple[PredictionRecord, ...]:
    """What the catalog keeps of predictions; of letters, which are many, only those of test.

    Args:
        predictions: By split.
        parts: By split the items that they are of.
    """
    found = []
    for split, part in parts.items():
        places = part.places
        if places is None or split == "test":
            found.append(
                PredictionRecord(
                    split=split,
                    items=part.rows_N if places is None else places.sequence_M,
                    places=None if places is None else places.place_M,
                    targets=part.targets,
                    scores=predictions[split],
                )
            )
    return tuple(found)


_LEARNED = {
    "linear": ("weights_HK", "biases_K"),
    "mlp": ("weight_", "bias_", "scale_", "shift_"),
}
"""By kind of head, how the names of tensors begin that training changes; scalings don't count."""


def count_parameters(state: HeadState | None) -> int | None:
    """Count the parameters of a head; None where it has none that are comparable, as trees and neighbours."""
    if state is None or state.kind not in _LEARNED:
        return None
    names = _LEARNED[state.kind]
    return sum(int(values.size) for name, values in state.tensors.items() if name.startswith(names))
