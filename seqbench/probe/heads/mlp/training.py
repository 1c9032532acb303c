"""Training a block of MLPs: each network as if alone, its best or last weights kept, and resumable.

Shape letters: C rates, F fits, L layers, G = C × F × L networks in this order, B items of a batch, K outputs,
M sums that a loss needs, E passes over train.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from seqbench.probe.heads.mlp.blocks import predict_rows
from seqbench.probe.heads.mlp.draws import Batch, Draws
from seqbench.probe.heads.mlp.losses import Loss
from seqbench.probe.heads.mlp.network import Dropout, backward, forward, logits
from seqbench.probe.heads.mlp.schedule import Rate, Schedule, StackOptimizer
from seqbench.probe.heads.mlp.scores import EvalScores
from seqbench.probe.heads.mlp.stack import Architecture, MlpStack, Parameters
from seqbench.probe.heads.mlp.tensors import SplitTensors

Save = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What is trained and how."""

    architecture: Architecture
    schedule: Schedule
    rates: Sequence[Rate]
    """One a C."""
    seeds: Sequence[int]
    """One a fit."""
    n_layers: int
    loss: Loss
    """With weights of all networks."""
    mixed: bool
    """Products in bfloat16 while training."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """Of every network and pass, (E, G), float64, on the CPU."""

    train_EG: Tensor
    """Mean loss while training: with dropout, over weights that change within the pass."""
    eval_EG: Tensor
    """Mean loss after the pass, without dropout."""
    score_EG: Tensor
    """The primary metric on eval after the pass; NaN where it is undefined or not measured."""


class Training:
    """Networks that train together.

    A network's numbers never meet another's, so one that diverges stays by itself; a network that stops early
    is computed on, but what counts of it stays as it was.
    """

    def __init__(self, setup: Setup, train: SplitTensors, evaluation: SplitTensors) -> None:
        self._setup, self._train, self._evaluation = setup, train, evaluation
        device = train.targets_F[0].device
        n_networks = len(setup.rates) * len(setup.seeds) * setup.n_layers
        self._stack = MlpStack(n_networks, setup.architecture, device)
        self._optimizer = StackOptimizer(self._stack, setup.rates)
        distinct = list(dict.fromkeys(setup.seeds))
        self._draws = [Draws(seed, device) for seed in distinct]
        self._stream_F = [distinct.index(seed) for seed in setup.seeds]
        self._draw_weights()
        self._scores = EvalScores(setup.loss.task, evaluation.targets_F)
        self._n_total = setup.schedule.n_steps(train.n_items)
        keeps = setup.schedule.choose_epoch == "best" or setup.schedule.patience is not None
        self._kept = self._stack.values.clone() if keeps else self._stack.values
        self._best_G = torch.full((n_networks,), torch.inf, device=device)
        self.best_epoch_G = torch.zeros(n_networks, dtype=torch.int64, device=device)
        """Pass of the lowest eval loss, from 1; 0 where no loss was a number."""
        self.n_epochs_G = torch.zeros(n_networks, dtype=torch.int64, device=device)
        """Passes until the network stopped."""
        self._active_G = torch.ones(n_networks, dtype=torch.bool, device=device)
        self._curves: list[tuple[Tensor, Tensor, Tensor]] = []
        self._n_steps = self._n_batches = self._n_seen = 0
        self._sums_GM: Tensor | None = None
        self._pass_began = [draws.state for draws in self._draws]

    @property
    def n_passes(self) -> int:
        """Passes finished."""
        return len(self._curves)

    @property
    def kept(self) -> Parameters:
        """The weights that predict, a view."""
        return self._stack.views(self._kept)

    @property
    def curves(self) -> Curves:
        """All points so far."""
        train, evaluation, score = (
            torch.stack(column).double().cpu() for column in zip(*self._curves, strict=True)
        )
        return Curves(train_EG=train, eval_EG=evaluation, score_EG=score)

    @torch.no_grad()
    def run(self, progress: Callable[[float], None], save: Save | None) -> None:
        """Train to the end.

        Args:
            progress: Told after each pass which share of the training is done.
            save: Given the state every `checkpoint_steps` steps; None for never.
        """
        n_passes = self._setup.schedule.n_passes(self._train.n_items)
        progress(self.n_passes / n_passes)
        while self._active_G.any() and (self._n_steps < self._n_total or self._n_batches):
            self._run_pass(save)
            self._end_pass()
            progress(self.n_passes / n_passes)
        if self._setup.schedule.choose_epoch == "last" and self._kept is not self._stack.values:
            self._stack.copy_networks(self._active_G, self._kept)
        progress(1.0)

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs to go on from here, to the bit."""
        return {
            "values": self._stack.values,
            "adamw": self._optimizer.adamw.state_dict(),
            "kept": self._kept,
            "best": self._best_G,
            "best_epoch": self.best_epoch_G,
            "n_epochs": self.n_epochs_G,
            "active": self._active_G,
            "curves": self._curves,
            "position": [self._n_steps, self._n_batches, self._n_seen],
            "sums": self._sums_GM,
            "pass_began": self._pass_began,
        }

    @torch.no_grad()
    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` gave of the same training."""
        self._stack.values.copy_(state["values"])
        self._optimizer.adamw.load_state_dict(state["adamw"])
        self._kept.copy_(state["kept"])
        self._best_G, self._active_G = state["best"], state["active"]
        self.best_epoch_G, self.n_epochs_G = state["best_epoch"], state["n_epochs"]
        self._curves = list(state["curves"])
        self._n_steps, self._n_batches, self._n_seen = state["position"]
        self._sums_GM = state["sums"]
        self._pass_began = [stream.cpu() for stream in state["pass_began"]]
        for draws, stream in zip(self._draws, self._pass_began, strict=True):
            draws.state = stream

    def _draw_weights(self) -> None:
        """The same for all rates and layers of a seed."""
        parameters = self._stack.parameters
        runs = (len(self._setup.rates), len(self._setup.seeds), self._setup.n_layers)
        for weight_GIO, bias_G1O in zip(parameters.weights_GIO, parameters.biases_G1O, strict=True):
            drawn = [draws.linear(weight_GIO.shape[1], weight_GIO.shape[2]) for draws in self._draws]
            for fit, stream in enumerate(self._stream_F):
                weight_OI, bias_O = drawn[stream]
                weight_GIO.view(*runs, *weight_GIO.shape[1:])[:, fit] = weight_OI.T
                bias_G1O.view(*runs, *bias_G1O.shape[1:])[:, fit] = bias_O

    def _run_pass(self, save: Save | None) -> None:
        schedule, widths = self._setup.schedule, self._setup.architecture.widths
        self._pass_began = [draws.state for draws in self._draws]
        streams = [
            draws.epoch(self._train.n_items, schedule.batch_size, widths[1:-1], schedule.dropout)
            for draws in self._draws
        ]
        batches = islice(zip(*streams, strict=True), self._n_batches, None)
        while self._n_steps < self._n_total and (step := list(islice(batches, schedule.accumulate))):
            for place, batch_S in enumerate(step):
                self._add_gradients(batch_S, share=1 / len(step), add=place > 0)
            if schedule.clip is not None:
                self._stack.clip_gradients(schedule.clip)
            self._optimizer.step(schedule.factor(self._n_steps, self._n_total))
            self._n_steps += 1
            self._n_batches += len(step)
            if save and schedule.checkpoint_steps and self._n_steps % schedule.checkpoint_steps == 0:
                save(self.state())

    def _add_gradients(self, batch_S: Sequence[Batch], *, share: float, add: bool) -> None:
        setup = self._setup
        index_F = [batch_S[stream].index_B for stream in self._stream_F]
        x_GBH, targets_GBK = self._train.batch(index_F, len(setup.rates))
        dropout = self._dropout(batch_S)
        trace = forward(self._stack, x_GBH, dropout, mixed=setup.mixed)
        sums_GM = setup.loss.sums(trace.logits_GBK, targets_GBK)
        self._sums_GM = sums_GM if self._sums_GM is None else self._sums_GM + sums_GM
        self._n_seen += x_GBH.shape[1]
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

    def _end_pass(self) -> None:
        setup = self._setup
        if self._sums_GM is None:
            raise RuntimeError("a pass over train ended without a batch")
        train_G = setup.loss.mean(self._sums_GM, self._n_seen)
        eval_G, score_G = self._evaluate()
        self._curves.append((train_G, eval_G, score_G))
        self._sums_GM, self._n_batches, self._n_seen = None, 0, 0
        self.n_epochs_G += self._active_G
        finite_G = torch.isfinite(train_G) & torch.isfinite(eval_G)
        improved_G = self._active_G & finite_G & (eval_G < self._best_G)
        self._best_G = torch.where(improved_G, eval_G, self._best_G)
        self.best_epoch_G[improved_G] = self.n_passes
        going_on_G = self._active_G & finite_G
        if setup.schedule.patience is not None:
            going_on_G &= self.n_passes - self.best_epoch_G < setup.schedule.patience
        if setup.schedule.choose_epoch == "best":
            self._stack.copy_networks(improved_G, self._kept)
        elif self._kept is not self._stack.values:
            self._stack.copy_networks(self._active_G & ~going_on_G, self._kept)
        self._active_G = going_on_G

    def _evaluate(self) -> tuple[Tensor, Tensor]:
        setup, split = self._setup, self._evaluation
        runs = (len(setup.rates), len(setup.seeds), setup.n_layers)
        rows_at_once = predict_rows(self._stack.n_networks, setup.architecture)
        sums_GM: Tensor | None = None
        predictions = []
        for first in range(0, split.n_items, rows_at_once):
            rows = slice(first, first + rows_at_once)
            x_GBH, targets_GBK = split.batch([rows] * len(setup.seeds), len(setup.rates))
            logits_GBK = logits(self._stack.parameters, setup.architecture, x_GBH)
            part_GM = setup.loss.sums(logits_GBK, targets_GBK)
            sums_GM = part_GM if sums_GM is None else sums_GM + part_GM
            if self._scores.wanted:
                predictions.append(setup.loss.predictions(logits_GBK))
        if sums_GM is None:
            raise RuntimeError("eval has no items")
        loss_G = setup.loss.mean(sums_GM, split.n_items)
        if not self._scores.wanted:
            return loss_G, torch.full_like(loss_G, torch.nan)
        predictions_GNK = torch.cat(predictions, dim=1)
        scores_CFL = self._scores(predictions_GNK.view(*runs, *predictions_GNK.shape[1:]))
        return loss_G, scores_CFL.flatten()
