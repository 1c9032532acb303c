"""From the predictions of a fine-tuned network to records of the catalog: one probe a target.

Shape letters: O outputs of all targets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqbench.catalog.records import EpochRecord, PredictionRecord, ProbeRecord, SplitRecord
from seqbench.core.types import SplitName, Task
from seqbench.errors import ProbeError
from seqbench.finetune.design import FinetuneDesign
from seqbench.finetune.problem import Target
from seqbench.finetune.scored import KnownPart, Scored, part_of, scores_of
from seqbench.metrics.scoring import check_scorable
from seqbench.metrics.thresholds import choose_thresholds
from seqbench.probe.health import is_degenerate
from seqbench.probe.spec import spec_hash, variant_hash
from seqbench.training.health import Convergence, judge_curve

ADVICE: dict[Convergence, str] = {
    "degenerate": "predictions are the same for all items: raise finetune.lr or finetune.head_lr",
    "diverged": "the loss became infinite or NaN: lower finetune.lr, or set finetune.clip: 1.0",
    "unstable": "the eval loss jumps up and down: lower finetune.lr, or raise finetune.accumulate",
    "overfitting": "the eval loss rises again (the best point was kept): set finetune.patience, or raise "
    "finetune.dropout or finetune.weight_decay",
    "still improving": "the eval loss was still falling at the end: raise finetune.epochs or finetune.lr",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """How one target is predicted, by the split that scores go under."""

    parts: Mapping[SplitName, KnownPart]
    error: str | None
    """Why it can't be scored; then there are no thresholds and scores."""
    thresholds: tuple[float, ...] | None
    splits: tuple[SplitRecord, ...]


def judged(targets: Sequence[Target], scored: Mapping[SplitName, Scored], threshold: str) -> list[Judged]:
    """Score each target on each split.

    Args:
        targets: Whose outputs stand side by side in the predictions.
        scored: By the split that scores go under; thresholds are chosen on eval.
        threshold: As in the config.
    """
    found, first = [], 0
    for target in targets:
        outputs = slice(first, first + target.n_outputs)
        first += target.n_outputs
        parts = {
            split: part_of(target, each.source, each.rows_R, each.predictions_RO[:, outputs])
            for split, each in scored.items()
        }
        error, thresholds, splits = _scores(target, parts, threshold)
        found.append(Judged(parts=parts, error=error, thresholds=thresholds, splits=splits))
    return found


def records_of(
    design: FinetuneDesign,
    targets: Sequence[Target],
    specs: Sequence[Mapping[str, Any]],
    found: Sequence[Judged],
    *,
    n_layers: int,
    run_id: str,
    history: tuple[EpochRecord, ...] = (),
    chosen: int | None = None,
    n_points: int | None = None,
    n_train: int,
    seconds: float,
    device: str,
) -> list[ProbeRecord]:
    """A record for each target; one that can't be scored is recorded as failed.

    Args:
        design: What was trained.
        targets: What is predicted.
        specs: Of each, see `design.specs_of`.
        found: How each is predicted.
        n_layers: Of the model, layer 0 included; the head reads the last.
        run_id: The run.
        history: The learning curve.
        chosen: Point that predicts.
        n_points: Of the curve in all; None where there is no training of its own, as of all folds together.
        n_train: Items that were learned from, or letters.
        seconds: Of the training.
        device: `cpu` or `cuda`.
    """
    records = []
    for target, spec, each in zip(targets, specs, found, strict=True):
        verdict = None
        if each.error is None and n_points is not None:
            verdict = _verdict(target, each.parts["eval"], history, n_points)
        records.append(
            ProbeRecord(
                **_named(design, spec),
                task=target.task,
                layer=n_layers - 1,
                n_layers=n_layers,
                run_id=run_id,
                status="failed" if each.error else "ok",
                error=each.error,
                seconds=seconds / len(targets),
                n_train=n_train,
                n_epochs=n_points,
                chosen_epoch=chosen,
                convergence=verdict,
                advice=None if verdict is None else ADVICE.get(verdict),
                device=device,
                thresholds=each.thresholds,
                splits=each.splits,
                history=history,
                predictions=() if each.error else _kept(each.parts),
            )
        )
    return records


def _named(design: FinetuneDesign, spec: Mapping[str, Any]) -> dict[str, Any]:
    """What a record is found by."""
    subset = design.subset
    return {
        "spec_hash": spec_hash(spec),
        "spec": dict(spec),
        "variant": variant_hash(spec),
        "model": design.model,
        "dataset": str(spec["dataset"]),
        "head": design.encoder,
        "seed": design.seed,
        "fold": design.fold,
        "folds": design.folds,
        "subset": f"{subset.kind} {subset.amount}" if subset else None,
        "repeat": subset.repeat if subset else None,
    }


def failed_records(
    design: FinetuneDesign, specs: Sequence[Mapping[str, Any]], error: str, *, n_layers: int, run_id: str
) -> list[ProbeRecord]:
    """One a target, of a training that failed: others go on, and it is tried again next time."""
    return [
        ProbeRecord(
            **_named(design, spec),
            task=Task(spec["task"]),
            layer=n_layers - 1,
            n_layers=n_layers,
            run_id=run_id,
            status="failed",
            error=error,
            seconds=0.0,
            n_train=0,
            n_epochs=None,
            chosen_epoch=None,
            convergence=None,
            advice=None,
            device="none",
        )
        for spec in specs
    ]


def _kept(parts: Mapping[SplitName, KnownPart]) -> tuple[PredictionRecord, ...]:
    """What the catalog keeps of predictions: of letters, which are many, only those of test, as of probes."""
    return tuple(
        PredictionRecord(
            split=split,
            items=part.items_R,
            places=None if part.places is None else part.places.place_M,
            targets=part.targets,
            scores=part.predictions_RK,
        )
        for split, part in parts.items()
        if part.places is None or split == "test"
    )


def _scores(
    target: Target, parts: Mapping[SplitName, KnownPart], threshold: str
) -> tuple[str | None, tuple[float, ...] | None, tuple[SplitRecord, ...]]:
    """What is wrong with the predictions, thresholds, and the scores of each split."""
    thresholds: tuple[float, ...] | None = None
    splits = []
    try:
        for split, part in parts.items():
            if not len(part.items_R):
                raise ProbeError(f"no item of {split} has a label")
            check_scorable(target.task, part.targets, part.predictions_RK)
        if threshold != "fixed":
            thresholds = choose_thresholds(
                target.task,
                parts["eval"].targets,
                parts["eval"].predictions_RK,
                threshold,  # type: ignore[arg-type]
            )
        for split, part in parts.items():
            metrics, by_class = scores_of(target.task, part, thresholds)
            splits.append(
                SplitRecord(
                    split=split,
                    n_items=part.n_items,
                    metrics=tuple(metrics),
                    class_metrics=tuple(by_class),
                )
            )
    except ProbeError as error:
        return str(error), None, ()
    return None, thresholds, tuple(splits)


def _verdict(
    target: Target, part: KnownPart, history: Sequence[EpochRecord], n_points: int
) -> Convergence | None:
    if is_degenerate(target.problem, part.predictions_RK, part.targets):
        return "degenerate"
    if len(history) < n_points:
        return "diverged"
    eval_E = np.array([point.eval_loss for point in history], dtype=np.float64)
    train_E = np.array([point.train_loss for point in history], dtype=np.float64)
    return judge_curve(eval_E, train_E) if len(history) else None
