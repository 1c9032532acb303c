"""Training a head on the tokens of one layer, from the store, by the one training loop.

Shape letters: N items, B items of a batch, K outputs, H width of a token, E points of the learning curve.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqbench.catalog.records import EpochRecord
from seqbench.config.tokens import TokenHeadConfig
from seqbench.core.types import SplitName, Task
from seqbench.probe.heads.base import ChooseEpoch, ClassWeights, FittedHead, Problem
from seqbench.probe.heads.mlp.losses import class_weights
from seqbench.probe.heads.mlp.scores import EvalScores
from seqbench.probe.heads.scaling import Scaling
from seqbench.probe.heads.threads import torch_threads
from seqbench.probe.items import Part
from seqbench.probe.letter_vectors import LetterVectors
from seqbench.probe.token_heads.letter_stream import LetterItems
from seqbench.probe.token_heads.state import head_state, in_own_units, network_of
from seqbench.probe.token_heads.stream import TokenBatch, TokenBatches, TokenItems, TokensAtLayer
from seqbench.training.checkpoint import Checkpoint
from seqbench.training.loop import EVAL_LOSS, TRAIN_LOSS, Course, Loop
from seqbench.training.losses import TaskLoss, target_matrix
from seqbench.training.network import NetworkTraining, SupervisedObjective, evaluating
from seqbench.training.optimizer import Rate, rated_adamw
from seqbench.training.schedule import Schedule

SCORE = "eval_score"
"""The primary metric on eval in the curve, where eval is small enough to rank."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenFit:
    """One training of one head on one layer."""

    kind: str
    """The head's name."""
    settings: TokenHeadConfig
    class_weights: ClassWeights
    choose_epoch: ChooseEpoch
    combine: str
    seed: int
    problem: Problem
    arrays: Mapping[SplitName, TokensAtLayer]
    """The layer in each stored split; where labels are of letters, read as letters."""
    train: Part
    scored: Mapping[SplitName, Part]
    """What is predicted; `eval` among them is what the epoch is chosen on."""
    checkpoint: Checkpoint | None = None
    letters: Mapping[SplitName, LetterVectors] | None = None
    """The letters of each split, where labels are of these; else None."""

    def run(self, advance: Callable[[float], None]) -> FittedHead:
        """Train and predict.

        Args:
            advance: Told which further share of the training is done.

        Raises:
            TrainingError: There is too little memory for one item, or a checkpoint can't be written.
            StoreError: The store is damaged.
            ProbeError: Tokens of an item are missing.
        """
        began = time.perf_counter()
        fitting = _Fitting(self)
        fitted = fitting.train(advance)
        if self.checkpoint is not None:
            self.checkpoint.remove()
        return FittedHead(**{**_fields(fitted), "seconds": time.perf_counter() - began})


def _fields(fitted: FittedHead) -> dict[str, Any]:
    return {name: getattr(fitted, name) for name in FittedHead.__slots__}


class _Fitting:
    """The parts of a training on their device."""

    def __init__(self, fit: TokenFit) -> None:
        self._fit = fit
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        is_scaled = fit.settings.standardize and fit.problem.task is Task.REGRESSION
        self._scaling = Scaling.fit(fit.train.targets) if is_scaled else None
        self._train = self._items(fit.train)
        self._parts = {name: self._items(part) for name, part in fit.scored.items()}
        array = fit.arrays[fit.train.source]
        self._made_of = {
            "task": fit.problem.task.value,
            "width": array.hidden,
            "n_seqs": array.n_seqs,
            "combine": fit.combine,
            "n_outputs": fit.problem.n_outputs,
        } | ({} if fit.letters is None else {"level": "token"})
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(fit.seed)
            network = network_of(fit.settings, self._made_of)
        if fit.settings.standardize:
            mean_H, sd_H = self._train.moments()
            network.mean_H.copy_(torch.from_numpy(mean_H))
            network.sd_H.copy_(torch.from_numpy(sd_H))
        self._network = network.to(self._device)
        self._loss = self._task_loss()

    def train(self, advance: Callable[[float], None]) -> FittedHead:
        """Train, choose an epoch, predict with it."""
        fit, settings = self._fit, self._fit.settings
        batches = TokenBatches(self._train, fit.seed)
        with torch_threads(self._step_flop()):
            training = NetworkTraining(
                self._network,
                SupervisedObjective(self._loss, outputs=_outputs, targets=lambda batch: batch.targets_BK),
                rated_adamw(self._network, Rate(lr=settings.lr, weight_decay=settings.weight_decay)),
                evaluate=self._evaluate,
                seed=fit.seed,
                clip=settings.clip,
                autocast=torch.bfloat16 if self._device.type == "cuda" else None,
                keeps=fit.choose_epoch == "best" or settings.patience is not None,
                halve=lambda batch: batch.halves(),
                way_out=f"lower probe.{fit.kind}.batch_size",
            )
            loop = Loop(self._course(batches), training, batches)
            if fit.checkpoint is not None and (state := fit.checkpoint.load(self._device)) is not None:
                loop.restore(state)
            loop.run(_Told(advance), None if fit.checkpoint is None else fit.checkpoint.save)
            training.take_kept()
            return self._fitted(loop)

    def _items(self, part: Part) -> TokenItems:
        task = self._fit.problem.task
        values = part.targets if self._scaling is None else self._scaling.apply(part.targets)
        own = torch.from_numpy(np.ascontiguousarray(values))
        array, targets_NK = (
            self._fit.arrays[part.source],
            target_matrix(own, task, self._fit.problem.n_outputs),
        )
        size = self._fit.settings.batch_size
        if self._fit.letters is not None:
            letters = self._fit.letters[part.source]
            return LetterItems(array, letters, part, targets_NK, batch_size=size, device=self._device)
        return TokenItems(array, part.rows_N, targets_NK, batch_size=size, device=self._device)

    def _task_loss(self) -> TaskLoss:
        fit, settings = self._fit, self._fit.settings
        weights_2K = class_weights(fit.train.targets, fit.problem, fit.class_weights)
        return TaskLoss(
            task=fit.problem.task,
            class_loss=settings.class_loss,
            focal_gamma=settings.focal_gamma,
            focal_alpha=settings.focal_alpha,
            label_smoothing=settings.label_smoothing,
            value_loss=settings.value_loss,
            weights_2K=None if weights_2K is None else torch.from_numpy(weights_2K).to(self._device),
        )

    def _course(self, batches: TokenBatches) -> Course:
        settings = self._fit.settings
        return Course(
            n_steps=settings.steps or batches.n_steps(settings.epochs, settings.accumulate),
            schedule=Schedule(warmup=settings.warmup, decay=settings.decay),
            accumulate=settings.accumulate,
            patience=settings.patience,
            choose=self._fit.choose_epoch,
            checkpoint_every=settings.checkpoint_steps,
            tell_every=10,
        )

    def _step_flop(self) -> int:
        """Work of a step: two operations a weight and token forth, four back."""
        weights = sum(weight.numel() for weight in self._network.pool.parameters())
        tokens = float(self._train.tokens_N.mean()) if len(self._train) else 0.0
        return int(6 * weights * tokens * self._fit.settings.batch_size)

    def _evaluate(self) -> dict[str, float]:
        """Loss, and where eval is small the primary metric, of the network as it is."""
        outputs_NK, targets_NK = self._outputs_of(self._parts["eval"])
        sums_M, weights_M = self._loss.sums(outputs_NK, targets_NK), self._loss.weights(targets_NK)
        values = {EVAL_LOSS: float(self._loss.mean(sums_M, weights_M)), SCORE: math.nan}
        scores = EvalScores(self._fit.problem.task, [targets_NK.cpu()])
        if scores.wanted:
            values[SCORE] = float(scores(self._loss.predictions(outputs_NK).cpu()[None, None, None]))
        return values

    def _outputs_of(self, items: TokenItems) -> tuple[Tensor, Tensor]:
        """What the network says of all items, (N, K) float32, and their target matrix."""
        outputs_NK = torch.empty(items.n_rows, self._fit.problem.n_outputs, device=self._device)
        targets_NK = torch.empty_like(outputs_NK)
        with evaluating(self._network):
            for positions, batch in items.in_order():
                places = torch.from_numpy(positions).to(self._device)
                outputs_NK[places] = batch.outputs(self._network).float()
                targets_NK[places] = batch.targets_BK
        return outputs_NK, targets_NK

    def _fitted(self, loop: Loop[TokenBatch]) -> FittedHead:
        fit, n_points = self._fit, int(loop.n_points_G)
        history = tuple(_record(number, point.values) for number, point in enumerate(loop.curve, 1))
        last = loop.curve[n_points - 1].values
        if not all(bool(torch.isfinite(last[name]).all()) for name in (TRAIN_LOSS, EVAL_LOSS)):
            return FittedHead(
                layer_index=0,
                n_epochs=n_points,
                history=history[: n_points - 1],
                convergence="diverged",
                error=f"the loss became infinite or NaN in epoch {n_points}; lower probe.{fit.kind}.lr "
                f"({fit.settings.lr:g}), or set probe.{fit.kind}.clip or probe.{fit.kind}.standardize",
            )
        chosen = n_points if fit.choose_epoch == "last" else int(loop.best_point_G)
        return FittedHead(
            layer_index=0,
            predictions={name: self._predictions(items) for name, items in self._parts.items()},
            chosen_epoch=chosen,
            n_epochs=n_points,
            history=history[:n_points],
            state=head_state(fit.kind, fit.settings, self._network, self._made_of, self._scaling),
        )

    def _predictions(self, items: TokenItems) -> NDArray[np.float32]:
        outputs_NK, _ = self._outputs_of(items)
        found_NK: NDArray[np.float32] = self._loss.predictions(outputs_NK).cpu().numpy()
        return in_own_units(found_NK, self._scaling)


class _Told:
    """Turns the share that is done into what is new of it."""

    def __init__(self, advance: Callable[[float], None]) -> None:
        self._advance, self._before = advance, 0.0

    def __call__(self, share: float) -> None:
        self._advance(share - self._before)
        self._before = share


def _outputs(network: torch.nn.Module, batch: TokenBatch) -> Tensor:
    return batch.outputs(network)


def _record(number: int, values: Mapping[str, Tensor]) -> EpochRecord:
    score = float(values[SCORE])
    return EpochRecord(
        epoch=number,
        train_loss=float(values[TRAIN_LOSS]),
        eval_loss=float(values[EVAL_LOSS]),
        eval_score=None if math.isnan(score) else score,
    )
