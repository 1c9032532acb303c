from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch import nn

from seqbench.core.types import Task
from seqbench.probe.heads import HeadData
from seqbench.probe.heads.mlp.draws import Draws
from seqbench.probe.heads.mlp.head import reference_widths
from tests.probe.heads.conftest import SETTINGS
from tests.probe.heads.plain_mlp import predict_alone, train_alone

RULES = {
    Task.CLASSIFICATION: lambda x: (x[:, :3] + 0.5).argmax(axis=1),
    Task.LABELS: lambda x: (x[:, :3] > 0.3).astype(np.int8),
    Task.REGRESSION: lambda x: 5 + 3 * x[:, :3],
}
every_task = pytest.mark.parametrize("task", RULES)


CHANGES = {
    "as it comes": {},
    "normed": {"norm": "layer", "activation": "gelu"},
    "decaying weights": {"weight_decay": 0.3, "activation": "silu"},
    "averaged gradients": {"accumulate": 2, "activation": "tanh"},
    "clipped": {"clip": 0.05},
    "scheduled": {"warmup": 0.2, "decay": "cosine", "norm": "layer"},
    "by steps": {"steps": 43, "accumulate": 2, "clip": 0.5, "warmup": 0.1},
    "without hidden layer but one": {"hidden": [20], "dropout": 0.0, "batch_size": 7, "epochs": 2},
}


@every_task
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_layer_of_a_stack_equals_a_plain_network_trained_alone(fit, make, task, change):
    splits = make(RULES[task], layers=2, n=300)
    settings = SETTINGS["mlp"] | {"dropout": 0.2, "epochs": 8, "standardize": False, "choose_epoch": "last"}
    settings |= change
    fitted = fit("mlp", task, 3, splits, seed=11, **settings)
    for layer in range(2):
        network = train_alone(splits[0], task, 3, 11, settings, layer)
        for split, data in (("eval", splits[1]), ("test", splits[2])):
            expected = predict_alone(network, task, data.features_LNH[layer])
            np.testing.assert_allclose(fitted[layer].predictions[split], expected, atol=1e-5)


def balanced(targets):
    """Weights of scikit-learn's `balanced`."""
    return torch.from_numpy(compute_class_weight("balanced", classes=np.arange(3), y=targets)).float()


def focal(logits, targets):
    p = logits.softmax(1)[torch.arange(len(targets)), targets]
    return (-((1 - p) ** 3) * p.log()).mean()


CRITERIA = [
    (Task.CLASSIFICATION, {"label_smoothing": 0.2}, lambda _: nn.CrossEntropyLoss(label_smoothing=0.2)),
    (Task.CLASSIFICATION, {"class_loss": "focal", "focal_gamma": 3.0}, lambda _: focal),
    (
        Task.CLASSIFICATION,
        {"class_weights": "balanced"},
        lambda y: lambda p, t: nn.CrossEntropyLoss(weight=balanced(y), reduction="none")(p, t).mean(),
    ),
    (
        Task.LABELS,
        {"class_weights": "balanced"},
        lambda y: (
            lambda p, t: (
                nn.BCEWithLogitsLoss(reduction="none")(p, t)
                * torch.where(t > 0, *(torch.tensor(0.5 / np.abs(y.mean(0) - v)).float() for v in (0, 1)))
            ).mean()
        ),
    ),
    (Task.REGRESSION, {"value_loss": "mse"}, lambda _: nn.MSELoss()),
    (Task.REGRESSION, {"value_loss": "rmse"}, lambda _: lambda p, t: (p - t).square().mean(0).sqrt().mean()),
]


@pytest.mark.parametrize(
    ("task", "change", "criterion"), CRITERIA, ids=lambda value: "" if callable(value) else str(value)
)
def test_the_loss_that_is_asked_for_is_the_one_that_is_trained(fit, make, task, change, criterion):
    splits = make(RULES[task], n=300)
    settings = SETTINGS["mlp"] | {"epochs": 6, "standardize": False, "choose_epoch": "last"} | change
    (fitted,) = fit("mlp", task, 3, splits, seed=2, **settings)
    network = train_alone(splits[0], task, 3, 2, settings, 0, criterion(splits[0].targets))
    expected = predict_alone(network, task, splits[2].features_LNH[0])
    np.testing.assert_allclose(fitted.predictions["test"], expected, atol=1e-5)
    plain = fit("mlp", task, 3, splits, seed=2, epochs=6, standardize=False, choose_epoch="last")[0]
    assert not np.allclose(fitted.predictions["test"], plain.predictions["test"], atol=1e-3)


def test_by_steps_a_curve_has_a_point_after_each_pass_and_after_the_last_step(fit, make):
    splits = make(RULES[Task.CLASSIFICATION], n=300)
    (fitted,) = fit("mlp", Task.CLASSIFICATION, 3, splits, steps=12, epochs=1, choose_epoch="last")
    assert [record.epoch for record in fitted.history] == [1, 2, 3]
    assert (fitted.n_epochs, fitted.chosen_epoch) == (3, 3)
    (two,) = fit("mlp", Task.CLASSIFICATION, 3, splits, steps=10, epochs=1)
    assert two.history == fitted.history[:2]


def test_dropout_is_on_in_every_epoch(monkeypatch, fit, make):
    dropped, masks = [], Draws._masks

    def watched(self, n_rows, width, dropout):
        mask = masks(self, n_rows, width, dropout)
        dropped.append(float((mask == 0).float().mean()))
        return mask

    monkeypatch.setattr(Draws, "_masks", watched)
    fit("mlp", Task.CLASSIFICATION, 3, make(RULES[Task.CLASSIFICATION]), dropout=0.25, epochs=4)
    assert len(dropped) == 4 * 2
    assert dropped == pytest.approx([0.25] * 8, abs=0.03)


def test_masks_keep_the_expected_activation_and_differ_between_batches():
    batches = list(Draws(0, torch.device("cpu")).epoch(640, 64, [500], 0.2))
    masks = torch.cat([batch.masks_BO[0] for batch in batches])
    assert float(masks.mean()) == pytest.approx(1, abs=0.01)
    assert set(masks.unique().tolist()) == {0.0, 1.25}
    assert not torch.equal(batches[0].masks_BO[0], batches[1].masks_BO[0])


def test_an_epoch_sees_every_item_once_in_an_order_of_its_own():
    draws = Draws(0, torch.device("cpu"))
    first, second = (torch.cat([b.index_B for b in draws.epoch(150, 64, [4], 0.5)]) for _ in range(2))
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(150))
    assert not torch.equal(first, second)


def test_masks_drawn_in_chunks_cover_all_batches(monkeypatch):
    monkeypatch.setattr("seqbench.probe.heads.mlp.draws.CHUNK_VALUES", 100)
    batches = list(Draws(0, torch.device("cpu")).epoch(100, 8, [5, 3], 0.5))
    assert [len(batch.index_B) for batch in batches] == [8] * 12 + [4]
    shapes = [[tuple(mask.shape) for mask in batch.masks_BO] for batch in batches]
    assert shapes == [[(8, 5), (8, 3)]] * 12 + [[(4, 5), (4, 3)]]


def test_initial_weights_are_those_of_torch_linear():
    torch.manual_seed(9)
    expected = nn.Linear(30, 20)
    weight, bias = Draws(9, torch.device("cpu")).linear(30, 20)
    torch.testing.assert_close(weight, expected.weight.data)
    torch.testing.assert_close(bias, expected.bias.data)


def test_the_reference_shape_halves_quarters_and_ends_at_most_at_128():
    assert reference_widths(2048) == [1024, 512, 128]
    assert reference_widths(257) == [128, 64, 32]
    assert reference_widths(3) == [1, 1, 1]


def test_the_best_epoch_predicts_with_the_weights_it_had(fit, make):
    splits = make(lambda x: (x[:, 0] + 2 * np.random.default_rng(1).normal(size=len(x)) > 0).astype(int))
    settings = {"lr": 0.02, "dropout": 0.0}
    (best,) = fit("mlp", Task.CLASSIFICATION, 2, splits, epochs=40, **settings)
    losses = [record.eval_loss for record in best.history]
    assert best.chosen_epoch == 1 + int(np.argmin(losses)) < 35
    assert best.convergence is None
    (short,) = fit(
        "mlp", Task.CLASSIFICATION, 2, splits, epochs=best.chosen_epoch, choose_epoch="last", **settings
    )
    np.testing.assert_allclose(best.predictions["test"], short.predictions["test"], atol=1e-6)


def test_each_layer_has_a_best_epoch_of_its_own(fit, make):
    splits = make(lambda x: (x[:, 0] > 0).astype(int), layers=3)
    fitted = fit("mlp", Task.CLASSIFICATION, 2, splits, epochs=25, lr=0.02)
    chosen = [layer.chosen_epoch for layer in fitted]
    assert chosen == [1 + int(np.argmin([r.eval_loss for r in layer.history])) for layer in fitted]
    assert len(set(chosen)) > 1


def test_the_eval_loss_of_the_curve_is_that_of_the_predictions(fit, make):
    splits = make(RULES[Task.CLASSIFICATION])
    (fitted,) = fit("mlp", Task.CLASSIFICATION, 3, splits, choose_epoch="last", epochs=5)
    probabilities = fitted.predictions["eval"][np.arange(150), splits[1].targets]
    assert fitted.history[-1].eval_loss == pytest.approx(-np.log(probabilities).mean(), rel=1e-4)
    assert [record.epoch for record in fitted.history] == [1, 2, 3, 4, 5]


def test_without_dropout_a_tiny_step_gives_the_train_loss_of_the_initial_weights(fit, make):
    train, _, test = make(RULES[Task.LABELS])
    (fitted,) = fit("mlp", Task.LABELS, 3, (train, train, test), lr=1e-12, dropout=0.0, epochs=1)
    assert fitted.history[0].train_loss == pytest.approx(fitted.history[0].eval_loss, rel=1e-5)


def test_scaling_is_learned_on_train_only_so_shift_and_unit_do_not_matter(fit, make):
    splits = make(RULES[Task.REGRESSION])
    moved = [
        HeadData(features_LNH=1000 * data.features_LNH + 500, targets=1e4 * data.targets) for data in splits
    ]
    shifted = replace(moved[2], features_LNH=moved[2].features_LNH + 3000)
    plain, other = (
        fit("mlp", Task.REGRESSION, 3, which, epochs=5)[0].predictions for which in (splits, moved)
    )
    np.testing.assert_allclose(other["test"], 1e4 * plain["test"], rtol=1e-3, atol=50)
    far = fit("mlp", Task.REGRESSION, 3, (moved[0], moved[1], shifted), epochs=5)[0].predictions
    np.testing.assert_array_equal(far["eval"], other["eval"])
    assert not np.allclose(far["test"], other["test"])


def test_a_layer_that_diverges_leaves_the_others_as_they_are(fit, make):
    splits = make(RULES[Task.CLASSIFICATION], layers=3)
    settings = {"standardize": False, "epochs": 4}
    alone = fit("mlp", Task.CLASSIFICATION, 3, [_only(data, [0, 2]) for data in splits], **settings)
    for data in splits:
        data.features_LNH[1] = 3e38 * np.sign(data.features_LNH[1])
    fitted = fit("mlp", Task.CLASSIFICATION, 3, splits, **settings)
    assert fitted[1].convergence == "diverged"
    assert "infinite or NaN in epoch 1; lower probe.mlp.lr" in fitted[1].error
    assert (fitted[1].predictions, fitted[1].history) == ({}, ())
    for position, expected in zip((0, 2), alone, strict=True):
        np.testing.assert_allclose(
            fitted[position].predictions["test"], expected.predictions["test"], atol=1e-6
        )


def _only(data, layers):
    return replace(data, features_LNH=data.features_LNH[layers].copy())
