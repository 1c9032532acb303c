"""One training: a prepared network, the items it learns from and is judged on, and what came of it.

Shape letters: N items, R rows that outputs stand for (items, or letters), O outputs of all targets side by
side.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqbench.config.finetune import FinetuneConfig
from seqbench.core.types import SplitName
from seqbench.errors import ProbeError
from seqbench.finetune.batches import WAY_OUT, Batch, outputs_of, precision
from seqbench.finetune.calibrate import Budget, calibrate
from seqbench.finetune.kept import KeptPoints
from seqbench.finetune.material import Material
from seqbench.finetune.network import FineTuned
from seqbench.finetune.outcome import CHOSEN_SCORE, EVAL_SCORE, Outcome, history_of, seen
from seqbench.finetune.problem import loss_of, scaling_of
from seqbench.finetune.scored import part_of, scores_of
from seqbench.metrics import PRIMARY, higher_is_better
from seqbench.training.batches import BatchPlan, PlannedBatches
from seqbench.training.checkpoint import Checkpoint
from seqbench.training.loop import EVAL_LOSS, Course, Loop
from seqbench.training.losses import SharedLoss
from seqbench.training.memory import SizedParts
from seqbench.training.network import NetworkTraining, SupervisedObjective
from seqbench.training.optimizer import Rate, rated_adamw
from seqbench.training.randomness import seeded
from seqbench.training.schedule import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Where a training goes on, and who is told of it; none of it changes a result."""

    checkpoint: Checkpoint
    advance: Callable[[float], None]
    """Takes shares of the training that were done since it was told last."""
    note: Callable[[str], None]
    watch: Callable[[Sequence[float]], None] | None = None
    """Given the scores of all points so far at each new one; may end the training by an exception."""


class Finetuning:
    """A network with its loss, batches and optimiser."""

    def __init__(
        self,
        network: FineTuned,
        material: Material,
        config: FinetuneConfig,
        *,
        seed: int,
        autocast: torch.dtype | None,
        around: Surroundings,
    ) -> None:
        """Put together what is trained.

        Args:
            network: Prepared, on its device.
            material: Items and targets.
            config: How it is trained.
            seed: Of batches and dropout.
            autocast: The type that the network computes in; None: float32.
            around: Who is told.
        """
        self.network, self._material, self._config = network, material, config
        self._seed, self._autocast, self._around = seed, autocast, around
        self._device = network.encoder.device
        self._loop: Loop[Batch] | None = None
        by = config.choose_by
        self._is_higher_better = by != "loss" and higher_is_better(by)
        self._kept = KeptPoints(network, config.keep, higher_is_better=self._is_higher_better)
        learned = material.rows("train", material.train_N)
        self._scaling = scaling_of(material.targets, learned, config)
        self.loss: SharedLoss = _on(loss_of(material.targets, learned, config), self._device)
        self._train = [material.items["train"].items[row] for row in material.train_N.tolist()]
        self._lengths_N = material.items["train"].lengths_N[material.train_N]
        self._eval = [material.items[material.eval_source].items[row] for row in material.eval_N.tolist()]
        self.objective = SupervisedObjective[Batch](
            self.loss, outputs=lambda net, batch: net(batch.items), targets=lambda batch: batch.targets_RO
        )
        asked = config.tokens_per_batch
        head = Rate(lr=config.head_lr or config.lr, weight_decay=config.weight_decay)
        self.training = NetworkTraining(
            network,
            self.objective,
            rated_adamw(network, Rate(lr=config.lr, weight_decay=config.weight_decay), {"head.": head}),
            evaluate=self._evaluate,
            seed=seed,
            clip=config.clip,
            autocast=autocast,
            parts=SizedParts(
                lambda batch: batch.n_tokens,
                Batch.cut,
                most=None if config.batch_size is None or asked == "auto" else asked,
            ),
            note=around.note,
            way_out=WAY_OUT,
        )

    @property
    def n_steps(self) -> int:
        """Steps done so far."""
        return 0 if self._loop is None else self._loop.n_steps

    def run(self) -> Outcome:
        """Train to the end, from where a checkpoint left it."""
        config, state = self._config, self._around.checkpoint.load(self._device)
        budget = None if config.batch_size else self._budget(state)
        plan = BatchPlan(
            n_items=len(self._train),
            seed=self._seed,
            batch_size=config.batch_size,
            tokens_per_batch=None if budget is None else budget.tokens,
            lengths_N=self._lengths_N,
        )
        loop = Loop(self._course(plan), self.training, PlannedBatches(plan, self.batch, ahead=2))
        self._loop = loop
        seconds_before = 0.0
        if state is not None:
            loop.restore(state["loop"])
            seconds_before = state["seconds"]
            self._kept.restore(state["others"])
        began, told = time.perf_counter(), [0.0]

        def progress(share: float) -> None:
            self._around.advance(share - told[0])
            told[0] = share

        def save(state: Mapping[str, Any]) -> None:
            seconds = seconds_before + time.perf_counter() - began
            kept = None if budget is None else [budget.tokens, budget.reason]
            self._around.checkpoint.save(
                {"loop": state, "seconds": seconds, "budget": kept, "others": self._kept.state()}
            )

        loop.run(progress=progress, save=save)
        self.training.take_kept()
        n_items, n_tokens = seen(plan, self._lengths_N, loop.n_steps, config.accumulate)
        history, chosen = history_of(loop), int(loop.best_point_G[0]) or None
        return Outcome(
            network=self.network,
            predict=self.predict,
            history=history,
            n_points=len(loop.curve),
            chosen=chosen,
            others=tuple(
                number for number in self._kept.numbers() if number != chosen and number <= len(history)
            ),
            take=self._kept.take,
            steps=loop.n_steps,
            n_items=n_items,
            n_tokens=n_tokens,
            seconds=seconds_before + time.perf_counter() - began,
            budget=budget,
        )

    def batch(self, rows_B: NDArray[np.int64]) -> Batch:
        """A batch of items by their place among those of train."""
        return Batch(
            items=[self._train[row] for row in rows_B.tolist()],
            targets_RO=self._scaled("train", self._material.train_N[rows_B]),
        )

    def predict(self, split: SplitName, items_N: NDArray[np.int64]) -> Tensor:
        """Predictions of the rows of some items with the weights as they are; (R, O) float32 on the CPU."""
        items = self._material.items[split].items
        return self._predictions(self._outputs([items[item] for item in items_N.tolist()]))

    def _predictions(self, outputs_RO: Tensor) -> Tensor:
        return self._scaling.undo(_on(self.loss, torch.device("cpu")).predictions(outputs_RO))

    @property
    def scaling(self) -> tuple[list[float], list[float]]:
        """Shift and scale of each output."""
        return self._scaling.shift_O.tolist(), self._scaling.scale_O.tolist()

    def _outputs(self, items: Sequence[Any]) -> Tensor:
        return outputs_of(
            self.network,
            items,
            tokens_per_batch=PREDICTED_TOKENS[self._device.type],
            autocast=self._autocast,
            device=self._device,
        )

    def _scaled(self, split: SplitName, items_N: NDArray[np.int64]) -> Tensor:
        return self._scaling.apply(self._material.matrix(split, items_N)).to(self._device)

    def _evaluate(self) -> dict[str, float]:
        """Loss and score of eval, and the metric by which points are compared."""
        outputs_RO = self._outputs(self._eval)
        targets_RO = self._scaled(self._material.eval_source, self._material.eval_N).cpu()
        loss = _on(self.loss, torch.device("cpu"))
        sums_M, weights_M = loss.sums(outputs_RO, targets_RO), loss.weights(targets_RO)
        value = float(loss.mean(sums_M, weights_M)) if bool(weights_M.any()) else float("nan")
        predictions_RO, chosen = self._predictions(outputs_RO), self._config.choose_by
        found = {
            EVAL_LOSS: value,
            EVAL_SCORE: self._score(predictions_RO, None),
            CHOSEN_SCORE: value if chosen == "loss" else self._score(predictions_RO, chosen),
        }
        if self._loop is not None and np.isfinite([value, found[CHOSEN_SCORE]]).all():
            self._kept.offer(len(self._loop.curve) + 1, found[CHOSEN_SCORE])
        if self._around.watch is not None and self._loop is not None:
            shown = EVAL_SCORE if chosen == "loss" else CHOSEN_SCORE
            before = [float(point.values[shown][0]) for point in self._loop.curve]
            self._around.watch([*before, found[shown]])
        return found

    def _score(self, predictions_RO: Tensor, metric: str | None) -> float:
        """A metric of eval (None: each task's own), the weighted mean over targets; NaN where undefined."""
        found, shares, first = [], [], 0
        source = self._material.eval_source
        rows = self._material.rows(source, self._material.eval_N)
        for target in self._material.targets:
            outputs = slice(first, first + target.n_outputs)
            first += target.n_outputs
            part = part_of(target, source, rows, predictions_RO[:, outputs].numpy())
            with suppress(ProbeError):  # no label, or training has diverged
                metrics, _ = scores_of(target.task, part, n_resamples=0)
                value = {each.metric: each.value for each in metrics}[metric or PRIMARY[target.task]]
                if value is not None:
                    found.append(value)
                    shares.append(target.share)
        return float(np.average(found, weights=shares)) if found else float("nan")

    def _course(self, plan: BatchPlan) -> Course:
        config = self._config
        return Course(
            n_steps=config.steps or plan.n_steps(config.epochs, config.accumulate),
            schedule=Schedule(warmup=config.warmup, decay=config.decay),
            accumulate=config.accumulate,
            evaluate_every=config.eval_every,
            patience=config.patience,
            measure=CHOSEN_SCORE,
            higher_is_better=self._is_higher_better,
            checkpoint_every=config.checkpoint_steps,
            tell_every=10,
        )

    def _budget(self, state: Mapping[str, Any] | None) -> Budget:
        asked = self._config.tokens_per_batch
        if asked != "auto":
            return Budget(tokens=asked, reason="set in the config")
        if state is not None and state["budget"] is not None:
            tokens, reason = state["budget"]
            return Budget(tokens=tokens, reason=reason)
        epochs = self._config.epochs if self._config.steps is None else 1
        found = calibrate(self._trial, self.batch, self._lengths_N, epochs=epochs, device=self._device)
        self._around.note(f"{found.tokens:,} tokens a batch ({found.reason})")
        return found

    def _trial(self, batch: Batch) -> None:
        """Compute the gradients of a batch for its time alone."""
        buffers = {name: buffer.clone() for name, buffer in self.network.head.named_buffers()}
        self.network.train()
        with seeded(self._device, self._seed), precision(self._device, self._autocast):
            self.objective.sums(self.network, batch).sum().backward()  # type: ignore[no-untyped-call]
        self.network.zero_grad(set_to_none=True)
        for name, buffer in self.network.head.named_buffers():  # running means
            buffer.copy_(buffers[name])


PREDICTED_TOKENS = {"cpu": 4096, "cuda": 65_536}
"""Tokens of a batch of which no gradient is wanted; predictions hardly depend on it."""


def _on(loss: SharedLoss, device: torch.device) -> SharedLoss:
    """The loss with its class weights on a device."""
    return replace(
        loss,
        parts=tuple(
            part if part.weights_2K is None else replace(part, weights_2K=part.weights_2K.to(device))
            for part in loss.parts
        ),
    )
