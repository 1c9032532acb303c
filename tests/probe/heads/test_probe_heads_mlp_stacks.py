"""Whatever trains together: each network is what it is alone."""

from dataclasses import replace
from typing import cast

import numpy as np
import pytest
import torch

from seqbench.core.types import Task
from seqbench.probe.heads import HeadData, Problem, create
from seqbench.probe.heads.base import Fit, Resources
from seqbench.probe.heads.mlp import fitting
from seqbench.probe.heads.mlp.blocks import Block, Cost, Sharing, plan
from seqbench.probe.heads.mlp.head import MlpHead
from seqbench.probe.heads.mlp.stack import Architecture
from seqbench.training.optimizer import Rate
from tests.probe.heads.conftest import SETTINGS

RULES = {
    Task.CLASSIFICATION: lambda x: (x[:, :3] + 0.5).argmax(axis=1),
    Task.LABELS: lambda x: (x[:, :3] > 0.3).astype(np.int8),
    Task.REGRESSION: lambda x: 5 + 3 * x[:, :3],
}
HARD = {"dropout": 0.3, "epochs": 30, "clip": 1.0, "weight_decay": 0.1}
SMOOTH = {
    # A vectorised sigmoid rounds the end of a tensor differently; at the kink of ReLU 1e-8 could become 1e-3.
    Task.LABELS: {"activation": "gelu"},
}


def head(resources: Resources | None = None, **changed) -> MlpHead:
    return cast(MlpHead, create("mlp", SETTINGS["mlp"] | changed, resources or Resources()))


def train(fits, task=Task.CLASSIFICATION, **changed):
    return head(**changed).fit(Problem(task=task, n_outputs=3), fits, advance=lambda _: None)


def fit_of(splits, seed=0, rows=None):
    some = slice(None) if rows is None else rows
    first = splits[0]
    return Fit(
        train=HeadData(features_LNH=first.features_LNH[:, some], targets=first.targets[some]),
        evaluation=splits[1],
        test=splits[2],
        seed=seed,
    )


def assert_same(one, other, atol=1e-5):
    for split in ("eval", "test"):
        scale = max(1.0, np.abs(other.predictions[split]).max())
        np.testing.assert_allclose(one.predictions[split], other.predictions[split], atol=atol * scale)
    assert (one.chosen_epoch, one.n_epochs) == (other.chosen_epoch, other.n_epochs)
    assert one.hyperparameters == other.hyperparameters
    losses = [np.array([[r.train_loss, r.eval_loss] for r in fitted.history]) for fitted in (one, other)]
    np.testing.assert_allclose(*losses, rtol=1e-3, atol=1e-5)


def together(monkeypatch, fits, **changed):
    """Train as one block, and say so where it is not."""
    blocks = []
    original = fitting.plan
    monkeypatch.setattr(fitting, "plan", lambda *args: blocks.extend(original(*args)) or blocks)
    trained = train(fits, **changed)
    monkeypatch.setattr(fitting, "plan", original)
    assert len(blocks) == 1
    return trained


def separate(splits, layers):
    return [replace(data, features_LNH=data.features_LNH[layers]) for data in splits]


@pytest.mark.parametrize("task", RULES)
def test_other_layers_change_nothing(monkeypatch, make, task):
    splits = make(RULES[task], layers=3, n=330)
    hard = HARD | SMOOTH.get(task, {})
    (stacked,) = together(monkeypatch, [fit_of(splits)], task=task, **hard)
    for layer in range(3):
        ((alone,),) = train([fit_of(separate(splits, [layer]))], task=task, **hard)
        assert_same(stacked[layer], alone)


def test_other_seeds_change_nothing(monkeypatch, make):
    splits = make(RULES[Task.CLASSIFICATION], layers=2, n=330)
    fits = [fit_of(splits, seed) for seed in (3, 4)]
    stacked = together(monkeypatch, fits, norm="layer", activation="gelu", **HARD)
    for outcomes, fit in zip(stacked, fits, strict=True):
        (alone,) = train([fit], norm="layer", activation="gelu", **HARD)
        for one, other in zip(outcomes, alone, strict=True):
            assert_same(one, other)
    assert not np.allclose(stacked[0][0].predictions["test"], stacked[1][0].predictions["test"], atol=1e-3)


@pytest.mark.parametrize("task", RULES)
def test_other_folds_change_nothing(monkeypatch, make, task):
    splits = make(RULES[task], layers=2, n=330)
    folds = [np.delete(np.arange(330), slice(first, first + 30)) for first in (0, 60, 200)]
    fits = [fit_of(splits, 1, rows) for rows in folds]
    hard = HARD | SMOOTH.get(task, {}) | {"class_weights": "balanced"}
    stacked = together(monkeypatch, fits, task=task, **hard)
    for outcomes, fit in zip(stacked, fits, strict=True):
        (alone,) = train([fit], task=task, **hard)
        for one, other in zip(outcomes, alone, strict=True):
            assert_same(one, other)


def test_fits_of_other_targets_on_the_same_features_change_nothing(monkeypatch, make):
    """As for the control with permuted labels."""
    splits = make(RULES[Task.CLASSIFICATION], layers=2, n=330)
    permuted = [replace(data, targets=np.roll(data.targets, 7)) for data in splits]
    fits = [fit_of(splits), fit_of(permuted)]
    stacked = together(monkeypatch, fits, **HARD)
    for outcomes, fit in zip(stacked, fits, strict=True):
        (alone,) = train([fit], **HARD)
        for one, other in zip(outcomes, alone, strict=True):
            assert_same(one, other)


def test_other_rates_change_nothing_and_the_best_on_eval_is_chosen(monkeypatch, make):
    splits = make(lambda x: (x[:, 0] + np.random.default_rng(1).normal(size=len(x)) > 0) * 1, layers=2, n=330)
    lrs, decays = (1e-4, 3e-3, 5e-2), (0.0, 3.0)
    fits = [fit_of(splits, seed) for seed in (0, 1)]
    both = {"dropout": 0.3, "epochs": 15, "warmup": 0.1, "decay": "cosine"}
    stacked = together(monkeypatch, fits, lr=lrs, weight_decay=decays, **both)
    for outcomes, fit in zip(stacked, fits, strict=True):
        tried = {
            (lr, decay): train([fit], lr=lr, weight_decay=decay, **both) for lr in lrs for decay in decays
        }
        for layer, outcome in enumerate(outcomes):
            best = min(tried, key=lambda rate: min(r.eval_loss for r in tried[rate][0][layer].history))
            assert outcome.hyperparameters == {"lr": best[0], "weight_decay": best[1]}
            assert_same(replace(outcome, hyperparameters={}), tried[best][0][layer])


def test_only_what_was_a_choice_is_reported(make):
    fits = [fit_of(make(RULES[Task.CLASSIFICATION]))]
    assert train(fits, epochs=2)[0][0].hyperparameters == {}
    assert train(fits, epochs=2, lr=[0.01, 0.001])[0][0].hyperparameters.keys() == {"lr"}
    assert train(fits, epochs=2, weight_decay=[0.0, 0.1])[0][0].hyperparameters.keys() == {"weight_decay"}


def test_with_last_weights_rates_are_compared_by_the_last_loss(make):
    splits = make(lambda x: (x[:, 0] + np.random.default_rng(1).normal(size=len(x)) > 0) * 1)
    chosen = {"epochs": 40, "dropout": 0.0, "choose_epoch": "last"}
    ((fitted,),) = train([fit_of(splits)], lr=[0.05, 3e-4], **chosen)
    assert fitted.hyperparameters == {"lr": 3e-4}
    assert (fitted.chosen_epoch, fitted.n_epochs) == (40, 40)


@pytest.mark.parametrize("choose", ["best", "last"])
def test_a_network_that_stops_early_keeps_what_it_had_alone(monkeypatch, make, choose):
    noise = np.random.default_rng(1).normal(size=330)
    splits = make(lambda x: (x[:, 0] + 2 * noise[: len(x)] > 0).astype(int), layers=3, n=330)
    chosen = {"patience": 2, "lr": [0.02, 5e-4], "epochs": 12, "choose_epoch": choose}
    fits = [fit_of(splits, seed) for seed in (0, 1)]
    stacked = together(monkeypatch, fits, **chosen)
    for outcomes, fit in zip(stacked, fits, strict=True):
        for layer, outcome in enumerate(outcomes):
            one = replace(
                fit,
                **{
                    name: replace(data, features_LNH=data.features_LNH[[layer]])
                    for name, data in (
                        ("train", fit.train),
                        ("evaluation", fit.evaluation),
                        ("test", fit.test),
                    )
                },
            )
            tried = [train([one], **chosen | {"lr": lr})[0][0] for lr in chosen["lr"]]
            alone = tried[chosen["lr"].index(outcome.hyperparameters["lr"])]
            assert_same(replace(outcome, hyperparameters={}), alone)
            best = 1 + int(np.argmin([record.eval_loss for record in alone.history]))
            assert alone.n_epochs == len(alone.history) == min(12, best + 2)
            assert alone.chosen_epoch == (best if choose == "best" else alone.n_epochs)
    assert len({outcome.n_epochs for outcomes in stacked for outcome in outcomes}) > 1


@pytest.mark.parametrize(
    ("changed", "n_steps", "n_points"), [({"epochs": 2}, 8, 2), ({"steps": 9}, 9, 3)], ids=["epochs", "steps"]
)
def test_steps_and_passes_count_the_smaller_last_batch_and_step(
    monkeypatch, make, changed, n_steps, n_points
):
    steps, original = [], torch.optim.AdamW.step
    monkeypatch.setattr(torch.optim.AdamW, "step", lambda self: steps.append(1) or original(self))
    fits = [fit_of(make(RULES[Task.CLASSIFICATION], n=641))]
    ((fitted,),) = train(fits, accumulate=3, **changed)
    assert (len(steps), len(fitted.history)) == (n_steps, n_points)


def test_training_ends_when_all_networks_have_stopped(make):
    splits = make(lambda x: np.random.default_rng(0).integers(0, 2, len(x)), layers=2)
    passes = []
    ((one, other),) = head(patience=1, lr=0.05, epochs=500).fit(
        Problem(task=Task.CLASSIFICATION, n_outputs=2), [fit_of(splits)], advance=passes.append
    )
    assert max(one.n_epochs, other.n_epochs) < 30
    assert len(passes) < 35
    assert sum(passes) == pytest.approx(2)


@pytest.mark.parametrize("memory_bytes", [1, 400_000, 1_500_000])
def test_less_memory_means_more_passes_over_the_data_and_the_same_numbers(make, memory_bytes):
    splits = make(RULES[Task.CLASSIFICATION], layers=3)
    fits = [fit_of(splits, seed) for seed in (0, 1)] + [fit_of(splits, 0, np.arange(200))]
    told = []
    chosen = {"lr": [1e-3, 1e-2], "epochs": 3}
    small = head(Resources(memory_bytes=memory_bytes), **chosen)
    problem = Problem(task=Task.CLASSIFICATION, n_outputs=3)
    for outcomes, wanted in zip(
        small.fit(problem, fits, advance=told.append), train(fits, **chosen), strict=True
    ):
        for one, other in zip(outcomes, wanted, strict=True):
            assert_same(one, other)
    assert sum(told) == pytest.approx(9)


def test_a_layer_that_is_unsound_in_one_fit_is_trained_in_the_others(make):
    splits = make(RULES[Task.CLASSIFICATION], layers=2)
    splits[0].features_LNH[1, 300] = np.nan
    with_it, without = fit_of(splits), fit_of(splits, 0, np.arange(200))
    first, second = train([with_it, without], epochs=2)
    assert "train features hold NaN or infinity in 1 of 400 items" in first[1].error
    assert [fitted.error for fitted in (first[0], *second)] == [None] * 3
    assert_same(second[1], train([without], epochs=2)[0][1])


def test_features_that_fits_share_are_recognised_wherever_they_lie(make):
    splits = make(RULES[Task.CLASSIFICATION], layers=2)
    copied = tuple(replace(data, features_LNH=data.features_LNH.copy()) for data in splits)
    other = np.arange(400) != 17
    sharing = Sharing.of([fit_of(splits), fit_of(copied, 1), fit_of(splits, 2, other), fit_of(splits, 3)])
    assert sharing.by_split["train"] == [0, 0, 1, 0]
    assert sharing.by_split["test"] == [0, 0, 0, 0]
    assert sharing.key("eval", 2) != sharing.key("eval", 3)


def cost_of(fits):
    widths = (fits[0].train.features_LNH.shape[2], 64, 3)
    return Cost(
        fits=fits,
        sharing=Sharing.of(fits),
        architecture=Architecture(widths=widths, activation="relu", norm="none"),
        batch_size=64,
        bytes_per_feature=4,
    )


def test_blocks_hold_every_network_once_and_keep_to_the_memory(make):
    splits = make(RULES[Task.CLASSIFICATION], layers=7)
    fits = [fit_of(splits, seed) for seed in range(3)] + [fit_of(splits, 0, np.arange(99))]
    rates = [Rate(lr=lr, weight_decay=0.0) for lr in (0.1, 0.2)]
    cost, sound = cost_of(fits), [list(range(7))] * 3 + [[0, 5]]
    blocks = list(plan(cost, sound, rates, 3_000_000))
    assert max(cost.memory_bytes(block) for block in blocks) <= 3_000_000
    networks = [
        (f, r, at) for block in blocks for f in block.fits for r in block.rates for at in block.layers
    ]
    assert len(networks) == len(set(networks)) == 3 * 7 * 2 + 2 * 2
    assert len(blocks) > 2


def test_fits_that_share_features_cost_less_memory(make):
    splits = make(RULES[Task.CLASSIFICATION], layers=4, width=512)
    same = cost_of([fit_of(splits, seed) for seed in (0, 1)])
    other = cost_of([fit_of(splits, 0), fit_of(make(RULES[Task.CLASSIFICATION], layers=4, width=512, n=401))])
    block = Block(fits=(0, 1), rates=(Rate(lr=1.0, weight_decay=0.0),), layers=(0, 1, 2, 3))
    assert other.memory_bytes(block) - same.memory_bytes(block) > 4 * 400 * 512 * 4


class Cramped:
    """Pretends that more networks than a limit do not fit, as torch says it."""

    def __init__(self, monkeypatch, limit, error):
        self.tried = []
        original = fitting.StackTraining

        def training(setup, *args):
            n_networks = len(setup.rates) * len(setup.seeds) * setup.n_layers
            self.tried.append(n_networks)
            if n_networks > limit:
                raise error
            return original(setup, *args)

        monkeypatch.setattr(fitting, "StackTraining", training)


OUT_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:121] . DefaultCPUAllocator: not enough memory"),
    MemoryError("Unable to allocate 20 GiB"),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=lambda error: type(error).__name__)
def test_out_of_memory_halves_what_trains_together_and_is_not_met_twice(monkeypatch, make, error):
    fits = [fit_of(make(RULES[Task.CLASSIFICATION], layers=4), seed) for seed in (0, 1)]
    fits.append(fit_of(make(RULES[Task.CLASSIFICATION], layers=4, n=300)))
    wanted = train(fits, epochs=2)
    cramped, told = Cramped(monkeypatch, 3, error), []
    problem = Problem(task=Task.CLASSIFICATION, n_outputs=3)
    trained = head(epochs=2).fit(problem, fits, advance=told.append)
    assert cramped.tried == [8, 4, 2, 2, 2, 2, 2, 2]
    for outcomes, others in zip(trained, wanted, strict=True):
        for one, other in zip(outcomes, others, strict=True):
            assert_same(one, other)
    assert sum(told) == pytest.approx(12)


def test_a_single_network_that_does_not_fit_fails_and_the_others_go_on(monkeypatch, make):
    splits = make(RULES[Task.CLASSIFICATION], layers=3)
    original = fitting.BlockData

    def data(problem, fits, block, *args, **kwargs):
        if 1 in block.layers:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return original(problem, fits, block, *args, **kwargs)

    monkeypatch.setattr(fitting, "BlockData", data)
    told = []
    problem = Problem(task=Task.CLASSIFICATION, n_outputs=3)
    ((first, second, third),) = head(epochs=2).fit(problem, [fit_of(splits)], advance=told.append)
    assert second.error.startswith("out of memory with a single network; lower probe.mlp.hidden")
    assert (first.error, third.error, sum(told)) == (None, None, pytest.approx(3))


def test_errors_that_have_nothing_to_do_with_memory_are_raised(monkeypatch, make):
    Cramped(monkeypatch, 0, RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match="shapes do not match"):
        train([fit_of(make(RULES[Task.CLASSIFICATION]))], epochs=1)


def test_no_fits_give_no_outcomes():
    assert train([]) == []


@pytest.mark.parametrize("task", RULES)
def test_training_in_mixed_precision_learns_as_much(monkeypatch, make, task):
    """As on a GPU, with the products on the CPU; predictions stay in float32."""
    fits = [fit_of(make(RULES[task], layers=2), seed) for seed in (0, 1)]
    chosen = {"task": task, "norm": "layer", "accumulate": 2, "lr": [1e-3, 5e-3], "epochs": 25}
    exact = train(fits, **chosen)
    monkeypatch.setattr(fitting.Recipe, "mixed", property(lambda self: True))
    rounded = train(fits, **chosen)
    for outcomes, others in zip(rounded, exact, strict=True):
        for one, other in zip(outcomes, others, strict=True):
            assert min(r.eval_loss for r in one.history) == pytest.approx(
                min(r.eval_loss for r in other.history), rel=0.1
            )
            found = MlpHead.predict(one.state, fits[0].test.features_LNH[one.layer_index])
            np.testing.assert_allclose(found, one.predictions["test"], atol=1e-5)
