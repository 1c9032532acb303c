"""The end of a training: scores and records, and a folder that predicts the same when it is opened again."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.catalog.records import ProbeRecord
from seqbench.catalog.training_records import TrainingRecord
from seqbench.core.atomic import atomic_folder
from seqbench.core.types import SplitName
from seqbench.errors import TrainingError
from seqbench.finetune.card import model_card
from seqbench.finetune.ensemble import write_predictions
from seqbench.finetune.folder import (
    FineTunedFacts,
    TargetFacts,
    TokenFacts,
    n_weights,
    open_folder,
    write_folder,
)
from seqbench.finetune.job import Job, head_facts
from seqbench.finetune.material import Material
from seqbench.finetune.outcome import Outcome, peak_memory
from seqbench.finetune.problem import Target
from seqbench.finetune.records import Judged, judged, records_of
from seqbench.finetune.scored import Scored
from seqbench.finetune.training import Finetuning
from seqbench.tuning.saving import source_of

SAME = 1e-6
"""By how much predictions of the model in its folder may differ from those of the trained one, relative to
values above 1."""


def finish(
    job: Job, trainer: Finetuning, outcome: Outcome, targets: Sequence[Target], material: Material
) -> tuple[list[ProbeRecord], TrainingRecord]:
    """Predict all that is scored, save, and see that the saved model predicts the same.

    Test is predicted by the best point alone; the others that are kept are scored on eval.
    """
    wanted = {split: (source, items_N) for split, source, items_N in material.scored()}
    scored = {split: _predicted(outcome, material, *each) for split, each in wanted.items()}
    encoder = outcome.network.encoder
    found = judged(targets, scored, job.config.threshold)
    records = records_of(
        job.design,
        targets,
        job.specs,
        found,
        n_layers=encoder.layer + 1,
        run_id=job.run_id,
        history=outcome.history,
        chosen=outcome.chosen,
        n_points=outcome.n_points,
        n_train=material.n_labels,
        seconds=outcome.seconds,
        device=encoder.device.type,
    )
    training = _training_record(job, outcome, records)
    facts = _facts(job, trainer, outcome, targets, found, training)
    with atomic_folder(job.folder, replace=True) as partial:
        _write(job, partial, outcome, facts)
        _check_saved(job, partial, material, wanted, scored)
        if job.design.fold is not None:
            write_predictions(partial, scored)
        saved = source_of(partial, name=job.design.model, options=job.source.options, requires=facts.requires)
        training = replace(training, fingerprint=saved.fingerprint)
        for place, point in enumerate(outcome.others, start=2):
            _keep_point(job, partial / f"best-{place}", outcome, targets, material, facts, point)
    return records, training


def _write(job: Job, folder: Path, outcome: Outcome, facts: FineTunedFacts) -> None:
    card = model_card(facts, job.source.path, job.source.auto_class()[0].__name__)
    write_folder(folder, outcome.network, facts, job.source, card)


def _keep_point(
    job: Job,
    folder: Path,
    outcome: Outcome,
    targets: Sequence[Target],
    material: Material,
    facts: FineTunedFacts,
    point: int,
) -> None:
    """Write another good point of the curve into a folder within the model's, scored on eval alone."""
    outcome.take(point)
    items_N, source = material.eval_N, material.eval_source
    scored: dict[SplitName, Scored] = {"eval": _predicted(outcome, material, source, items_N)}
    found = judged(targets, scored, job.config.threshold)
    folder.mkdir()
    _write(job, folder, outcome, _facts_of_point(facts, found, point))
    _check_saved(job, folder, material, {"eval": (source, items_N)}, scored)


def _predicted(outcome: Outcome, material: Material, source: SplitName, items_N: NDArray[np.int64]) -> Scored:
    predictions_RO = outcome.predict(source, items_N).numpy()
    return Scored(rows_R=material.rows(source, items_N), predictions_RO=predictions_RO, source=source)


def _check_saved(
    job: Job,
    folder: Path,
    material: Material,
    wanted: Mapping[SplitName, tuple[SplitName, NDArray[np.int64]]],
    scored: Mapping[SplitName, Scored],
) -> None:
    """Open what was saved, and predict again.

    Raises:
        TrainingError: A prediction is another one.
    """
    predictor = open_folder(folder, trust_remote_code=job.source.trust_remote_code)
    for split, (source, items_N) in wanted.items():
        items, before_RO = material.items[source].items, scored[split].predictions_RO
        again_RO = predictor.predict([items[item] for item in items_N.tolist()]).numpy()
        apart = np.abs(again_RO - before_RO) / np.maximum(1.0, np.abs(before_RO))
        if not np.isfinite(before_RO).all():
            continue  # it diverged, which its record says
        if apart.max(initial=0.0) > SAME:
            raise TrainingError(
                f"{job.folder}: the saved model predicts otherwise than the trained one ({split}: by up to "
                f"{apart.max():.1g}), so it was not kept; its code may keep something outside of its weights"
            )


def _training_record(job: Job, outcome: Outcome, records: Sequence[ProbeRecord]) -> TrainingRecord:
    trained, total = n_weights(outcome.network)
    device = outcome.network.encoder.device
    return TrainingRecord(
        key=job.key,
        run_id=job.run_id,
        stage="finetune",
        model=job.design.model,
        base=job.design.model,
        dataset=job.design.dataset,
        encoder=job.design.encoder,
        seed=job.design.seed,
        fold=job.design.fold,
        trained_parameters=trained,
        total_parameters=total,
        seconds=outcome.seconds,
        device=device.type,
        peak_memory_bytes=peak_memory(device),
        steps=outcome.steps,
        items=outcome.n_items,
        tokens=outcome.n_tokens,
        folder=str(job.folder),
        fingerprint=None,
        probes=tuple(record.probe_id for record in records),
        settings={
            **job.config.model_dump(mode="json"),
            "tokens_per_batch": outcome.budget.tokens if outcome.budget else None,
        },
        finished_at=datetime.now(UTC),
    )


def _facts(
    job: Job,
    trainer: Finetuning,
    outcome: Outcome,
    targets: Sequence[Target],
    found: Sequence[Judged],
    training: TrainingRecord,
) -> FineTunedFacts:
    encoder, data = outcome.network.encoder, job.datasets[0]
    shift_O, scale_O = trainer.scaling
    places = np.cumsum([0, *(target.n_outputs for target in targets)]).tolist()
    return FineTunedFacts(
        key=job.key,
        model=job.design.model,
        dataset=job.design.dataset,
        encoder=job.design.encoder,
        seed=job.design.seed,
        layer=encoder.layer,
        dtype=job.source.dtype,
        requires=job.source.requires,
        head=head_facts(job, encoder.hidden, targets),
        tokens=TokenFacts(
            alphabet=data.alphabet,
            seq_keys=data.seq_keys,
            max_tokens=encoder.limit,
            overlong=job.extract.overlong,
            stride=job.extract.stride,
            special_tokens=job.extract.special_tokens,
        ),
        targets=tuple(
            _target_facts(target, each.thresholds, shift_O[first:], scale_O[first:])
            for target, each, first in zip(targets, found, places, strict=False)
        ),
        scores={target.name: _told(each) for target, each in zip(targets, found, strict=True)},
        training=_training_facts(job, outcome, training),
        settings=job.config.model_dump(mode="json"),
    )


def _target_facts(
    target: Target, thresholds: tuple[float, ...] | None, shift_O: Sequence[float], scale_O: Sequence[float]
) -> TargetFacts:
    """What is kept of a target; scalings from its first output on."""
    return TargetFacts(
        name=target.name,
        task=target.task,
        n_outputs=target.n_outputs,
        classes=target.classes,
        class_names=target.class_names,
        thresholds=thresholds,
        shift=tuple(shift_O[: target.n_outputs]),
        scale=tuple(scale_O[: target.n_outputs]),
    )


def _training_facts(job: Job, outcome: Outcome, training: TrainingRecord) -> dict[str, Any]:
    """What the training took, and its curve."""
    return {
        "trained_parameters": training.trained_parameters,
        "total_parameters": training.total_parameters,
        "steps": training.steps,
        "items": training.items,
        "tokens": training.tokens,
        "seconds": round(training.seconds, 3),
        "device": training.device,
        "base": job.source.path,
        "revision": job.source.revision,
        "part": job.design.part,
        "chosen_point": outcome.chosen,
        "tokens_per_batch": None if outcome.budget is None else outcome.budget.tokens,
        "curve": [
            [point.epoch, point.train_loss, point.eval_loss, point.eval_score] for point in outcome.history
        ],
    }


def _told(found: Judged) -> dict[str, dict[str, float | None]]:
    """Scores by split and metric."""
    return {split.split: {metric.metric: metric.value for metric in split.metrics} for split in found.splits}


def _facts_of_point(facts: FineTunedFacts, found: Sequence[Judged], point: int) -> FineTunedFacts:
    """The facts of another point of the same training."""
    targets = zip(facts.targets, found, strict=True)
    return replace(
        facts,
        targets=tuple(replace(target, thresholds=each.thresholds) for target, each in targets),
        scores={target.name: _told(each) for target, each in zip(facts.targets, found, strict=True)},
        training={**facts.training, "chosen_point": point},
    )
