"""Running an adaptation: steps, looks at held-out documents, checkpoints, going on after a kill.

plan = describe(entry, source, corpora)
adapted = adapt(plan, catalog=…, around=Surroundings(…))
"""

import math
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from seqbench.adapt.batches import ExampleMaker, held_out_batches, training_batches
from seqbench.adapt.inputs import OpenedCorpus, missing, spec_of
from seqbench.adapt.objective import Example, LanguageObjective
from seqbench.adapt.outcome import Adapted, CurvePoint, check_same, read_adapted
from seqbench.config.adapt import AdaptConfig, Checkpoint
from seqbench.core.atomic import atomic_folder
from seqbench.core.progress import human
from seqbench.errors import TrainingError
from seqbench.models import checkpoint as models
from seqbench.models.huggingface import HuggingFace
from seqbench.training.batches import halves_of
from seqbench.training.checkpoint import Checkpoint as StateFile
from seqbench.training.checkpoint import fingerprint
from seqbench.training.health import judge_curve
from seqbench.training.loop import EVAL_LOSS, TRAIN_LOSS, Course, Loop, Point
from seqbench.training.network import NetworkTraining, evaluating
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

LOOKS = 20
"""Looks at held-out documents in a training."""
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


@dataclass(slots=True)
class _Spent:
    """What a training took, all resumed parts together."""

    windows: int = 0
    tokens: int = 0
    seconds: float = 0.0
    peak_memory_bytes: int = 0
    began: float = field(default_factory=time.perf_counter)

    def seconds_now(self) -> float:
        """With those of this part."""
        return self.seconds + time.perf_counter() - self.began


class _Training(NetworkTraining[list[Example]]):
    """A network that also counts what it has seen."""

    spent: _Spent

    def gradients(self, batches: Sequence[list[Example]], step: int) -> None:
        super().gradients(batches, step)
        self.spent.windows += sum(map(len, batches))
        self.spent.tokens += sum(len(example) for batch in batches for example in batch)

    def state(self) -> dict[str, Any]:
        spent = self.spent
        seen = [spent.windows, spent.tokens, spent.seconds_now(), _peak_memory(self.device, spent)]
        return {**super().state(), "spent": seen}

    def restore(self, state: Mapping[str, Any]) -> None:
        super().restore(state)
        windows, tokens, seconds, peak = state["spent"]
        self.spent = _Spent(windows=windows, tokens=tokens, seconds=seconds, peak_memory_bytes=peak)


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
            self.around.note(f"{self.entry.name}: {_told(self._first)} before the first step")
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
        self.around.note(self._verdict())

    @property
    def _last_loss(self) -> float:
        return sum(float(value[0]) for value in self.loop.curve[-1].values.values())

    def _training(self) -> _Training:
        entry = self.entry
        training = _Training(
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
        training.spent = _Spent()
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
            self.around.note(f"{self.entry.name}: {where}, {_told(found)}, {speed}")
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
            peak_memory_bytes=_peak_memory(self.model.device, spent),
            device=self.model.device.type,
            trained_parameters=self.model.n_trained,
            total_parameters=self.model.n_parameters,
            weights=self._weights(folder),
            health=_health(curve),
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
        first = CurvePoint(
            step=0,
            tokens=0,
            train_loss=None,
            eval_loss=self._first.get(EVAL_LOSS),
            eval_losses={name: self._first[name] for name in self.held_out},
        )
        points = zip(self.loop.curve, self._points, strict=True)
        return (first, *(self._point(point, tokens) for point, tokens in points))

    def _point(self, point: Point, tokens: int) -> CurvePoint:
        values = {name: float(value[0]) for name, value in point.values.items()}
        return CurvePoint(
            step=point.step,
            tokens=tokens,
            train_loss=_finite(values[TRAIN_LOSS]),
            eval_loss=_finite(values[EVAL_LOSS]) if EVAL_LOSS in values else None,
            eval_losses={name: values[name] for name in self.held_out},
        )

    def _verdict(self) -> str:
        curve = self._curve()
        fall = f", {curve[0].eval_loss:.4g} → {curve[-1].eval_loss:.4g} nats a token" if self.held_out else ""
        advice = {
            "still improving": "more steps would lower it further",
            "unstable": "lower adapt.lr",
            "overfitting": "fewer steps, or more text",
        }.get(found := _health(curve))
        return f"{self.entry.name}: {found}{fall}" + (f" ({advice})" if advice else "")


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
        evaluate_every=max(1, entry.steps // LOOKS),
        choose="last",
        measure=EVAL_LOSS if is_evaluated else TRAIN_LOSS,
        checkpoint_every=_saves_every(entry),
        tell_every=max(1, min(10, entry.steps // 100)),
    )


def _saves_every(entry: AdaptConfig) -> int:
    """Steps from one call of `_save` to the next: every checkpoint is at a multiple of it."""
    every = entry.checkpoint_steps or MOST_STEPS_UNSAVED
    return max(step for step in range(1, min(every, MOST_STEPS_UNSAVED) + 1) if every % step == 0)


def _health(curve: Sequence[CurvePoint]) -> str:
    """What the losses tell: on held-out documents, else on those of training."""
    train_E = np.array([np.nan if point.train_loss is None else point.train_loss for point in curve[1:]])
    if not len(train_E):
        return "not judged"
    if curve[0].eval_loss is None:
        return judge_curve(train_E, None)
    eval_E = np.array([np.nan if point.eval_loss is None else point.eval_loss for point in curve[1:]])
    return judge_curve(eval_E, train_E)


def _told(values: Mapping[str, float]) -> str:
    loss = values[EVAL_LOSS]
    return f"eval loss {loss:.4f} ({loss / math.log(2):.3f} bits a token)"


def _autocast(device: torch.device, dtype: torch.dtype | None) -> torch.autocast:
    return torch.autocast(device.type, dtype or torch.bfloat16, enabled=dtype is not None)


def _peak_memory(device: torch.device, spent: _Spent) -> int:
    """Greatest memory so far, in bytes: allocated on a GPU, else resident of this process."""
    now = (
        torch.cuda.max_memory_allocated(device)
        if device.type == "cuda"
        else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    )
    return max(spent.peak_memory_bytes, int(now))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
