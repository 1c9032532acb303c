"""Labels and targets that are not known of some items: what is known is learned as if there were no other."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler
from torch import nn

from seqbench.core.types import Task
from seqbench.probe.heads import HEADS, HeadData, create
from seqbench.probe.heads.base import Problem, Resources
from seqbench.probe.heads.mlp.losses import LossByHand, LossOfGaps, class_weights
from seqbench.training.losses import TaskLoss, target_matrix
from tests.probe.heads.conftest import SETTINGS, fit_of
from tests.probe.heads.plain_mlp import predict_alone, train_alone

RULES = {
    Task.LABELS: lambda x: (x[:, :3] + np.roll(x[:, :3], 7, axis=0) > 0.3).astype(np.int8),
    Task.REGRESSION: lambda x: (x[:, :3] * [1, 20, 3] + x[:, 3:6] ** 2).astype(np.float64),
}
every_task = pytest.mark.parametrize("task", RULES)
ALONE = {
    "linear": {"strengths": (1.0,)},
    "xgb": {"n_estimators": 12, "choose_epoch": "last"},
    "forest": {"n_estimators": 5},
    "knn": {"k": 5},
}


def with_gaps(data, seed, share=0.3):
    """A third of the labels missing, in the last column of none."""
    gaps = np.random.default_rng(seed).random(data.targets.shape) < share
    gaps[:, -1] = False
    hole = np.nan if data.targets.dtype.kind == "f" else -1
    return replace(data, targets=np.where(gaps, hole, data.targets).astype(data.targets.dtype))


def gappy(make, task, **more):
    return tuple(with_gaps(data, seed) for seed, data in enumerate(make(RULES[task], **more)))


def known_of(data, column):
    """One label or target on the items where it is known."""
    values = data.targets[:, [column]]
    rows = ~np.isnan(values[:, 0]) if values.dtype.kind == "f" else values[:, 0] >= 0
    return HeadData(features_LNH=data.features_LNH[:, rows], targets=values[rows])


@every_task
@pytest.mark.parametrize("name", ["xgb", "forest", "knn"])
def test_each_output_is_that_of_a_head_on_what_is_known_of_it(fit, make, task, name):
    splits = gappy(make, task)
    (together,) = fit(name, task, 3, splits, **ALONE[name])
    for column in range(3):
        alone = (known_of(splits[0], column), known_of(splits[1], column), splits[2])
        alone = (*alone[:2], replace(splits[2], targets=splits[2].targets[:, [column]]))
        (expected,) = fit(name, task, 1, alone, **ALONE[name])
        found = together.predictions["test"][:, [column]]
        np.testing.assert_allclose(found, expected.predictions["test"], atol=1e-6)


@pytest.mark.parametrize("weights", ["none", "balanced"])
def test_each_label_is_scikit_learns_logistic_regression_of_what_is_known(fit, make, weights):
    splits = gappy(make, Task.LABELS)
    (found,) = fit("linear", Task.LABELS, 3, splits, strengths=(1.0,), class_weights=weights)
    scaler = StandardScaler().fit(splits[0].features_LNH[0].astype(np.float64))
    for column in range(3):
        train = known_of(splits[0], column)
        model = LogisticRegression(tol=1e-9, class_weight=None if weights == "none" else weights)
        model.fit(scaler.transform(train.features_LNH[0].astype(np.float64)), train.targets[:, 0])
        expected = model.predict_proba(scaler.transform(splits[2].features_LNH[0].astype(np.float64)))[:, 1]
        np.testing.assert_allclose(found.predictions["test"][:, column], expected, atol=1e-4)


def test_each_target_is_scikit_learns_ridge_of_what_is_known(fit, make):
    splits = gappy(make, Task.REGRESSION)
    (found,) = fit("linear", Task.REGRESSION, 3, splits, strengths=(3.0,))
    scaler = StandardScaler().fit(splits[0].features_LNH[0].astype(np.float64))
    for column in range(3):
        train = known_of(splits[0], column)
        x = scaler.transform(train.features_LNH[0].astype(np.float64))
        y = train.targets[:, 0]
        # The head's intercept is the mean of the target, as features are centred on all of train.
        model = Ridge(alpha=3.0, fit_intercept=False).fit(x, y - y.mean())
        expected = model.predict(scaler.transform(splits[2].features_LNH[0].astype(np.float64))) + y.mean()
        np.testing.assert_allclose(found.predictions["test"][:, column], expected, rtol=1e-3, atol=1e-3)


def by_label(outputs, targets):
    known = ~targets.isnan()
    losses = nn.BCEWithLogitsLoss(reduction="none")(outputs, targets.nan_to_num())
    return (losses * known).sum() / known.sum()


def by_target(outputs, targets):
    known = ~targets.isnan()
    losses = nn.HuberLoss(reduction="none")(outputs, targets.nan_to_num())
    return ((losses * known).sum(0) / known.sum(0)).mean()


@pytest.mark.parametrize(("task", "criterion"), [(Task.LABELS, by_label), (Task.REGRESSION, by_target)])
def test_an_mlp_equals_a_plain_network_whose_loss_leaves_out_what_is_missing(fit, make, task, criterion):
    splits = gappy(make, task, n=200)
    settings = SETTINGS["mlp"] | {"epochs": 6, "standardize": False, "choose_epoch": "last"}
    (found,) = fit("mlp", task, 3, splits, seed=5, **settings)
    targets = target_matrix(torch.from_numpy(splits[0].targets), task, 3).numpy()
    network = train_alone(replace(splits[0], targets=targets), task, 3, 5, settings, 0, criterion)
    expected = predict_alone(network, task, splits[2].features_LNH[0])
    np.testing.assert_allclose(found.predictions["test"], expected, atol=1e-5)


@every_task
@pytest.mark.parametrize("value_loss", ["huber", "mse", "rmse"])
def test_the_loss_of_gaps_equals_that_by_hand_where_there_are_none(task, value_loss):
    random = torch.Generator().manual_seed(1)
    logits = torch.randn(2, 9, 3, generator=random)
    targets = (torch.randn(2, 9, 3, generator=random) > 0).float()
    rule = TaskLoss(task=task, value_loss=value_loss)
    gaps, by_hand = LossOfGaps(rule), LossByHand(rule)
    for loss in (gaps, by_hand):
        assert loss.mean(loss.sums(logits, targets), loss.weights(targets)).shape == (2,)
    torch.testing.assert_close(gaps.gradients(logits, targets), by_hand.gradients(logits, targets))


def test_weights_of_classes_and_labels_count_what_is_known():
    classes = class_weights(
        np.array([0, 0, 1, -1]), Problem(task=Task.CLASSIFICATION, n_outputs=2), "balanced"
    )
    np.testing.assert_allclose(classes[1], [3 / 4, 3 / 2])
    labels = np.array([[1], [0], [0], [-1]], dtype=np.int8)
    found = class_weights(labels, Problem(task=Task.LABELS, n_outputs=1), "balanced")
    np.testing.assert_allclose(found[:, 0], [3 / 4, 3 / 2])


@every_task
@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("weights", ["none", "balanced"])
def test_a_layer_alone_is_a_layer_among_others_though_labels_are_missing(make, task, name, weights):
    splits = gappy(make, task, layers=2, n=120)
    settings = SETTINGS[name] | ({} if name == "knn" else {"class_weights": weights})
    head = create(name, settings, Resources())
    problem = Problem(task=task, n_outputs=3)
    ((both, _),) = (pair for pair in head.fit(problem, [fit_of(splits)], advance=lambda _: None))
    one = tuple(replace(data, features_LNH=data.features_LNH[:1]) for data in splits)
    ((alone,),) = head.fit(problem, [fit_of(one)], advance=lambda _: None)
    assert both.error is None
    assert np.isfinite(both.predictions["test"]).all()
    np.testing.assert_allclose(both.predictions["test"], alone.predictions["test"], atol=1e-5)
