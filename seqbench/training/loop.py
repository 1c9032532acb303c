"""The one training loop: steps, points of the learning curve, what to keep, when to stop, when to save.

It knows no network. What is trained is a `Trainee`: many small networks that share their batches (the probes'
MLPs), or one with a G of 1 (`network.NetworkTraining`). A network's numbers never meet another's: one that
diverges or stops early is computed on, but what counts of it stays as it was.

Shape letters: G networks that train together, E points of the learning curve.

    loop = Loop(Course(n_steps=plan.n_steps(epochs, 1)), trainee, PlannedBatches(plan, make))
    if (state := checkpoint.load(device)) is not None:
        loop.restore(state)
    loop.run(progress=bar, save=checkpoint.save)
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Generic, Literal, Protocol, TypeVar

import torch
from torch import Tensor

from seqbench.core.signals import postponed
from seqbench.training.batches import Batches
from seqbench.training.schedule import Schedule

_Batch = TypeVar("_Batch")
_Batch_contra = TypeVar("_Batch_contra", contravariant=True)

Save = Callable[[Mapping[str, Any]], None]

TRAIN_LOSS, EVAL_LOSS = "train_loss", "eval_loss"
"""Measures of every point of a curve: the mean loss of the steps since the last point, while training; and on
eval, where there is one."""


class Trainee(Protocol[_Batch_contra]):
    """What the loop trains: G networks on the same batches."""

    n_networks: int
    device: torch.device

    def gradients(self, batches: Sequence[_Batch_contra], step: int) -> None:
        """Compute the gradient of a step over all its batches, in place of the one before.

        Args:
            batches: As many as are accumulated.
            step: Its number, from 0: whatever is random depends on it and on the seed alone.
        """

    def step(self, factor: float) -> None:
        """Clip the gradients and move the weights by a share of the learning rate."""

    def measure(self) -> Mapping[str, Tensor]:
        """End a stretch of steps and judge the networks as they are, each measure (G,).

        There is at least `train_loss`. Where a measure ending in `_loss` is no number, training has diverged.
        """

    def keep(self, chosen_G: Tensor) -> None:
        """Keep the weights of the chosen networks (booleans) as they are now; others' kept ones stay."""

    def state(self) -> dict[str, Any]:
        """Everything that training goes on from, to the bit; ready for `checkpoint.Checkpoint`."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` gave of the same training."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How a training goes, whatever is trained."""

    n_steps: int
    """Optimiser steps, if nothing ends it early; `BatchPlan.n_steps` tells those of so many passes."""
    schedule: Schedule = field(default_factory=Schedule)
    accumulate: int = 1
    """Batches of a step; the last step of a pass takes what is left."""
    evaluate_every: int | None = None
    """Steps from a point of the curve to the next; None: one after each pass. There is one after the last
    step in any case."""
    patience: int | None = None
    """Points without a better measure after which a network stops; None: never."""
    choose: Literal["best", "last"] = "best"
    """Which weights are kept: of the best point by `measure`, or of the last one before a network stopped."""
    measure: str = EVAL_LOSS
    """By which points are compared."""
    higher_is_better: bool = False
    checkpoint_every: int | None = None
    """Steps from a save to the next; None: none but on a signal to end."""
    tell_every: int | None = None
    """Steps from telling progress to telling it again; None: at points and ends of passes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A point of the learning curve of all networks."""

    step: int
    """Steps done."""
    n_passes: int
    """Passes over train that are done or begun."""
    values: Mapping[str, Tensor]
    """Each measure, (G,)."""


class Loop(Generic[_Batch]):
    """A training, from its beginning or from a state to its end."""

    def __init__(self, course: Course, trainee: Trainee[_Batch], batches: Batches[_Batch]) -> None:
        self.course, self._trainee, self._batches = course, trainee, batches
        shape, device = (trainee.n_networks,), trainee.device
        worst = -torch.inf if course.higher_is_better else torch.inf
        self.best_G = torch.full(shape, worst, device=device)
        """The measure at the best point; infinite where there is none."""
        self.best_point_G = torch.zeros(shape, dtype=torch.int64, device=device)
        """Number of the best point, from 1; 0 where no measure was a number."""
        self.n_points_G = torch.zeros(shape, dtype=torch.int64, device=device)
        """Points until a network stopped."""
        self._active_G = torch.ones(shape, dtype=torch.bool, device=device)
        self.curve: list[Point] = []
        """All points so far, of networks that stopped too."""
        self.n_steps = 0
        """Steps done."""
        self._n_passes = self._n_batches = self._n_since = 0
        self.seconds_waiting = self.seconds = 0.0
        """How long batches were waited for, and all steps took, since this process began; of no result."""

    @property
    def has_ended(self) -> bool:
        """Whether nothing is left to do: steps are over, or every network stopped."""
        return (self.n_steps >= self.course.n_steps and not self._n_since) or not bool(self._active_G.any())

    def run(self, progress: Callable[[float], None] = lambda share: None, save: Save | None = None) -> None:
        """Train to the end.

        Args:
            progress: Told now and then which share of the training is done, at the end 1.
            save: Given the state every `checkpoint_every` steps, and before a signal to end (Ctrl-C, SIGTERM)
                is obeyed, which it is between steps; None: never.
        """
        with postponed(save is not None) as signals:
            progress(self._share)
            while not self.has_ended:
                self._run_pass(progress, save, lambda: signals.heard)
                if signals.heard:
                    return
                progress(self._share)
        if self.course.choose == "last":
            self._trainee.keep(self._active_G)
        progress(1.0)

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs to go on from here, to the bit."""
        names = list(self.curve[0].values) if self.curve else []
        return {
            "position": [self.n_steps, self._n_passes, self._n_batches, self._n_since],
            "best": self.best_G,
            "best_point": self.best_point_G,
            "n_points": self.n_points_G,
            "active": self._active_G,
            "points": [[point.step, point.n_passes] for point in self.curve],
            "values": {name: torch.stack([point.values[name] for point in self.curve]) for name in names},
            "batches": self._batches.state(),
            "trainee": self._trainee.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` gave of the same training; `n_steps` of the course may be another."""
        self.n_steps, self._n_passes, self._n_batches, self._n_since = state["position"]
        self.best_G, self.best_point_G = state["best"], state["best_point"]
        self.n_points_G, self._active_G = state["n_points"], state["active"]
        self.curve = [
            Point(
                step=step,
                n_passes=n_passes,
                values={name: values_EG[place] for name, values_EG in state["values"].items()},
            )
            for place, (step, n_passes) in enumerate(state["points"])
        ]
        self._batches.restore(state["batches"])
        self._trainee.restore(state["trainee"])

    @property
    def _share(self) -> float:
        return min(1.0, self.n_steps / self.course.n_steps) if self.course.n_steps else 1.0

    def _run_pass(
        self, progress: Callable[[float], None], save: Save | None, is_ending: Callable[[], bool]
    ) -> None:
        """Do the rest of a pass: one that was begun before a state was saved, or a new one."""
        course, trainee = self.course, self._trainee
        stream = self._batches.begin(self._n_batches)
        began = time.perf_counter()
        try:
            while True:
                if self._n_since and self._n_since == course.evaluate_every:
                    self._add_point(self._n_passes + 1)
                    if self.has_ended:
                        return
                if is_ending():
                    if save is not None:
                        save(self.state())
                    return
                if not (together := self._next_step(stream)):
                    break
                trainee.gradients(together, self.n_steps)
                trainee.step(course.schedule.factor(self.n_steps, course.n_steps))
                self.n_steps += 1
                self._n_since += 1
                self._n_batches += len(together)
                if save and course.checkpoint_every and self.n_steps % course.checkpoint_every == 0:
                    save(self.state())
                if course.tell_every and self.n_steps % course.tell_every == 0:
                    progress(self._share)
        finally:
            self.seconds += time.perf_counter() - began
        self._end_pass(is_cut_short=self.n_steps >= course.n_steps)

    def _end_pass(self, *, is_cut_short: bool) -> None:
        """Add a point where one is due; a pass that only the last step ended can be gone on with later."""
        if not self._n_batches:
            raise RuntimeError("a pass over train ended without a batch")
        if self._n_since and (self.course.evaluate_every is None or is_cut_short):
            self._add_point(self._n_passes + 1)
        if not is_cut_short:
            self._n_passes, self._n_batches = self._n_passes + 1, 0

    def _next_step(self, stream: Iterator[_Batch]) -> list[_Batch]:
        """The batches of the next step; none where steps or the pass are over."""
        if self.n_steps >= self.course.n_steps:
            return []
        began = time.perf_counter()
        together = list(islice(stream, self.course.accumulate))
        self.seconds_waiting += time.perf_counter() - began
        return together

    def _add_point(self, n_passes: int) -> None:
        """Judge the networks, keep what is to be kept, and say which go on."""
        course = self.course
        values = self._trainee.measure()
        self.curve.append(Point(step=self.n_steps, n_passes=n_passes, values=values))
        self._n_since = 0
        self.n_points_G = self.n_points_G + self._active_G
        finite_G = torch.ones_like(self._active_G)
        for name, values_G in values.items():
            if name.endswith("_loss"):
                finite_G &= torch.isfinite(values_G)
        measured_G = values[course.measure]
        better_G = measured_G > self.best_G if course.higher_is_better else measured_G < self.best_G
        improved_G = self._active_G & finite_G & better_G
        self.best_G = torch.where(improved_G, measured_G, self.best_G)
        self.best_point_G = torch.where(improved_G, len(self.curve), self.best_point_G)
        going_on_G = self._active_G & finite_G
        if course.patience is not None:
            going_on_G &= len(self.curve) - self.best_point_G < course.patience
        self._trainee.keep(improved_G if course.choose == "best" else self._active_G & ~going_on_G)
        self._active_G = going_on_G
