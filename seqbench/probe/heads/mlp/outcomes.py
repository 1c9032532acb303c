"""What comes of a trained block: the best rate of each fit and layer, predictions, the head as it is kept.

Shape letters: C rates, F fits, L layers, G = C × F × L networks in this order, N items, B items of a batch,
K outputs, E points of a curve.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqbench.catalog.records import EpochRecord
from seqbench.core.types import SplitName
from seqbench.probe.heads.base import FittedHead, HeadState
from seqbench.probe.heads.mlp.blocks import Block, predict_rows
from seqbench.probe.heads.mlp.network import logits
from seqbench.probe.heads.mlp.stack import Parameters
from seqbench.probe.heads.mlp.state import head_state, in_own_units
from seqbench.probe.heads.mlp.tensors import BlockData
from seqbench.probe.heads.mlp.training import SCORE, Setup, StackTraining, of_target
from seqbench.training.loop import EVAL_LOSS, TRAIN_LOSS, Loop


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What a rate, or the best of several, made of one fit and layer."""

    loss: float
    """On eval, of the weights that predict; infinite where it failed."""
    fitted_T: tuple[FittedHead, ...]
    """Of each target."""

    def took(self, seconds: float) -> "Candidate":
        """The same, with the time that it took."""
        return replace(self, fitted_T=tuple(replace(fitted, seconds=seconds) for fitted in self.fitted_T))


class Outcomes:
    """Reads a trained block."""

    def __init__(
        self,
        block: Block,
        setup: Setup,
        training: StackTraining,
        loop: Loop[Any],
        data: BlockData,
        choices: Mapping[str, Sequence[float]],
    ) -> None:
        """Take what was trained.

        Args:
            block: Which networks.
            setup: How they were trained.
            training: At its end.
            loop: Of the training; of each point after a pass, the curve tells losses and score.
            data: Of the block.
            choices: Values of `lr` and `weight_decay` that the config lists; what is a choice is reported.
        """
        self._block, self._setup, self._data, self._choices = block, setup, data, choices
        self._kept = training.kept
        self._curves = {
            name: torch.stack([point.values[name] for point in loop.curve]).double().cpu()
            for name in loop.curve[0].values
        }
        self._last_G: list[int] = loop.n_points_G.tolist()
        last = loop.course.choose == "last"
        self._chosen_G: list[int] = self._last_G if last else loop.best_point_G.tolist()

    @torch.no_grad()
    def candidates(self) -> Iterator[tuple[int, Candidate]]:
        """Give each fit's layers, of the block's rates the one that is best on eval.

        Yields:
            A fit's number and a candidate, layer by layer.
        """
        n_fits, n_layers = len(self._block.fits), len(self._block.layers)
        losses = [self._loss(network) for network in range(len(self._last_G))]
        rates = [range(place, len(losses), n_fits * n_layers) for place in range(n_fits * n_layers)]
        best = [min(networks, key=losses.__getitem__) for networks in rates]
        networks_F = [self._kept.select(best[at * n_layers : (at + 1) * n_layers]) for at in range(n_fits)]
        predictions = _predict(self._setup, self._data, networks_F)
        targets = range(len(self._setup.targets.problems))
        for place, network in enumerate(best):
            fit, layer = divmod(place, n_layers)
            if math.isinf(losses[network]):
                fitted = [self._diverged(network, layer, target) for target in targets]
            else:
                own = networks_F[fit].select([layer])
                fitted = [
                    self._fitted(
                        network,
                        layer,
                        target,
                        {name: values[target][fit][layer] for name, values in predictions.items()},
                        self._state(own, fit, layer, target),
                    )
                    for target in targets
                ]
            yield self._block.fits[fit], Candidate(loss=losses[network], fitted_T=tuple(fitted))

    def _loss(self, network: int) -> float:
        points = slice(self._last_G[network])
        evaluation_E = self._curves[EVAL_LOSS][points, network]
        if not bool((self._curves[TRAIN_LOSS][points, network] + evaluation_E).isfinite().all()):
            return math.inf
        return float(evaluation_E[self._chosen_G[network] - 1])

    def _history(self, network: int, target: int) -> tuple[EpochRecord, ...]:
        """The curve of one target; where there is one, its losses are those of the network."""
        names = (of_target(TRAIN_LOSS, target), of_target(EVAL_LOSS, target))
        losses = names if names[0] in self._curves else (TRAIN_LOSS, EVAL_LOSS)
        columns = [self._curves[name] for name in (*losses, of_target(SCORE, target))]
        points = slice(self._last_G[network])
        rows = zip(*(column[points, network].tolist() for column in columns), strict=True)
        return tuple(
            EpochRecord(
                epoch=epoch,
                train_loss=train_loss,
                eval_loss=eval_loss,
                eval_score=None if math.isnan(score) else score,
            )
            for epoch, (train_loss, eval_loss, score) in enumerate(rows, 1)
        )

    def _fitted(
        self,
        network: int,
        layer: int,
        target: int,
        predictions: Mapping[SplitName, NDArray[np.float32]],
        state: HeadState,
    ) -> FittedHead:
        rate = self._block.rates[network // (len(self._block.fits) * len(self._block.layers))]
        values = {"lr": rate.lr, "weight_decay": rate.weight_decay}
        return FittedHead(
            layer_index=self._block.layers[layer],
            predictions=predictions,
            chosen_epoch=self._chosen_G[network],
            n_epochs=self._last_G[network],
            history=self._history(network, target),
            hyperparameters={name: values[name] for name in values if len(self._choices[name]) > 1},
            state=state,
        )

    def _diverged(self, network: int, layer: int, target: int) -> FittedHead:
        """A network stops at its first loss that is no number, which is its last point."""
        tried = ", ".join(f"{lr:g}" for lr in self._choices["lr"])
        return FittedHead(
            layer_index=self._block.layers[layer],
            n_epochs=self._last_G[network],
            history=self._history(network, target)[:-1],
            convergence="diverged",
            error=f"the loss became infinite or NaN in epoch {self._last_G[network]}; lower probe.mlp.lr "
            f"({tried}), or set probe.mlp.clip or probe.mlp.standardize",
        )

    def _state(self, network: Parameters, fit: int, layer: int, target: int) -> HeadState:
        """The network with the outputs of one target alone."""
        targets = self._setup.targets
        return head_state(
            targets.problems[target].task,
            self._setup.architecture.with_outputs(targets.widths[target]),
            network.with_outputs(targets.places[target]),
            self._data.feature_scalings_FL[fit][layer],
            self._data.target_scalings_FT[fit][target],
        )


def _predict(
    setup: Setup, data: BlockData, networks_F: Sequence[Parameters]
) -> dict[SplitName, list[list[NDArray[np.float32]]]]:
    """Predict eval and test with the chosen networks; of each target and fit (L, N, K)."""
    n_rows = predict_rows(setup.n_layers, setup.architecture)
    device = data.evaluation.targets_F[0].device
    parts: dict[SplitName, list[list[Tensor]]] = {name: [[] for _ in networks_F] for name in ("eval", "test")}

    def add(name: SplitName, fit: int, x_BLH: Tensor) -> None:
        logits_LBK = logits(networks_F[fit], setup.architecture, x_BLH.transpose(0, 1))
        parts[name][fit].append(setup.loss.predictions(logits_LBK).cpu())

    for fit, features_NLH in enumerate(data.evaluation.features_F):
        for first in range(0, len(features_NLH), n_rows):
            add("eval", fit, features_NLH[first : first + n_rows])
    for features in {id(features): features for features in data.test_F}.values():
        sharing = [fit for fit, other in enumerate(data.test_F) if other is features]
        for first in range(0, features.n_items, n_rows):
            x_BLH = torch.from_numpy(features.rows(slice(first, first + n_rows))).to(device)
            for fit in sharing:
                add("test", fit, x_BLH)
    return {
        name: [
            [
                in_own_units(torch.cat(of_fit, dim=1)[..., place], scalings[target])
                for of_fit, scalings in zip(by_fit, data.target_scalings_FT, strict=True)
            ]
            for target, place in enumerate(setup.targets.places)
        ]
        for name, by_fit in parts.items()
    }
