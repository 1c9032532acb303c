"""One training from files to a folder and records: tokenise, train, predict, save, open again and compare."""

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from seqbench.catalog.records import ProbeRecord
from seqbench.catalog.training_records import TrainingRecord
from seqbench.config.extract import ExtractConfig
from seqbench.config.finetune import FinetuneConfig
from seqbench.core.atomic import atomic_folder
from seqbench.core.types import SplitName
from seqbench.datasets.dataset import Dataset
from seqbench.errors import DataError, TrainingError
from seqbench.finetune.card import model_card
from seqbench.finetune.design import FinetuneDesign, training_key
from seqbench.finetune.folder import (
    FineTunedFacts,
    HeadFacts,
    TargetFacts,
    TokenFacts,
    n_weights,
    open_folder,
    write_folder,
)
from seqbench.finetune.items import TokenisedItems, tokenise_split
from seqbench.finetune.network import FineTuned
from seqbench.finetune.problem import Target, target_of
from seqbench.finetune.records import Scored, records_of
from seqbench.finetune.training import Finetuning, Material, Outcome, Surroundings, peak_memory
from seqbench.models.checkpoint import Checkpoint
from seqbench.models.transformer import default_device
from seqbench.stratification.holdout import holdout
from seqbench.training.checkpoint import Checkpoint as State
from seqbench.training.checkpoint import fingerprint
from seqbench.training.randomness import seeded
from seqbench.tuning.prepare import prepare
from seqbench.tuning.saving import source_of
from seqbench.tuning.settings import LoraSettings, TuningSettings
from seqbench.tuning.trainable import TrainableModel, autocast_dtype, open_encoder

SAME = 1e-6
"""By how much predictions of the model in its folder may differ from those of the trained one, relative to
values above 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One training, and where everything for it is."""

    design: FinetuneDesign
    source: Checkpoint
    """The model as the config has it."""
    datasets: Sequence[Dataset]
    """The data set, or all its targets."""
    shares: Sequence[float]
    """Weight of each one's loss."""
    specs: Sequence[Mapping[str, Any]]
    """Of each; see `design.specs_of`."""
    config: FinetuneConfig
    extract: ExtractConfig
    checkpoints: Path
    """Folder for the states of unfinished trainings."""
    run_id: str

    @property
    def folder(self) -> Path:
        """Where the trained model goes."""
        return self.config.out / self.design.folder

    @property
    def key(self) -> str:
        """Names the training."""
        return training_key(dict(self.specs[0]))

    @property
    def state(self) -> State:
        """What a training that was stopped goes on from."""
        return State(
            path=self.checkpoints / f"finetune-{self.key[:24]}",
            fingerprint=fingerprint(self.key, platform.machine(), default_device().type),
            way_out="make room there, or set finetune.checkpoint_steps to null",
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prepared:
    """A training that can begin."""

    trainer: Finetuning
    targets: Sequence[Target]
    material: Material


def finetune(
    job: Job, *, advance: Callable[[float], None], note: Callable[[str], None]
) -> tuple[list[ProbeRecord], TrainingRecord]:
    """Train, score, and save.

    Args:
        job: What.
        advance: Takes shares of the training as they are done.
        note: Told what the user should know.

    Returns:
        A record for each target, and one of the training.

    Raises:
        SeqbenchError: Model and data do not fit together, or the saved model predicts otherwise.
    """
    made = prepared(job, advance=advance, note=note)
    outcome = made.trainer.run()
    found = _finish(job, made.trainer, outcome, made.targets, made.material)
    job.state.remove()
    return found


def prepared(
    job: Job,
    *,
    advance: Callable[[float], None],
    note: Callable[[str], None],
    watch: Callable[[Sequence[float]], None] | None = None,
) -> Prepared:
    """Open the model, tokenise the data, and put together what is trained.

    Args:
        job: What.
        advance: Takes shares of the training as they are done.
        note: Told what the user should know.
        watch: Given the scores on eval of all points so far at each new one.

    Raises:
        SeqbenchError: Model and data do not fit together.
    """
    encoder = prepare(
        open_encoder(job.source, job.datasets[0].alphabet),
        tuning_settings(job),
        seed=job.design.seed,
        note=note,
    )
    if encoder.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(encoder.device)
    targets = [target_of(*pair) for pair in zip(job.datasets, job.shares, strict=True)]
    tokens = encoder.tokens(overlong=job.extract.overlong, stride=job.extract.stride)
    items = {
        name: tokenise_split(split, tokens, skip_unreadable=job.extract.unreadable == "skip")
        for name, split in job.datasets[0].splits.items()
    }
    _tell_cut(job, items, encoder, note)
    material = material_of(job, targets, items)
    network = _network(job, encoder, targets, (len(tokens.prefix), len(tokens.suffix)))
    trainer = Finetuning(
        network,
        material,
        job.config,
        seed=job.design.seed,
        autocast=autocast_dtype(job.source.dtype, encoder.device),
        around=Surroundings(checkpoint=job.state, advance=advance, note=note, watch=watch),
    )
    return Prepared(trainer=trainer, targets=targets, material=material)


def tuning_settings(job: Job) -> TuningSettings:
    """What of the model is trained, as the config says."""
    config, lora = job.config, job.config.lora
    return TuningSettings(
        method=job.design.encoder,
        lora=LoraSettings(
            rank=lora.rank,
            alpha=lora.alpha,
            dropout=lora.dropout,
            targets=lora.targets,
            modules_to_save=lora.modules_to_save or (),
        ),
        freeze_blocks=config.freeze_blocks,
        gradient_checkpointing=config.gradient_checkpointing,
        encoder_dropout=config.encoder_dropout,
    )


def material_of(job: Job, targets: Sequence[Target], items: Mapping[SplitName, TokenisedItems]) -> Material:
    """Which items are learned from and judged on.

    Without an eval split a tenth of train is judged on, by seed, groups kept together.

    Raises:
        DataError: No item of train or eval has both tokens and a label.
    """
    usable = {name: _usable(name, targets, items[name]) for name in items}
    for name, rows_N in usable.items():
        if not len(rows_N):
            raise DataError(f"{job.design.dataset}: no item of {name} has a label and a token")
    if "eval" in usable:
        return Material(
            items=items,
            targets=targets,
            train_N=usable["train"],
            eval_source="eval",
            eval_N=usable["eval"],
        )
    rows_N, groups_N = usable["train"], job.datasets[0].splits["train"].groups
    kept, held = holdout(
        targets[0].labels["train"][rows_N],
        targets[0].task,
        job.design.seed,
        groups_N=None if groups_N is None else groups_N[rows_N],
    )
    return Material(
        items=items, targets=targets, train_N=rows_N[kept], eval_source="train", eval_N=rows_N[held]
    )


def _usable(name: SplitName, targets: Sequence[Target], items: TokenisedItems) -> NDArray[np.int64]:
    """Items with tokens and a label of any target."""
    known_N = np.any([target.known(name) for target in targets], axis=0)
    return np.flatnonzero(known_N & items.readable_N).astype(np.int64)


def _tell_cut(
    job: Job, items: Mapping[SplitName, TokenisedItems], encoder: TrainableModel, note: Callable[[str], None]
) -> None:
    """One line on sequences that are longer than a window."""
    pair, limit = f"{job.design.model} × {job.design.dataset}", encoder.limit or 0
    if n_cut := sum(each.n_cut for each in items.values()):
        note(f"{pair}: {n_cut:,} sequences are cut to their first {limit:,} tokens (extract.overlong)")
    if n_long := sum(each.n_in_windows for each in items.values()):
        note(
            f"{pair}: {n_long:,} sequences are longer than {limit:,} tokens: the head reads all of their "
            "windows (extract.overlong)"
        )


def _network(
    job: Job, encoder: TrainableModel, targets: Sequence[Target], n_around: tuple[int, int]
) -> FineTuned:
    with seeded(torch.device("cpu"), job.design.seed):
        head = _head_facts(job, encoder, targets).make()
    return FineTuned(
        encoder, head.to(encoder.device), special_tokens=job.extract.special_tokens, n_around=n_around
    )


def _head_facts(job: Job, encoder: TrainableModel, targets: Sequence[Target]) -> HeadFacts:
    return HeadFacts(
        kind=job.config.head,
        combine=job.config.combine,
        width=encoder.hidden,
        n_seqs=job.datasets[0].n_seqs,
        n_outputs=sum(target.n_outputs for target in targets),
        dropout=job.config.dropout,
    )


def _finish(
    job: Job, trainer: Finetuning, outcome: Outcome, targets: Sequence[Target], material: Material
) -> tuple[list[ProbeRecord], TrainingRecord]:
    """Predict eval and test, score, save, and see that the saved model predicts the same."""
    test_N = _usable("test", targets, material.items["test"])
    rows: dict[SplitName, tuple[SplitName, NDArray[np.int64]]] = {
        "eval": (material.eval_source, material.eval_N),
        "test": ("test", test_N),
    }
    scored = {
        split: Scored(rows_N=rows_N, source=source, predictions_NO=outcome.predict(source, rows_N).numpy())
        for split, (source, rows_N) in rows.items()
    }
    encoder = outcome.network.encoder
    records = records_of(
        job.design,
        targets,
        job.specs,
        scored,
        n_layers=encoder.layer + 1,
        run_id=job.run_id,
        history=outcome.history,
        chosen=outcome.chosen,
        n_points=outcome.n_points,
        n_train=len(material.train_N),
        seconds=outcome.seconds,
        device=encoder.device.type,
    )
    training = _training_record(job, outcome, records)
    facts = _facts(job, trainer, outcome, targets, records, training)
    with atomic_folder(job.folder, replace=True) as partial:
        card = model_card(facts, job.source.path, job.source.auto_class()[0].__name__)
        write_folder(partial, outcome.network, facts, job.source, card)
        _check_saved(job, partial, material, scored)
        saved = source_of(partial, name=job.design.model, options=job.source.options, requires=facts.requires)
        training = replace(training, fingerprint=saved.fingerprint)
    return records, training


def _check_saved(job: Job, folder: Path, material: Material, scored: Mapping[SplitName, Scored]) -> None:
    """Open what was saved, and predict again.

    Raises:
        TrainingError: A prediction is another one.
    """
    predictor = open_folder(folder, trust_remote_code=job.source.trust_remote_code)
    for split, each in scored.items():
        items = material.items[each.source].items
        again_NO = predictor.predict([items[row] for row in each.rows_N.tolist()]).numpy()
        wanted_NO = each.predictions_NO
        apart = np.abs(again_NO - wanted_NO) / np.maximum(1.0, np.abs(wanted_NO))
        if not np.isfinite(wanted_NO).all():
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
        fold=None,
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
    records: Sequence[ProbeRecord],
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
        head=_head_facts(job, encoder, targets),
        tokens=TokenFacts(
            alphabet=data.alphabet,
            seq_keys=data.seq_keys,
            max_tokens=encoder.limit,
            overlong=job.extract.overlong,
            stride=job.extract.stride,
            special_tokens=job.extract.special_tokens,
        ),
        targets=tuple(
            TargetFacts(
                name=target.name,
                task=target.task,
                n_outputs=target.n_outputs,
                classes=target.classes,
                class_names=target.class_names,
                thresholds=record.thresholds,
                shift=tuple(shift_O[first : first + target.n_outputs]),
                scale=tuple(scale_O[first : first + target.n_outputs]),
            )
            for target, record, first in zip(targets, records, places, strict=False)
        ),
        scores={
            record.dataset: {
                split.split: {metric.metric: metric.value for metric in split.metrics}
                for split in record.splits
            }
            for record in records
        },
        training={
            "trained_parameters": training.trained_parameters,
            "total_parameters": training.total_parameters,
            "steps": training.steps,
            "items": training.items,
            "tokens": training.tokens,
            "seconds": round(training.seconds, 3),
            "device": training.device,
            "base": job.source.path,
            "revision": job.source.revision,
            "chosen_point": outcome.chosen,
            "tokens_per_batch": None if outcome.budget is None else outcome.budget.tokens,
            "curve": [
                [point.epoch, point.train_loss, point.eval_loss, point.eval_score]
                for point in outcome.history
            ],
        },
        settings=job.config.model_dump(mode="json"),
    )
