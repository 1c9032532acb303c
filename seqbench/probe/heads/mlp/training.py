"""A block of MLPs as the training loop wants it: each network is trained as if alone.

Shape letters: C rates, F fits, L layers, G = C × F × L networks in this order, B items of a batch, K outputs,
M sums that a loss needs.

Two seeds on two layers with three rates are a stack of 12 networks, whose steps are one batched product each:

    training = StackTraining(setup, data.train, data.evaluation)
    loop = Loop(Course(n_steps=100), training, training.batches)
    loop.run()
    loop.curve[-1].values["eval_loss"]  # (12,): rate by rate, in it seed by seed, in it layer by layer
    training.kept.weights_GIO  # a tensor (12, I, O) a linear map
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from seqbench.config.heads import MlpConfig
from seqbench.probe.heads.mlp.blocks import predict_rows
from seqbench.probe.heads.mlp.draws import Batch, Draws, StackBatches
from seqbench.probe.heads.mlp.losses import StackLoss
from seqbench.probe.heads.mlp.network import Dropout, backward, forward, logits
from seqbench.probe.heads.mlp.network_targets import NetworkTargets
from seqbench.probe.heads.mlp.optimizer import stack_optimizer
from seqbench.probe.heads.mlp.scores import EvalScores
from seqbench.probe.heads.mlp.stack import Architecture, MlpStack, Parameters
from seqbench.probe.heads.mlp.tensors import SplitTensors
from seqbench.training.loop import EVAL_LOSS, TRAIN_LOSS
from seqbench.training.optimizer import Rate

SCORE = "score"
"""Measure of every point: the primary metric on eval; NaN where it is undefined or not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What is trained and how."""

    settings: MlpConfig
    architecture: Architecture
    rates: Sequence[Rate]
    """One a C."""
    seeds: Sequence[int]
    """One a fit."""
    n_layers: int
    targets: NetworkTargets
    loss: StackLoss
    """With weights of all networks."""
    mixed: bool
    """Products in bfloat16 while training."""
    keeps: bool
    """Whether other weights than the last ones may predict."""


class StackTraining:
    """Networks that train together; see `loop.Trainee`."""

    def __init__(self, setup: Setup, train: SplitTensors, evaluation: SplitTensors) -> None:
        """Draw the initial weights.

        Args:
            setup: Of all networks.
            train: Of every fit.
            evaluation: Of every fit.
        """
        self._setup, self._train, self._evaluation = setup, train, evaluation
        self.device = train.targets_F[0].device
        self.n_networks = len(setup.rates) * len(setup.seeds) * setup.n_layers
        self._stack = MlpStack(self.n_networks, setup.architecture, self.device)
        self._optimizer = stack_optimizer(self._stack, setup.rates)
        distinct = list(dict.fromkeys(setup.seeds))
        draws = [Draws(seed, self.device) for seed in distinct]
        self._stream_F = [distinct.index(seed) for seed in setup.seeds]
        self._draw_weights(draws)
        self.batches = StackBatches(
            draws,
            n_items=train.n_items,
            batch_size=setup.settings.batch_size,
            widths=setup.architecture.widths[1:-1],
            dropout=setup.settings.dropout,
        )
        """Those of each seed go on in the stream that drew its weights."""
        self._scores = [
            EvalScores(problem.task, [matrix[:, place] for matrix in evaluation.targets_F])
            for problem, place in zip(setup.targets.problems, setup.targets.places, strict=True)
        ]
        self._kept = self._stack.values.clone() if setup.keeps else self._stack.values
        self._sums_GM: Tensor | None = None
        self._n_seen: Tensor | int = 0

    @property
    def kept(self) -> Parameters:
        """The weights that predict, a view."""
        return self._stack.views(self._kept)

    def gradients(self, batches: Sequence[Sequence[Batch]], step: int) -> None:
        """See `loop.Trainee`; a batch is one a distinct seed."""
        for place, batch_S in enumerate(batches):
            self._add_gradients(batch_S, share=1 / len(batches), add=place > 0)

    def step(self, factor: float) -> None:
        """See `loop.Trainee`."""
        if self._setup.settings.clip is not None:
            self._stack.clip_gradients(self._setup.settings.clip)
        self._optimizer.step(factor)

    def measure(self) -> Mapping[str, Tensor]:
        """See `loop.Trainee`: losses and the score; of several targets also those of each."""
        if self._sums_GM is None:
            raise RuntimeError("nothing was trained since the last point")
        values = self._losses(TRAIN_LOSS, self._sums_GM, self._n_seen)
        self._sums_GM, self._n_seen = None, 0
        return values | self._evaluate()

    def _losses(self, name: str, sums_GM: Tensor, weights_GM: Tensor | int) -> dict[str, Tensor]:
        by_target = self._setup.loss.by_target(sums_GM, weights_GM)
        own = {of_target(name, target): loss_G for target, loss_G in enumerate(by_target)}
        return {name: self._setup.loss.mean(sums_GM, weights_GM), **own}

    def keep(self, chosen_G: Tensor) -> None:
        """See `loop.Trainee`."""
        if self._kept is not self._stack.values:
            self._stack.copy_networks(chosen_G, self._kept)

    def state(self) -> dict[str, Any]:
        """See `loop.Trainee`."""
        return {
            "values": self._stack.values,
            "optimizer": self._optimizer.state(),
            "kept": self._kept,
            "sums": self._sums_GM,
            "n_seen": self._n_seen,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """See `loop.Trainee`."""
        self._stack.values.copy_(state["values"])
        self._optimizer.restore(state["optimizer"])
        self._kept.copy_(state["kept"])
        self._sums_GM, self._n_seen = state["sums"], state["n_seen"]

    def _draw_weights(self, draws: Sequence[Draws]) -> None:
        """The same for all rates and layers of a seed."""
        parameters = self._stack.parameters
        runs = (len(self._setup.rates), len(self._setup.seeds), self._setup.n_layers)
        for weight_GIO, bias_G1O in zip(parameters.weights_GIO, parameters.biases_G1O, strict=True):
            drawn = [stream.linear(weight_GIO.shape[1], weight_GIO.shape[2]) for stream in draws]
            for fit, stream in enumerate(self._stream_F):
                weight_OI, bias_O = drawn[stream]
                weight_GIO.view(*runs, *weight_GIO.shape[1:])[:, fit] = weight_OI.T
                bias_G1O.view(*runs, *bias_G1O.shape[1:])[:, fit] = bias_O

    def _add_gradients(self, batch_S: Sequence[Batch], *, share: float, add: bool) -> None:
        setup = self._setup
        index_F = [batch_S[stream].index_B for stream in self._stream_F]
        x_GBH, targets_GBK = self._train.batch(index_F, len(setup.rates))
        dropout = self._dropout(batch_S)
        trace = forward(self._stack, x_GBH, dropout, mixed=setup.mixed)
        sums_GM = setup.loss.sums(trace.logits_GBK, targets_GBK)
        self._sums_GM = sums_GM if self._sums_GM is None else self._sums_GM + sums_GM
        self._n_seen = self._n_seen + setup.loss.weights(targets_GBK)
        gradients_GBK = setup.loss.gradients(trace.logits_GBK, targets_GBK)
        if share < 1:
            gradients_GBK = gradients_GBK * share
        backward(self._stack, trace, dropout, gradients_GBK, mixed=setup.mixed, add=add)

    def _dropout(self, batch_S: Sequence[Batch]) -> Dropout | None:
        n_layers = self._setup.n_layers
        if not batch_S[0].masks_BO:
            return None
        if len(batch_S) == 1:
            return Dropout(masks_SBO=[mask[None] for mask in batch_S[0].masks_BO], networks_in_a_row=n_layers)
        masks = zip(*(batch_S[stream].masks_BO for stream in self._stream_F), strict=True)
        return Dropout(masks_SBO=[torch.stack(depth) for depth in masks], networks_in_a_row=n_layers)

    def _evaluate(self) -> dict[str, Tensor]:
        setup, split = self._setup, self._evaluation
        runs = (len(setup.rates), len(setup.seeds), setup.n_layers)
        rows_at_once = predict_rows(self._stack.n_networks, setup.architecture)
        sums_GM: Tensor | None = None
        weights_GM: Tensor | int = 0
        predictions = []
        for first in range(0, split.n_items, rows_at_once):
            rows = slice(first, first + rows_at_once)
            x_GBH, targets_GBK = split.batch([rows] * len(setup.seeds), len(setup.rates))
            logits_GBK = logits(self._stack.parameters, setup.architecture, x_GBH)
            part_GM = setup.loss.sums(logits_GBK, targets_GBK)
            sums_GM = part_GM if sums_GM is None else sums_GM + part_GM
            weights_GM = weights_GM + setup.loss.weights(targets_GBK)
            if any(scores.wanted for scores in self._scores):
                predictions.append(setup.loss.predictions(logits_GBK))
        if sums_GM is None:
            raise RuntimeError("eval has no items")
        values = self._losses(EVAL_LOSS, sums_GM, weights_GM)
        undefined_G = torch.full_like(values[EVAL_LOSS], torch.nan)
        for target, (scores, place) in enumerate(zip(self._scores, setup.targets.places, strict=True)):
            values[of_target(SCORE, target)] = undefined_G
            if scores.wanted:
                predictions_GNK = torch.cat([part[..., place] for part in predictions], dim=1)
                scores_CFL = scores(predictions_GNK.view(*runs, *predictions_GNK.shape[1:]))
                values[of_target(SCORE, target)] = scores_CFL.flatten()
        return values


def of_target(measure: str, target: int) -> str:
    """The name of a measure of one target by its number; that of the first score is the plain one's."""
    return measure if (measure, target) == (SCORE, 0) else f"{measure} {target}"
