"""What comes of a trained block: the best rate of each fit and layer, predictions, the head as it is kept.

Shape letters: C rates, F fits, L layers, G = C × F × L networks in this order, N items, B items of a batch,
K outputs.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqbench.catalog.records import EpochRecord
from seqbench.probe.heads.base import FittedHead, HeadState
from seqbench.probe.heads.mlp_groups import Block, predict_rows
from seqbench.probe.heads.mlp_network import logits
from seqbench.probe.heads.mlp_schedule import Rate
from seqbench.probe.heads.mlp_stack import Parameters
from seqbench.probe.heads.mlp_state import head_state, in_own_units
from seqbench.probe.heads.mlp_tensors import BlockData
from seqbench.probe.heads.mlp_training import Curves, Setup, Training
from seqbench.vocabulary import SplitName


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What a rate, or the best of several, made of one fit and layer."""

    loss: float
    """On eval, of the weights that predict; infinite where it failed."""
    fitted: FittedHead


@torch.no_grad()
def candidates(
    block: Block, setup: Setup, training: Training, data: BlockData, choices: Mapping[str, Sequence[float]]
) -> Iterator[tuple[int, Candidate]]:
    """Give each fit's layers, of the block's rates the one that is best on eval.

    Args:
        block: What was trained.
        setup: How.
        training: At its end.
        data: Of the block.
        choices: Values of `lr` and `weight_decay` that the config lists; what is a choice is reported.

    Yields:
        A fit's number and a candidate, layer by layer.
    """
    curves, last_G = training.curves, training.n_epochs_G.tolist()
    chosen_G = last_G if setup.schedule.choose_epoch == "last" else training.best_epoch_G.tolist()
    losses = [_loss(curves, network, last_G[network], chosen_G[network]) for network in range(len(last_G))]
    run = len(block.fits) * len(block.layers)
    best = [min(range(place, len(losses), run), key=losses.__getitem__) for place in range(run)]
    n_layers = len(block.layers)
    networks_F = [
        training.kept.select(best[at * n_layers : (at + 1) * n_layers]) for at in range(len(block.fits))
    ]
    predictions = _predict(setup, data, networks_F)
    for place, network in enumerate(best):
        fit, layer = divmod(place, n_layers)
        head = _Head(setup=setup, curves=curves, network=network, n_epochs=last_G[network])
        rate = block.rates[network // run]
        if math.isinf(losses[network]):
            fitted = head.diverged(block.layers[layer], choices)
        else:
            fitted = head.fitted(
                block.layers[layer],
                chosen_epoch=chosen_G[network],
                predictions={name: values[fit][layer] for name, values in predictions.items()},
                hyperparameters=_chosen(rate, choices),
                state=head_state(
                    setup.loss.task,
                    setup.architecture,
                    networks_F[fit].select([layer]),
                    data.feature_scalings_FL[fit][layer],
                    data.target_scalings_F[fit],
                ),
            )
        yield block.fits[fit], Candidate(loss=losses[network], fitted=fitted)


def _loss(curves: Curves, network: int, n_epochs: int, chosen: int) -> float:
    trained = torch.stack([curves.train_EG[:n_epochs, network], curves.eval_EG[:n_epochs, network]])
    return float(curves.eval_EG[chosen - 1, network]) if bool(trained.isfinite().all()) else math.inf


def _chosen(rate: Rate, choices: Mapping[str, Sequence[float]]) -> dict[str, float]:
    values = {"lr": rate.lr, "weight_decay": rate.weight_decay}
    return {name: value for name, value in values.items() if len(choices[name]) > 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    setup: Setup
    curves: Curves
    network: int
    n_epochs: int

    def history(self) -> tuple[EpochRecord, ...]:
        columns = (self.curves.train_EG, self.curves.eval_EG, self.curves.score_EG)
        rows = zip(*(column[: self.n_epochs, self.network].tolist() for column in columns), strict=True)
        return tuple(
            EpochRecord(
                epoch=epoch,
                train_loss=train_loss,
                eval_loss=eval_loss,
                eval_score=None if math.isnan(score) else score,
            )
            for epoch, (train_loss, eval_loss, score) in enumerate(rows, 1)
        )

    def fitted(
        self,
        layer: int,
        *,
        chosen_epoch: int,
        predictions: Mapping[SplitName, NDArray[np.float32]],
        hyperparameters: Mapping[str, float],
        state: HeadState,
    ) -> FittedHead:
        return FittedHead(
            layer_index=layer,
            predictions=predictions,
            chosen_epoch=chosen_epoch,
            n_epochs=self.n_epochs,
            history=self.history(),
            hyperparameters=hyperparameters,
            state=state,
        )

    def diverged(self, layer: int, choices: Mapping[str, Sequence[float]]) -> FittedHead:
        """A network stops at its first loss that is no number, which is its last point."""
        tried = ", ".join(f"{lr:g}" for lr in choices["lr"])
        return FittedHead(
            layer_index=layer,
            n_epochs=self.n_epochs,
            history=self.history()[:-1],
            convergence="diverged",
            error=f"the loss became infinite or NaN in epoch {self.n_epochs}; lower probe.mlp.lr ({tried}), "
            "or set probe.mlp.clip or probe.mlp.standardize",
        )


def _predict(
    setup: Setup, data: BlockData, networks_F: Sequence[Parameters]
) -> dict[SplitName, list[NDArray[np.float32]]]:
    """Predict eval and test with the chosen networks of each fit, (L, N, K)."""
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
            in_own_units(torch.cat(of_fit, dim=1), scaling)
            for of_fit, scaling in zip(by_fit, data.target_scalings_F, strict=True)
        ]
        for name, by_fit in parts.items()
    }
