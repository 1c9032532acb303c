"""Losses against torch's own and scikit-learn's; missing labels count nowhere."""

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss
from torch.nn import functional

from seqbench.core.types import Task
from seqbench.training.losses import SharedLoss, TaskLoss, target_matrix

torch.manual_seed(0)
LOGITS = torch.randn(30, 4)
CLASSES = torch.randint(0, 4, (30,))
LABELS = torch.randint(0, 2, (30, 4)).float()
VALUES = torch.randn(30, 4) * 2


def loss_of(loss: TaskLoss | SharedLoss, outputs: torch.Tensor, targets: torch.Tensor) -> float:
    return float(loss.mean(loss.sums(outputs, targets), loss.weights(targets)))


def test_cross_entropy_is_scikit_learns_log_loss() -> None:
    loss = TaskLoss(task=Task.CLASSIFICATION)
    found = loss_of(loss, LOGITS, target_matrix(CLASSES, Task.CLASSIFICATION, 4))
    wanted = log_loss(CLASSES.numpy(), functional.softmax(LOGITS.double(), -1).numpy(), labels=range(4))
    assert found == pytest.approx(wanted, rel=1e-6)


def test_smoothed_cross_entropy_is_torchs() -> None:
    loss = TaskLoss(task=Task.CLASSIFICATION, label_smoothing=0.1)
    found = loss_of(loss, LOGITS, target_matrix(CLASSES, Task.CLASSIFICATION, 4))
    assert found == pytest.approx(
        float(functional.cross_entropy(LOGITS, CLASSES, label_smoothing=0.1)), rel=1e-6
    )


def test_labels_have_torchs_binary_cross_entropy() -> None:
    found = loss_of(TaskLoss(task=Task.LABELS), LOGITS, LABELS)
    assert found == pytest.approx(
        float(functional.binary_cross_entropy_with_logits(LOGITS, LABELS)), rel=1e-6
    )


def test_the_focal_loss_is_equation_5_of_lin_et_al() -> None:
    loss = TaskLoss(task=Task.LABELS, class_loss="focal", focal_gamma=2.0, focal_alpha=0.75)
    p = torch.sigmoid(LOGITS.double())
    wanted = torch.where(LABELS > 0, -0.75 * (1 - p) ** 2 * p.log(), -0.25 * p**2 * (1 - p).log()).mean()
    assert loss_of(loss, LOGITS, LABELS) == pytest.approx(float(wanted), rel=1e-5)


@pytest.mark.parametrize(
    ("kind", "plain"),
    [
        ("huber", functional.huber_loss),
        ("mse", functional.mse_loss),
        ("rmse", lambda a, b: (a - b).square().mean(0).sqrt().mean()),
    ],
)
def test_values_have_torchs_losses_and_the_mean_columnwise_root(kind: str, plain) -> None:
    loss = TaskLoss(task=Task.REGRESSION, value_loss=kind)  # type: ignore[arg-type]
    assert loss_of(loss, LOGITS, VALUES) == pytest.approx(float(plain(LOGITS, VALUES)), rel=1e-6)


def test_class_weights_are_those_of_torchs_cross_entropy_without_its_renormalising() -> None:
    weights = torch.tensor([0.5, 1.5, 1.0, 1.0])
    loss = TaskLoss(task=Task.CLASSIFICATION, weights_2K=torch.stack([torch.ones(4), weights]))
    wanted = functional.cross_entropy(LOGITS, CLASSES, weight=weights, reduction="sum") / 30
    found = loss_of(loss, LOGITS, target_matrix(CLASSES, Task.CLASSIFICATION, 4))
    assert found == pytest.approx(float(wanted), rel=1e-6)


@pytest.mark.parametrize("task", list(Task)[:3])
def test_missing_labels_count_in_no_loss_and_have_no_gradient(task: Task) -> None:
    gone = torch.arange(30) % 3 == 0
    of_task = {Task.CLASSIFICATION: CLASSES, Task.LABELS: LABELS, Task.REGRESSION: VALUES}[task]
    whole = target_matrix(of_task, task, 4)
    targets = whole.masked_fill(gone[:, None], torch.nan)
    outputs = LOGITS.clone().requires_grad_()
    loss = TaskLoss(task=task)
    loss.mean(loss.sums(outputs, targets), loss.weights(targets)).backward()
    assert loss_of(loss, LOGITS, targets) == pytest.approx(
        loss_of(loss, LOGITS[~gone], whole[~gone]), rel=1e-6
    )
    assert outputs.grad is not None
    assert not outputs.grad[gone].any()
    assert outputs.grad.isfinite().all()


def test_a_negative_class_is_a_missing_one() -> None:
    found = target_matrix(torch.tensor([1, -1]), Task.CLASSIFICATION, 2)
    np.testing.assert_array_equal(found.numpy(), [[0, 1], [np.nan, np.nan]])


def test_several_targets_weigh_by_their_shares_however_many_labels_they_have() -> None:
    classes, values = target_matrix(CLASSES, Task.CLASSIFICATION, 4), VALUES[:, :1].clone()
    values[5:] = torch.nan
    shared = SharedLoss(
        parts=(TaskLoss(task=Task.CLASSIFICATION), TaskLoss(task=Task.REGRESSION)),
        widths=(4, 1),
        shares=(1.0, 0.5),
    )
    outputs = torch.cat([LOGITS, LOGITS[:, :1]], -1)
    wanted = (
        float(functional.cross_entropy(LOGITS, CLASSES))
        + 0.5 * float(functional.huber_loss(LOGITS[:5, :1], values[:5]))
    ) / 1.5
    assert loss_of(shared, outputs, torch.cat([classes, values], -1)) == pytest.approx(wanted, rel=1e-6)


def test_targets_become_a_float_matrix() -> None:
    classes = target_matrix(torch.tensor([2, 0], dtype=torch.uint8), Task.CLASSIFICATION, 3)
    assert classes.tolist() == [[0, 0, 1], [1, 0, 0]]
    assert classes.dtype == torch.float32
    assert target_matrix(torch.tensor([[1.5]]), Task.REGRESSION, 1).tolist() == [[1.5]]
