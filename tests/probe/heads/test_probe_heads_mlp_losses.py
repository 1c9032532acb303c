"""Values and gradients of the MLP's losses against autograd on torch's own losses, in float64."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor
from torch.nn import functional

from seqbench.core.types import Task
from seqbench.probe.heads import Problem
from seqbench.probe.heads.mlp.losses import LossByHand, class_weights
from seqbench.training.losses import TaskLoss

CLASSES, LABELS, VALUES = Task.CLASSIFICATION, Task.LABELS, Task.REGRESSION
G, B = 3, 7


def loss_of(task: Task, **settings: Any) -> LossByHand:
    return LossByHand(TaskLoss(task=task, **settings))


def draw(
    task: Task, n_outputs: int, scale: float = 2.0, dtype: torch.dtype = torch.float64
) -> tuple[Tensor, Tensor]:
    """Logits within ± scale, and targets shared by all networks."""
    random = torch.Generator().manual_seed(n_outputs)
    logits_GBK = (torch.rand(G, B, n_outputs, generator=random, dtype=dtype) * 2 - 1) * scale
    if task is CLASSES:
        targets = functional.one_hot(torch.arange(B) % n_outputs, n_outputs)
    elif task is LABELS:
        targets = torch.randint(2, (B, n_outputs), generator=random)
    else:
        targets = torch.randn(B, n_outputs, generator=random, dtype=dtype)
    return logits_GBK, targets.to(dtype).expand(G, -1, -1)


def weights_of(n_outputs: int) -> Tensor:
    """Another weight for each network, value and output."""
    return torch.arange(1.0, G * 2 * n_outputs + 1, dtype=torch.float64).reshape(G, 2, n_outputs) / 5


def assert_as_autograd(
    loss: LossByHand,
    logits_GBK: Tensor,
    targets_GBK: Tensor,
    expected: Callable[[Tensor, Tensor, int], Tensor],
) -> None:
    """`expected` is the loss of a network: of its logits, its targets and its index."""
    leaf = logits_GBK.clone().requires_grad_()
    expected_G = torch.stack([expected(leaf[g], targets_GBK[g], g) for g in range(G)])
    (gradients_GBK,) = torch.autograd.grad(expected_G.sum(), leaf)
    sums_GM = loss.sums(logits_GBK, targets_GBK)
    torch.testing.assert_close(loss.mean(sums_GM, B), expected_G.detach())
    torch.testing.assert_close(loss.gradients(logits_GBK, targets_GBK), gradients_GBK)
    halves = [loss.sums(logits_GBK[:, rows], targets_GBK[:, rows]) for rows in (slice(3), slice(3, B))]
    torch.testing.assert_close(halves[0] + halves[1], sums_GM)


def focal_of_classes(logits: Tensor, targets: Tensor, gamma: float, alpha: Tensor) -> Tensor:
    """Lin et al. 2017, equation 5, summed over the classes that a target is spread over."""
    p = logits.softmax(-1)
    return -(targets * alpha * (1 - p) ** gamma * p.log()).sum(-1)


def focal_of_labels(logits: Tensor, targets: Tensor, gamma: float, alpha: tuple[float, float]) -> Tensor:
    p = logits.sigmoid()
    positive = -alpha[1] * (1 - p) ** gamma * p.log()
    negative = -alpha[0] * p**gamma * (1 - p).log()
    return targets * positive + (1 - targets) * negative


@pytest.mark.parametrize("scale", [2.0, 100.0])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("n_classes", [2, 5])
def test_cross_entropy_is_torchs(n_classes, smoothing, scale):
    assert_as_autograd(
        loss_of(CLASSES, label_smoothing=smoothing),
        *draw(CLASSES, n_classes, scale),
        lambda z, y, _: functional.cross_entropy(z, y.argmax(-1), label_smoothing=smoothing),
    )


@pytest.mark.parametrize("n_classes", [2, 5])
def test_weighted_cross_entropy_is_torchs_sum_over_the_items_of_the_batch(n_classes):
    weights = weights_of(n_classes)
    assert_as_autograd(
        loss_of(CLASSES, weights_2K=weights),
        *draw(CLASSES, n_classes),
        lambda z, y, g: functional.cross_entropy(z, y.argmax(-1), weight=weights[g, 1], reduction="sum") / B,
    )


def test_a_class_weighs_its_items_whole_smoothed_loss():
    weights = weights_of(3)

    def expected(z: Tensor, y: Tensor, g: int) -> Tensor:
        each = functional.cross_entropy(z, y.argmax(-1), label_smoothing=0.2, reduction="none")
        return (each * weights[g, 1][y.argmax(-1)]).mean()

    loss = loss_of(CLASSES, weights_2K=weights, label_smoothing=0.2)
    assert_as_autograd(loss, *draw(CLASSES, 3), expected)


@pytest.mark.parametrize("scale", [2.0, 100.0])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_labels_take_torchs_binary_cross_entropy(smoothing, scale):
    assert_as_autograd(
        loss_of(LABELS, label_smoothing=smoothing),
        *draw(LABELS, 4, scale),
        lambda z, y, _: functional.binary_cross_entropy_with_logits(z, y * (1 - smoothing) + smoothing / 2),
    )


def test_weighted_labels_are_torchs_with_a_weight_of_positives():
    weights = weights_of(4)
    weights[:, 0] = 1
    assert_as_autograd(
        loss_of(LABELS, weights_2K=weights),
        *draw(LABELS, 4),
        lambda z, y, g: functional.binary_cross_entropy_with_logits(z, y, pos_weight=weights[g, 1]),
    )


def test_a_label_weighs_by_its_value():
    weights = weights_of(4)
    assert_as_autograd(
        loss_of(LABELS, weights_2K=weights),
        *draw(LABELS, 4),
        lambda z, y, g: functional.binary_cross_entropy_with_logits(
            z, y, weight=torch.where(y == 1, weights[g, 1], weights[g, 0])
        ),
    )


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("alpha", [None, 0.25])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("n_classes", [2, 5])
def test_focal_loss_of_classes_follows_its_paper(n_classes, smoothing, alpha, gamma):
    alphas = torch.ones(n_classes) if alpha is None or n_classes > 2 else torch.tensor([1 - alpha, alpha])
    weights = weights_of(n_classes)

    def expected(z: Tensor, y: Tensor, g: int) -> Tensor:
        spread = y * (1 - smoothing) + smoothing / n_classes
        return (weights[g, 1][y.argmax(-1)] * focal_of_classes(z, spread, gamma, alphas.double())).mean()

    focal = {"class_loss": "focal", "focal_gamma": gamma, "focal_alpha": alpha, "label_smoothing": smoothing}
    assert_as_autograd(loss_of(CLASSES, weights_2K=weights, **focal), *draw(CLASSES, n_classes), expected)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("alpha", [None, 0.25])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_focal_loss_of_labels_follows_its_paper(smoothing, alpha, gamma):
    alphas = (1.0, 1.0) if alpha is None else (1 - alpha, alpha)
    weights = weights_of(4)

    def expected(z: Tensor, y: Tensor, g: int) -> Tensor:
        each = focal_of_labels(z, y * (1 - smoothing) + smoothing / 2, gamma, alphas)
        return (torch.where(y == 1, weights[g, 1], weights[g, 0]) * each).mean()

    focal = {"class_loss": "focal", "focal_gamma": gamma, "focal_alpha": alpha, "label_smoothing": smoothing}
    assert_as_autograd(loss_of(LABELS, weights_2K=weights, **focal), *draw(LABELS, 4), expected)


def test_two_classes_and_one_label_of_their_difference_have_the_same_focal_loss():
    logits, targets = draw(CLASSES, 2)
    difference, label = logits[..., 1:] - logits[..., :1], targets[..., 1:]
    focal = {"class_loss": "focal", "focal_gamma": 1.5, "focal_alpha": 0.3}
    torch.testing.assert_close(
        loss_of(CLASSES, **focal).sums(logits, targets), loss_of(LABELS, **focal).sums(difference, label)
    )


@pytest.mark.parametrize(
    ("value_loss", "torchs"),
    [
        ("huber", functional.huber_loss),
        ("mse", functional.mse_loss),
        ("rmse", lambda z, y: (z - y).square().mean(0).sqrt().mean()),
    ],
)
def test_losses_of_values_are_torchs(value_loss, torchs):
    assert_as_autograd(loss_of(VALUES, value_loss=value_loss), *draw(VALUES, 4), lambda z, y, _: torchs(z, y))


def test_the_root_of_no_error_and_of_tiny_errors_has_a_finite_gradient():
    loss = loss_of(VALUES, value_loss="rmse")
    targets = torch.zeros(G, B, 2)
    logits = torch.tensor([0.0, 1e-25, 1.0])[:, None, None].repeat(1, B, 2)
    gradients = loss.gradients(logits, targets)
    assert torch.isfinite(gradients).all()
    assert (gradients[0] == 0).all()
    torch.testing.assert_close(gradients[2], torch.full((B, 2), 1 / (B * 2)))
    assert loss.mean(loss.sums(logits, targets), B).tolist() == [0, 0, 1]


@pytest.mark.parametrize("task", [CLASSES, LABELS])
@pytest.mark.parametrize("gamma", [0.0, 0.1, 0.5, 2.0])
@pytest.mark.parametrize("class_loss", ["cross_entropy", "focal"])
def test_logits_up_to_100_are_as_exact_in_float32_as_in_float64(task, class_loss, gamma):
    loss = loss_of(task, class_loss=class_loss, focal_gamma=gamma)
    _, targets = draw(task, 2)
    logits = torch.tensor([-100.0, 100.0, -30.0, 17.0, 0.0, -1e-3, 90.0])[:, None].repeat(G, 1, 2)
    logits[..., 1] *= -1
    exact = loss.sums(logits.double(), targets), loss.gradients(logits.double(), targets)
    for value, expected in zip(
        (loss.sums(logits, targets.float()), loss.gradients(logits, targets.float())), exact, strict=True
    ):
        torch.testing.assert_close(value.double(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("task", [CLASSES, LABELS, VALUES])
def test_logits_and_targets_stay_as_they_were(task):
    logits, targets = draw(task, 2)
    before = logits.clone(), targets.clone()
    for changed in ({}, {"class_loss": "focal", "value_loss": "mse"}, {"value_loss": "rmse"}):
        loss = loss_of(task, weights_2K=None if task is VALUES else weights_of(2), **changed)
        loss.sums(logits, targets)
        loss.gradients(logits, targets)
    torch.testing.assert_close((logits, targets), before, rtol=0, atol=0)


def test_predictions_are_probabilities_or_values():
    logits, _ = draw(CLASSES, 3)
    torch.testing.assert_close(loss_of(CLASSES).rule.predictions(logits), logits.softmax(-1))
    torch.testing.assert_close(loss_of(LABELS).rule.predictions(logits), logits.sigmoid())
    assert loss_of(VALUES).rule.predictions(logits) is logits


def test_balanced_classes_weigh_as_in_scikit_learn_and_absent_ones_one():
    targets = np.array([0] * 6 + [2] * 3 + [3])
    weights = class_weights(targets, Problem(task=CLASSES, n_outputs=5), "balanced")
    assert weights is not None
    expected = compute_class_weight("balanced", classes=np.array([0, 2, 3]), y=targets)
    np.testing.assert_allclose(weights[1, [0, 2, 3]], expected, rtol=1e-6)
    np.testing.assert_array_equal(weights[1, [1, 4]], 1)
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights[1, targets].mean(), 1, rtol=1e-6)


def test_balanced_labels_weigh_by_value_and_constant_ones_one():
    targets = np.array([[1, 0, 1], [0, 0, 1], [0, 0, 1], [0, 0, 1]])
    weights = class_weights(targets, Problem(task=LABELS, n_outputs=3), "balanced")
    assert weights is not None
    expected = compute_class_weight("balanced", classes=np.array([0, 1]), y=targets[:, 0])
    np.testing.assert_allclose(weights[:, 0], expected, rtol=1e-6)
    np.testing.assert_array_equal(weights[:, 1:], 1)


def test_nothing_weighs_without_the_mode_or_without_classes():
    assert class_weights(np.array([0, 1]), Problem(task=CLASSES, n_outputs=2), "none") is None
    assert class_weights(np.array([[0.5]]), Problem(task=VALUES, n_outputs=1), "balanced") is None
