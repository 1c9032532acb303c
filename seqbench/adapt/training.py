"""Running an adaptation: steps, looks at held-out documents, checkpoints, going on after a kill.

plan = describe(entry, source, corpora)
adapted = adapt(plan, catalog=…, around=Surroundings(…))
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from seqbench.adapt.batches import ExampleMaker, held_out_batches, look_tokens, training_batches
from seqbench.adapt.curve import curve_of, health_of, loss_told, verdict
from seqbench.adapt.inputs import OpenedCorpus, budget_of, missing, spec_of
from seqbench.adapt.objective import LanguageObjective
from seqbench.adapt.outcome import Adapted, CurvePoint, check_same, read_adapted
from seqbench.adapt.spent import CountedTraining, Spent, peak_memory
from seqbench.config.adapt import AdaptConfig, Checkpoint
from seqbench.core.atomic import atomic_folder
from seqbench.core.progress import human
from seqbench.errors import TrainingError
from seqbench.models import checkpoint as models
from seqbench.models.huggingface import HuggingFace
from seqbench.training.batches import halves_of
from seqbench.training.checkpoint import Checkpoint as StateFile
from seqbench.training.checkpoint import fingerprint
from seqbench.training.loop import EVAL_LOSS, TRAIN_LOSS, Course, Loop
from seqbench.training.network import evaluating
from seqbench.training.optimizer import Rate, rated_adamw
from seqbench.training.schedule import Schedule
from seqbench.tuning.prepare import prepare
from seqbench.tuning.saving import write_model
from seqbench.tuning.settings import LoraSettings, TuningSettings
from seqbench.tuning.trainable import (
    Objective,
    autocast_dtype,
    objective_of,
    open_language_model,
)

LOOKS = (4, 20)
"""Looks at held-out documents in a training, at least and at most."""
LOOK_SHARE = 0.15
"""Of the tokens of a training, that all looks take together between these; a look costs a third of training
on as many, as nothing goes backwards."""
SAVE_SECONDS = 60.0
"""Between two savings of the state of a training, at least; a signal saves it in any case."""
TOLD_SECONDS = 10.0
"""Between two lines on a training, at least."""
MOST_STEPS_UNSAVED = 50
"""Steps after which is seen whether the state is to be saved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Where an adaptation keeps things, and whom it tells."""

    states: Path
    """Folder for the states of trainings under way."""
    folder: Callable[[str], Path]
    """Where a model that it makes goes, by its name."""
    advance: Callable[[float], None] = lambda amount: None
    """Told of steps."""
    note: Callable[[str], None] = lambda text: None


def adapt(
    entry: AdaptConfig, source: models.Checkpoint, corpora: Sequence[OpenedCorpus], around: Surroundings
) -> list[Adapted]:
    """Train, and write each checkpoint as a model; what is there is not made again.

    Args:
        entry: Of the config.
        source: The base model.
        corpora: Opened.
        around: Where things are kept.

    Returns:
        What the entry makes, in the order of steps.

    Raises:
        TrainingError: The loss was no number, or there is too little memory.
        ModelError: The model can't be trained so, or a folder holds another model.
        DataError: A corpus has nothing to train on, or to hold out.
    """
    spec = spec_of(entry, source, corpora)
    if there := _there(entry, spec, around):
        around.advance(entry.steps)
        return there
    training = _Adaptation(entry, source, corpora, spec, around)
    training.run()
    return _there(entry, spec, around)


def _there(entry: AdaptConfig, spec: str, around: Surroundings) -> list[Adapted]:
    """What was made, if all of it is there."""
    if missing(entry, spec, around.folder):
        return []
    found = [read_adapted(around.folder(each.name)) for each in entry.checkpoints]
    return [each for each in found if each is not None]


class _Adaptation:
    """One training, from the base or from where it was left."""

    def __init__(
        self,
        entry: AdaptConfig,
        source: models.Checkpoint,
        corpora: Sequence[OpenedCorpus],
        spec: str,
        around: Surroundings,
    ) -> None:
        self.entry, self.source, self.corpora, self.spec, self.around = entry, source, corpora, spec, around
        alphabet = corpora[0].train.alphabet
        self.objective: Objective = objective_of(source) if entry.objective == "auto" else entry.objective
        self.model = open_language_model(source, self.objective, alphabet, around.note)
        self.loss = LanguageObjective(self.model)
        self.maker = ExampleMaker(self.model, self.objective, entry, alphabet)
        prepare(self.model, _tuning(entry), seed=entry.seed, note=around.note)
        self.batches = training_batches(self.maker, corpora, entry)
        self.held_out = held_out_batches(self.maker, corpora, entry)
        self.autocast = autocast_dtype(entry.dtype, self.model.device)
        self.training = self._training()
        self.loop = Loop(_course(entry, is_evaluated=bool(self.held_out)), self.training, self.batches)
        self.file = StateFile(
            path=around.states / f"adapt-{spec[:32]}.safetensors", fingerprint=fingerprint(spec)
        )
        self._first: Mapping[str, float] = {}
        self._points: list[int] = []
        self._last_step, self._saved_at, self._told_at = -1, time.monotonic(), -math.inf

    def run(self) -> None:
        """Train to the end, whatever was done before."""
        self._first = self._evaluate()
        if (state := self.file.load(self.model.device)) is not None:
            self.loop.restore(state["loop"])
            self._points = list(state["points"])
        if self.held_out and not self.loop.n_steps:
            self.around.note(f"{self.entry.name}: {loss_told(self._first)} before the first step")
        told = 0.0

        def progress(share: float) -> None:
            nonlocal told
            self.around.advance((share - told) * self.entry.steps)
            told = share

        self.loop.run(progress=progress, save=self._save)
        if self.loop.n_steps < self.entry.steps or not math.isfinite(self._last_loss):
            self.file.remove()
            raise TrainingError(
                f"adapt {self.entry.name}: the loss was no number after {self.loop.n_steps} steps (lower "
                "adapt.lr, raise adapt.warmup_steps, or set adapt.clip)"
            )
        self._write(Checkpoint(self.entry.name, self.entry.steps))
        self.file.remove()
        self.around.note(verdict(self.entry.name, self._curve()))

    @property
    def _last_loss(self) -> float:
        return sum(float(value[0]) for value in self.loop.curve[-1].values.values())

    def _training(self) -> CountedTraining:
        entry = self.entry
        training = CountedTraining(
            self.model,
            self.loss,
            rated_adamw(self.model, Rate(lr=entry.lr, weight_decay=entry.weight_decay)),
            evaluate=self._look,
            seed=entry.seed,
            clip=entry.clip,
            autocast=self.autocast,
            keeps=False,
            halve=halves_of,
            note=self.around.note,
            way_out="lower adapt.max_tokens, or set adapt.gradient_checkpointing",
        )
        training.spent = Spent()
        return training

    def _look(self) -> dict[str, float]:
        """A point of the curve, told with speed and the time that is left."""
        self._points.append(self.training.spent.tokens)
        found = self._evaluate()
        spent, step = self.training.spent, self.loop.n_steps
        left = (self.entry.steps - step) * spent.seconds_now() / max(step, 1)
        if self.held_out and time.monotonic() - self._told_at >= TOLD_SECONDS:
            self._told_at = time.monotonic()
            speed = f"{human(spent.tokens / spent.seconds_now())} tokens/s, {left:.0f} s left"
            where = f"step {step:,} of {self.entry.steps:,}"
            self.around.note(f"{self.entry.name}: {where}, {loss_told(found)}, {speed}")
        return found

    def _evaluate(self) -> dict[str, float]:
        """Mean loss of the targets of held-out documents, each corpus and all; empty where nothing is."""
        sums: dict[str, float] = {}
        targets: dict[str, float] = {}
        with evaluating(self.model), _autocast(self.model.device, self.autocast):
            for name, batches in self.held_out.items():
                sums[name] = sum(float(self.loss.sums(self.model, batch)) for batch in batches)
                targets[name] = sum(float(self.loss.weights(batch)) for batch in batches)
        if not sums:
            return {}
        each = {name: sums[name] / max(targets[name], 1.0) for name in sums}
        return {EVAL_LOSS: sum(sums.values()) / max(sum(targets.values()), 1.0), **each}

    def _save(self, state: Mapping[str, Any]) -> None:
        """Write a checkpoint where one is due, and the state where it was not written for a while."""
        step = self.loop.n_steps
        early = [each for each in self.entry.checkpoints if each.step == step < self.entry.steps]
        for each in early:
            self._write(each)
        due = bool(early) or time.monotonic() - self._saved_at >= SAVE_SECONDS
        is_signal = step == self._last_step or step % _saves_every(self.entry) != 0
        self._last_step = step
        if due or is_signal:
            self.file.save({"loop": state, "points": self._points})
            self._saved_at = time.monotonic()

    def _write(self, checkpoint: Checkpoint) -> None:
        """Write the model as it is now, unless it is there from before a kill."""
        folder = self.around.folder(checkpoint.name)
        found = read_adapted(folder)
        if found is not None:
            check_same(found, self.spec, folder)
            return
        with atomic_folder(folder) as partial:
            write_model(self.model, self.source, partial)
            self._adapted(checkpoint, partial).write(partial)

    def _adapted(self, checkpoint: Checkpoint, folder: Path) -> Adapted:
        entry, spent = self.entry, self.training.spent
        curve = self._curve()
        return Adapted(
            fingerprint=self.spec,
            name=checkpoint.name,
            step=checkpoint.step,
            base=entry.model,
            objective=self.objective,
            masking=self.maker.masking if self.objective == "mlm" else "none",
            dtype="float32" if self.autocast is None else str(self.autocast).removeprefix("torch."),
            loss_by=self.loss.method,
            windows=spent.windows,
            tokens=spent.tokens,
            epochs=dict(
                zip((corpus.name for corpus in self.corpora), self.batches.mixture.epochs, strict=True)
            ),
            seconds=spent.seconds_now(),
            peak_memory_bytes=peak_memory(self.model.device, spent),
            device=self.model.device.type,
            trained_parameters=self.model.n_trained,
            total_parameters=self.model.n_parameters,
            weights=self._weights(folder),
            health=health_of(curve),
            curve=curve,
        )

    def _weights(self, folder: Path) -> str:
        """The fingerprint that the model will have in the store."""
        source, is_adapter = self.source, self.entry.encoder == "lora"
        return HuggingFace(
            name=self.entry.name,
            path=source.path if is_adapter else str(folder),
            revision=source.revision if is_adapter else None,
            adapter=folder if is_adapter else None,
            trust_remote_code=source.trust_remote_code,
            requires=source.requires,
            options=source.options,
        ).fingerprint

    def _curve(self) -> tuple[CurvePoint, ...]:
        return curve_of(self._first, self.loop.curve, self._points, list(self.held_out))


def _tuning(entry: AdaptConfig) -> TuningSettings:
    lora = LoraSettings(
        rank=entry.lora.rank,
        alpha=entry.lora.alpha,
        dropout=entry.lora.dropout,
        targets=entry.lora.targets,
    )
    return TuningSettings(
        method=entry.encoder, lora=lora, gradient_checkpointing=entry.gradient_checkpointing
    )


def _course(entry: AdaptConfig, *, is_evaluated: bool) -> Course:
    return Course(
        n_steps=entry.steps,
        schedule=Schedule(warmup_steps=min(entry.warmup_steps, entry.steps), decay=entry.decay),
        accumulate=entry.accumulate,
        evaluate_every=max(1, entry.steps // _looks(entry)),
        choose="last",
        measure=EVAL_LOSS if is_evaluated else TRAIN_LOSS,
        checkpoint_every=_saves_every(entry),
        tell_every=max(1, min(10, entry.steps // 100)),
    )


def _looks(entry: AdaptConfig) -> int:
    """How often held-out documents are looked at: a short training must not spend its time on that."""
    whole = entry.steps * entry.accumulate * budget_of(entry)
    each = look_tokens(entry) * len(entry.corpora)
    return min(max(int(LOOK_SHARE * whole / each), LOOKS[0]), LOOKS[1])


def _saves_every(entry: AdaptConfig) -> int:
    """Steps from one call of `_save` to the next: every checkpoint is at a multiple of it."""
    every = entry.checkpoint_steps or MOST_STEPS_UNSAVED
    return max(step for step in range(1, min(every, MOST_STEPS_UNSAVED) + 1) if every % step == 0)


def _autocast(device: torch.device, dtype: torch.dtype | None) -> torch.autocast:
    return torch.autocast(device.type, dtype or torch.bfloat16, enabled=dtype is not None)
