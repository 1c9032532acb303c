"""Several targets in one network: held against an ordinary torch network that is trained by itself."""

from dataclasses import replace
from typing import cast

import numpy as np
import pytest
import torch
from torch import nn

from seqbench.core.types import Task
from seqbench.probe.heads import HeadData, Problem
from seqbench.probe.heads.base import Fit, Resources
from seqbench.probe.heads.mlp.head import MlpHead
from seqbench.probe.heads.registry import create, predict
from tests.probe.heads.conftest import SETTINGS
from tests.probe.heads.plain_mlp import train_alone

PROBLEMS = [
    Problem(task=Task.CLASSIFICATION, n_outputs=3),
    Problem(task=Task.LABELS, n_outputs=2),
    Problem(task=Task.REGRESSION, n_outputs=1),
]
SHARES = [2.0, 1.0, 0.5]
CHANGED = {"epochs": 6, "standardize": False, "choose_epoch": "last", "dropout": 0.2}


def _targets(x: np.ndarray, seed: int) -> list[np.ndarray]:
    """Three targets, a quarter of each not known."""
    random = np.random.default_rng(seed)
    gone = random.random((3, len(x))) < 0.25
    classes = np.where(gone[0], -1, x[:, :3].argmax(1))
    labels = np.where(gone[1][:, None], -1, x[:, :2] > 0).astype(np.int8)
    labels[gone[2], 1] = -1
    return [classes, labels, np.where(gone[2], np.nan, x[:, 0] + x[:, 4])[:, None]]


@pytest.fixture
def splits() -> list[list[HeadData]]:
    """Train, eval and test, each by target."""
    random = np.random.default_rng(8)
    made = []
    for seed, n_items in enumerate((160, 70, 50)):
        x = random.standard_normal((2, n_items, 8)).astype(np.float32)
        made.append([HeadData(features_LNH=x, targets=each) for each in _targets(x[0], seed)])
    return made


def _fits(splits: list[list[HeadData]], *seeds: int) -> list[list[Fit]]:
    return [
        [Fit(train=a, evaluation=b, test=c, seed=seed) for a, b, c in zip(*splits, strict=True)]
        for seed in seeds
    ]


def _train(splits: list[list[HeadData]], *seeds: int, **changed: object) -> list:
    head = cast(MlpHead, create("mlp", SETTINGS["mlp"] | CHANGED | changed, Resources()))
    return head.fit_together(PROBLEMS, SHARES, _fits(splits, *seeds), advance=lambda _: None)


def _losses(outputs: torch.Tensor, targets: torch.Tensor) -> list[torch.Tensor]:
    """Losses over what is known of a class, two labels and a value, side by side."""
    known = ~targets.isnan()
    classes = nn.CrossEntropyLoss()(outputs[known[:, 0], :3], targets[known[:, 0], 0].long())
    labels = nn.BCEWithLogitsLoss()(outputs[:, 3:5][known[:, 1:3]], targets[:, 1:3][known[:, 1:3]])
    return [classes, labels, nn.HuberLoss()(outputs[known[:, 3], 5], targets[known[:, 3], 3])]


def _side_by_side(of_split: list[HeadData]) -> np.ndarray:
    classes, labels, values = (data.targets.astype(np.float64) for data in of_split)
    found = np.column_stack([classes, labels])
    return np.column_stack([np.where(found < 0, np.nan, found), values]).astype(np.float32)


def test_predictions_and_losses_are_those_of_a_plain_network_on_the_weighed_loss(splits) -> None:
    found = _train(splits, 4)
    train = replace(splits[0][0], targets=_side_by_side(splits[0]))

    def criterion(outputs, targets):
        return sum(share * loss for share, loss in zip(SHARES, _losses(outputs, targets), strict=True)) / 3.5

    for layer in range(2):
        network = train_alone(train, Task.REGRESSION, 6, 4, SETTINGS["mlp"] | CHANGED, layer, criterion)
        outputs = network(torch.from_numpy(splits[2][0].features_LNH[layer])).detach()
        wanted = [outputs[:, :3].softmax(1), outputs[:, 3:5].sigmoid(), outputs[:, 5:]]
        evaluated = network(torch.from_numpy(splits[1][0].features_LNH[layer])).detach()
        losses = _losses(evaluated, torch.from_numpy(_side_by_side(splits[1])))
        for target in range(3):
            fitted = found[target][0][layer]
            np.testing.assert_allclose(fitted.predictions["test"], wanted[target], atol=1e-5)
            assert fitted.history[-1].eval_loss == pytest.approx(float(losses[target]), rel=1e-4)


def test_a_training_is_the_same_beside_others_and_its_state_predicts_one_target(splits) -> None:
    alone, beside = _train(splits, 4), _train(splits, 9, 4)
    for target in range(3):
        one, other = alone[target][0][1], beside[target][1][1]
        np.testing.assert_allclose(one.predictions["test"], other.predictions["test"], atol=1e-5)
        again = predict(one.state, splits[2][0].features_LNH[1])
        np.testing.assert_allclose(again, one.predictions["test"], atol=1e-6)
        assert one.state.tensors["bias_2"].shape == (PROBLEMS[target].n_outputs,)


def test_the_epoch_is_that_of_the_lowest_weighed_loss_on_eval_for_all_targets(splits) -> None:
    found = _train(splits, 4, choose_epoch="best", epochs=30, lr=0.02, patience=6)
    of_layer = [found[target][0][0] for target in range(3)]
    assert len({(each.chosen_epoch, each.n_epochs) for each in of_layer}) == 1
    curves = np.array([[point.eval_loss for point in each.history] for each in of_layer])
    weighed = np.average(curves, axis=0, weights=SHARES)
    assert of_layer[0].chosen_epoch == int(weighed.argmin()) + 1
    assert of_layer[0].n_epochs == min(30, of_layer[0].chosen_epoch + 6)
