"""How a training went: on curves made up for it, and on those of small networks."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from seqbench.catalog.records import EpochRecord
from seqbench.config.probe import ProbeConfig
from seqbench.core.types import Task
from seqbench.probe.heads import FittedHead, Problem
from seqbench.probe.health import Health, diagnose, is_degenerate, judge_curve
from seqbench.probe.health_advice import CHANGES

BINARY = Problem(task=Task.CLASSIFICATION, n_outputs=2)
LABELS = Problem(task=Task.LABELS, n_outputs=2)
VALUES = Problem(task=Task.REGRESSION, n_outputs=2)
CLASSES_N = np.array([0, 1, 0, 1])
VARIED_NK = np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3], [0.2, 0.8]], dtype=np.float32)
EPOCHS = np.arange(100)


def outcome_of(
    eval_losses: Sequence[float | None] = (), train_losses: Sequence[float | None] = (), **changed: Any
) -> FittedHead:
    trained = list(train_losses) or [None] * len(eval_losses)
    history = tuple(
        EpochRecord(epoch=epoch, train_loss=train, eval_loss=loss, eval_score=None)
        for epoch, (train, loss) in enumerate(zip(trained, eval_losses, strict=True), 1)
    )
    fields = {"predictions": {"eval": VARIED_NK}, "n_epochs": len(history) or None, "history": history}
    return FittedHead(layer_index=0, **(fields | changed))


def health_of(outcome: FittedHead, head: str = "mlp", choose_epoch: str | None = "best") -> Health:
    return diagnose(BINARY, outcome, CLASSES_N, head=head, choose_epoch=choose_epoch)


def falling(to: float = 0.3, pace: float = 10.0) -> np.ndarray:
    return to + (0.7 - to) * np.exp(-EPOCHS / pace)


def test_a_curve_that_levelled_off_has_converged():
    assert judge_curve(falling(), falling(to=0.2)) == "converged"


@pytest.mark.parametrize("n_epochs", [1, 2, 10, 100])
def test_a_loss_that_falls_to_the_end_is_still_improving(n_epochs):
    curve = 0.7 - 0.3 * np.arange(n_epochs) / 100
    assert judge_curve(curve, curve) == "still improving"


def test_a_lowest_loss_at_the_end_that_is_no_lower_than_noise_makes_is_not_improving():
    noisy = falling() + np.random.default_rng(0).normal(0, 0.01, 100)
    noisy[-1] = noisy[:-1].min() - 0.002
    assert judge_curve(noisy, falling()) == "converged"


def test_eval_that_rises_while_train_falls_is_overfitting():
    assert judge_curve(falling() + 0.002 * EPOCHS, falling(to=0.05, pace=20)) == "overfitting"
    assert judge_curve(np.array([0.7, 0.9, 1.1]), np.array([0.7, 0.5, 0.3])) == "overfitting"


def test_a_small_rise_is_not_yet_overfitting():
    assert judge_curve(falling() + 0.0002 * EPOCHS, falling(to=0.05)) == "converged"


def test_a_rise_within_the_noise_of_epochs_is_not_overfitting():
    noisy = 0.69 + np.random.default_rng(0).normal(0, 0.02, 100)
    assert judge_curve(noisy, falling()) == "converged"


def test_a_rise_in_which_train_rises_too_is_unstable():
    collapsed = np.where(EPOCHS < 50, falling(), 0.69)
    assert judge_curve(collapsed, collapsed) == "unstable"


def test_a_loss_that_keeps_jumping_up_and_down_is_unstable():
    jumping = falling() * np.where(EPOCHS % 10 == 9, 2.0, 1.0)
    assert judge_curve(jumping, falling()) == "unstable"


def test_jumps_that_have_ceased_by_half_time_are_not_unstable():
    jumping = falling() * np.where((EPOCHS % 10 == 9) & (EPOCHS < 50), 2.0, 1.0)
    assert judge_curve(jumping, falling()) == "converged"


def test_a_solved_problem_may_jump_near_zero():
    solved = np.exp(-EPOCHS / 5) + 1e-4 * np.where(EPOCHS % 4 == 0, 9.0, 1.0)
    assert judge_curve(solved, solved) == "converged"


def test_one_outlier_at_the_end_changes_nothing():
    curve = falling()
    curve[-1] = 3.0
    assert judge_curve(curve, falling()) == "converged"


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e300])
def test_the_unit_of_a_loss_changes_no_verdict(scale):
    rising = falling() + 0.002 * EPOCHS
    assert judge_curve(rising * scale, falling() * scale) == "overfitting"
    assert judge_curve((0.7 - EPOCHS / 200) * scale, falling() * scale) == "still improving"


def test_overfitting_is_not_told_without_a_loss_on_train():
    assert judge_curve(falling() + 0.002 * EPOCHS, None) == "converged"


def test_a_loss_that_is_no_number_diverged():
    assert judge_curve(np.array([1.0, np.inf]), np.array([1.0, 1.0])) == "diverged"
    assert judge_curve(np.array([1.0, 1.0]), np.array([1.0, np.nan])) == "diverged"


@given(
    st.lists(st.floats(width=64), min_size=1, max_size=40),
    st.none() | st.lists(st.none() | st.floats(), min_size=40, max_size=40),
    st.sampled_from(["mlp", "xgb", "linear", "another"]),
    st.sampled_from(["best", "last", None]),
)
@settings(max_examples=300, deadline=None)
def test_any_curve_has_a_verdict_and_any_trouble_its_advice(eval_losses, train_losses, head, choose_epoch):
    trained = train_losses[: len(eval_losses)] if train_losses else ()
    with np.errstate(all="raise", under="ignore"):
        health = health_of(outcome_of(eval_losses, trained), head, choose_epoch)
    assert (health.advice is None) == (health.verdict == "converged")


@pytest.mark.parametrize("verdict", ["diverged", "not converged", "converged"])
def test_what_the_head_says_itself_goes_before_its_curve(verdict):
    assert health_of(outcome_of([0.7, 0.6], [0.7, 0.6], convergence=verdict)).verdict == verdict


def test_constant_predictions_go_before_what_the_head_says():
    constant = np.tile(np.float32([0.3, 0.7]), (4, 1))
    health = health_of(outcome_of(predictions={"eval": constant}, convergence="converged"), "linear", None)
    assert health.verdict == "degenerate"


def test_a_head_without_curve_and_solver_has_no_verdict():
    assert health_of(outcome_of(), "forest", None) == Health(verdict=None, advice=None)


def test_a_layer_that_failed_before_training_has_no_verdict():
    failed = outcome_of(predictions={}, error="the train features hold NaN")
    assert health_of(failed) == Health(verdict=None, advice=None)


def test_a_layer_that_diverged_says_so_without_predictions():
    failed = outcome_of([0.7], [0.7], predictions={}, convergence="diverged", error="diverged in epoch 2")
    assert health_of(failed) == Health(
        verdict="diverged",
        advice="the loss became infinite or NaN: lower probe.mlp.lr, or set probe.mlp.clip: 1.0",
    )


def test_always_the_majority_with_varied_probabilities_is_not_degenerate():
    targets = np.array([0] * 99 + [1])
    positive = np.linspace(0.001, 0.003, 100)
    assert not is_degenerate(BINARY, np.stack([1 - positive, positive], axis=1), targets)


@pytest.mark.parametrize("positive", [0.3, 1e-7, 1.0])
def test_one_answer_with_probabilities_that_barely_vary_is_degenerate(positive):
    column = positive * (1 + np.linspace(-1e-6, 1e-6, 4))
    assert is_degenerate(BINARY, np.stack([1 - column, column], axis=1), CLASSES_N)


def test_two_answers_are_not_degenerate_however_close_their_probabilities():
    column = 0.5 + np.array([-1e-5, 1e-5, -1e-5, 1e-5])
    assert not is_degenerate(BINARY, np.stack([1 - column, column], axis=1), CLASSES_N)


def test_a_class_that_eval_lacks_does_not_hide_constant_predictions():
    problem = Problem(task=Task.CLASSIFICATION, n_outputs=3)
    assert is_degenerate(problem, np.tile([0.5, 0.4, 0.1], (4, 1)), CLASSES_N)
    column = np.linspace(0.1, 0.1 + 1e-5, 4)
    assert is_degenerate(problem, np.stack([0.9 - column, np.full(4, 0.1), column], axis=1), CLASSES_N)


def test_labels_are_degenerate_only_if_every_one_is_constant():
    targets = np.array([[0, 1], [1, 0], [0, 0], [1, 1]])
    assert is_degenerate(LABELS, np.full((4, 2), 0.5), targets)
    one = np.stack([np.full(4, 0.5), VARIED_NK[:, 0]], axis=1)
    assert not is_degenerate(LABELS, one, targets)


def test_values_that_vary_beyond_rounding_are_not_degenerate():
    targets = np.arange(8.0).reshape(4, 2)
    offsets = np.arange(4)[:, None] * np.ones(2)
    assert is_degenerate(VALUES, 300 + 1e-5 * offsets, targets)
    assert not is_degenerate(VALUES, 300 + 1e-3 * offsets, targets)
    assert is_degenerate(VALUES, np.zeros((4, 2)), targets)


def test_values_that_are_all_the_same_cannot_tell():
    assert not is_degenerate(VALUES, np.zeros((3, 2)), np.full((3, 2), 0.1))


@pytest.mark.parametrize("targets", [np.array([1]), np.array([1, 1, 1])])
def test_targets_that_do_not_vary_cannot_tell(targets):
    assert not is_degenerate(BINARY, np.tile([0.2, 0.8], (len(targets), 1)), targets)


@pytest.mark.parametrize(
    ("head", "choose_epoch", "expected"),
    [
        (
            "mlp",
            "best",
            "the eval loss rises again; the best epoch (12 of 100) was kept: set probe.mlp.patience to stop "
            "earlier, or raise probe.mlp.dropout or probe.mlp.weight_decay",
        ),
        (
            "mlp",
            "last",
            "the eval loss rises again; the last epoch predicts: set probe.choose_epoch: best, or set "
            "probe.mlp.patience to stop earlier, or raise probe.mlp.dropout or probe.mlp.weight_decay",
        ),
        (
            "xgb",
            "best",
            "the eval loss rises again; the best round (12 of 100) was kept: set probe.xgb.patience to stop "
            "earlier, or lower probe.xgb.max_depth",
        ),
    ],
)
def test_advice_on_overfitting_names_the_epoch_and_the_heads_own_keys(head, choose_epoch, expected):
    outcome = outcome_of(
        (falling() + 0.002 * EPOCHS).tolist(), falling(to=0.05).tolist(), chosen_epoch=12, n_epochs=100
    )
    assert health_of(outcome, head, choose_epoch) == Health(verdict="overfitting", advice=expected)


def test_advice_on_constant_predictions_depends_on_the_task():
    same = np.full((4, 2), 0.5, dtype=np.float32)
    outcome = outcome_of(predictions={"eval": same})
    advice = (
        "predictions are the same for all items: check that this layer's embeddings differ between items; if "
        "they do, change probe.mlp.lr or set probe.mlp.standardize: true"
    )
    of_values = diagnose(VALUES, outcome, np.arange(8.0).reshape(4, 2), head="mlp", choose_epoch="best")
    assert of_values == Health(verdict="degenerate", advice=advice)
    of_classes = health_of(outcome)
    assert of_classes.advice == advice + ", or set probe.class_weights: balanced"


KEYS = [
    (verdict, head, key)
    for verdict, by_head in CHANGES.items()
    for head, change in by_head.items()
    for key in re.findall(r"probe\.(\w+(?:\.\w+)?)", change)
]


@pytest.mark.parametrize(("verdict", "head", "key"), KEYS)
def test_advice_names_keys_that_the_config_has(verdict, head, key):
    section, _, name = key.partition(".")
    assert section == head
    assert name in ProbeConfig.model_fields[section].annotation.model_fields


def trained(
    lr: float,
    signal: float,
    *,
    hidden: int = 32,
    n_train: int = 200,
    n_epochs: int = 40,
    scale: float = 1.0,
) -> tuple[np.ndarray, ...]:
    """Curves of a plain torch network on noisy classes; with them its last predictions and the classes."""
    torch.manual_seed(0)
    x = torch.randn(n_train + 300, 32)
    y = (signal * x[:, :8].sum(1) + torch.randn(len(x)) > 0).long()
    x *= scale
    layers = [torch.nn.Linear(32, hidden), torch.nn.ReLU()] if hidden else []
    network = torch.nn.Sequential(*layers, torch.nn.Linear(hidden or 32, 2))
    optimizer = torch.optim.Adam(network.parameters(), lr=lr)
    train, evaluation = [], []
    for _ in range(n_epochs):
        losses = []
        for rows in torch.randperm(n_train).split(32):
            loss = functional.cross_entropy(network(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        train.append(np.mean(losses))
        with torch.no_grad():
            logits = network(x[n_train:])
        evaluation.append(functional.cross_entropy(logits, y[n_train:]).item())
    return np.array(evaluation), np.array(train), logits.softmax(-1).numpy(), y[n_train:].numpy()


@pytest.mark.parametrize(
    ("lr", "signal", "verdict"),
    [(1e-4, 1.0, "still improving"), (1e-2, 0.0, "overfitting"), (1e-2, 0.3, "overfitting")],
)
def test_small_networks_are_told_by_learning_rate_and_signal(lr, signal, verdict):
    evaluation, train, scores, targets = trained(lr, signal)
    assert judge_curve(evaluation, train) == verdict
    assert not is_degenerate(BINARY, scores, targets)


@pytest.mark.parametrize(("lr", "verdict"), [(1e-2, "converged"), (3.0, "unstable")])
def test_a_linear_network_of_many_items_settles_unless_it_steps_too_far(lr, verdict):
    evaluation, train, *_ = trained(lr, 0.3, hidden=0, n_train=1000, n_epochs=100)
    assert judge_curve(evaluation, train) == verdict


def test_embeddings_that_are_the_same_for_all_items_give_degenerate_predictions():
    *_, scores, targets = trained(1e-2, 1.0, scale=0.0)
    assert is_degenerate(BINARY, scores, targets)
