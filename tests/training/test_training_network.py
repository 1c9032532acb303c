"""One network under the loop equals an ordinary torch loop, whatever is accumulated, cut or interrupted."""

import os
import signal
from pathlib import Path

import pytest
import torch
from torch import nn

from seqbench.core.types import Task
from seqbench.errors import TrainingError
from seqbench.training.batches import halves_of
from seqbench.training.checkpoint import Checkpoint, fingerprint
from seqbench.training.loop import Course
from seqbench.training.losses import TaskLoss
from seqbench.training.network import mean_loss
from seqbench.training.schedule import Schedule
from tests.training.plain_network import (
    LOSS,
    Data,
    data_of,
    loop_of,
    network_of,
    objective_of,
    train_plainly,
    weights_of,
)

COURSE = Course(n_steps=25, choose="last")
CPU = torch.device("cpu")


def root_of_mean(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return (outputs - targets).square().mean(0).sqrt().mean()


@pytest.mark.parametrize(
    ("course", "clip"),
    [
        (COURSE, None),
        (Course(n_steps=25, choose="last", accumulate=3), None),
        (Course(n_steps=25, choose="last", schedule=Schedule(warmup=0.2, decay="cosine")), 0.05),
        (
            Course(
                n_steps=25, choose="last", schedule=Schedule(warmup_steps=4, decay="linear"), accumulate=2
            ),
            1.0,
        ),
    ],
)
def test_weights_equal_those_of_an_ordinary_torch_loop(course: Course, clip: float | None) -> None:
    data = data_of()
    loop, training = loop_of(data, course, clip=clip)
    loop.run()
    torch.testing.assert_close(
        weights_of(training.network), weights_of(train_plainly(data, course, clip=clip)), atol=1e-6, rtol=1e-5
    )


def test_a_loss_that_is_not_linear_is_that_of_all_items_of_a_step() -> None:
    data, course = data_of(), Course(n_steps=20, choose="last", accumulate=3)
    objective = objective_of(TaskLoss(task=Task.REGRESSION, value_loss="rmse"))
    loop, training = loop_of(data, course, objective=objective)
    loop.run()
    plain = train_plainly(data, course, loss=root_of_mean)
    torch.testing.assert_close(weights_of(training.network), weights_of(plain), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("stop", [1, 6, 13, 24])
def test_a_resumed_training_has_the_weights_of_an_undisturbed_one_to_the_bit(
    stop: int, tmp_path: Path
) -> None:
    data = data_of()
    settings = {"clip": 1.0}
    whole, undisturbed = loop_of(data, COURSE, network=network_of(dropout=0.3), **settings)
    whole.run()
    file = Checkpoint(path=tmp_path / "state", fingerprint=fingerprint("same"))
    first, _ = loop_of(data, Course(n_steps=stop, choose="last"), network=network_of(dropout=0.3), **settings)
    first.run()
    file.save(first.state())
    second, resumed = loop_of(data, COURSE, network=network_of(dropout=0.3), **settings)
    second.restore(file.load(CPU) or {})
    second.run()
    assert torch.equal(weights_of(undisturbed.network), weights_of(resumed.network))
    assert len(second.curve) == len(whole.curve) + (stop % 6 > 0)


def test_a_training_stopped_within_a_pass_saves_where_it_was(tmp_path: Path) -> None:
    data, saved = data_of(), []
    course = Course(n_steps=25, choose="best", evaluate_every=4, checkpoint_every=7)
    whole, undisturbed = loop_of(data, course, network=network_of(dropout=0.3))
    file = Checkpoint(path=tmp_path / "state", fingerprint=fingerprint("same"))

    def save(state: dict) -> None:
        if len(saved) < 1:
            file.save(state)
        saved.append(whole.n_steps)

    whole.run(save=save)
    second, resumed = loop_of(data, course, network=network_of(dropout=0.3))
    second.restore(file.load(CPU) or {})
    second.run()
    undisturbed.take_kept()
    resumed.take_kept()
    assert saved == [7, 14, 21]
    assert torch.equal(weights_of(undisturbed.network), weights_of(resumed.network))
    assert [point.step for point in second.curve] == [point.step for point in whole.curve]


def test_batches_that_do_not_fit_are_cut_and_give_the_same_gradients() -> None:
    data, notes = data_of(), []

    class Tight(nn.Sequential):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if self.training and len(x) > 2:
                raise RuntimeError(
                    "DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"
                )
            return super().forward(x)

    loop, training = loop_of(data, COURSE, network=Tight(*network_of()), halve=halves_of, note=notes.append)
    loop.run()
    plain = train_plainly(data, COURSE)
    torch.testing.assert_close(weights_of(training.network), weights_of(plain), atol=1e-6, rtol=1e-5)
    assert notes == [
        "out of memory: batches are cut in 2 parts, whose gradients are added up, from here on",
        "out of memory: batches are cut in 4 parts, whose gradients are added up, from here on",
    ]


def test_a_single_item_that_does_not_fit_is_one_line() -> None:
    class Full(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    loop, _ = loop_of(data_of(), COURSE, network=Full(6, 3), halve=halves_of, way_out="use a smaller model")
    with pytest.raises(TrainingError, match="out of memory with a single item; use a smaller model"):
        loop.run()


def test_missing_labels_train_as_if_their_items_were_not_there() -> None:
    data, missing = data_of(n_targets=1), data_of(n_targets=1)
    gone = torch.arange(len(data)) % 5 == 0
    missing.y = missing.y.masked_fill(gone[:, None], float("nan"))
    network, other = network_of(1), network_of(1)
    objective = objective_of()
    for net, batch in ((network, missing), (other, Data(data.x[~gone], data.y[~gone]))):
        sums, weights = objective.sums(net, batch), objective.weights(batch)
        objective.mean(sums, weights).backward()
    for one, two in zip(network.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(one.grad, two.grad)


def test_the_weights_of_the_best_point_are_kept_and_patience_ends_the_training() -> None:
    data = data_of()
    losses = iter([3.0, 2.0, 2.5, 2.6, 2.7, 1.0])
    course = Course(n_steps=100, patience=2, evaluate_every=5)
    seen = []
    loop, training = loop_of(data, course, evaluate=lambda: {"eval_loss": next(losses)})
    loop.run(progress=seen.append)
    assert [point.step for point in loop.curve] == [5, 10, 15, 20]
    assert (int(loop.best_point_G), float(loop.best_G), seen[-1]) == (2, 2.0, 1.0)
    last = weights_of(training.network)
    training.take_kept()
    assert not torch.equal(last, weights_of(training.network))


def test_a_training_that_diverges_stops_and_keeps_what_was_good() -> None:
    losses = iter([1.0, float("nan")])
    loop, training = loop_of(data_of(), COURSE, evaluate=lambda: {"eval_loss": next(losses)})
    loop.run()
    assert len(loop.curve) == 2
    assert torch.isfinite(weights_of(training.network)).all()


def test_the_loss_over_batches_weighs_items_alike() -> None:
    data, network = data_of(), network_of()
    parts = [data[:3], data[3:20], data[20:]]
    whole = nn.functional.mse_loss(network.eval()(data.x), data.y)
    assert mean_loss(network, objective_of(LOSS), parts) == pytest.approx(whole.item(), rel=1e-6)
    assert mean_loss(network, objective_of(LOSS), []) != mean_loss(network, objective_of(LOSS), [])  # NaN


def test_a_training_goes_on_to_more_steps_in_the_middle_of_a_pass() -> None:
    (short, _), (long, found), (whole, wanted) = (
        loop_of(data_of(), Course(n_steps=n_steps, choose="last")) for n_steps in (8, 20, 20)
    )
    short.run()
    long.restore(short.state())
    for loop in (long, whole):
        loop.run()
    assert torch.equal(weights_of(found.network), weights_of(wanted.network))


def test_a_signal_to_end_is_obeyed_between_steps_with_the_state_saved() -> None:
    saved: list = []
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    loop, training = loop_of(data_of(), Course(n_steps=50))
    gradients = training.gradients

    def interrupted(batches: list, step: int) -> None:
        if step == 7:
            os.kill(os.getpid(), signal.SIGINT)
        gradients(batches, step)

    training.gradients = interrupted  # type: ignore[method-assign]
    try:
        with pytest.raises(KeyboardInterrupt):
            loop.run(save=saved.append)
    finally:
        signal.signal(signal.SIGINT, before)
    assert [state["position"][0] for state in saved] == [8]


def test_running_means_go_on_from_the_state_and_count_no_batch_twice(tmp_path: Path) -> None:
    course = Course(n_steps=9, accumulate=2, checkpoint_every=4, choose="last")
    kept, found = Checkpoint(path=tmp_path / "state", fingerprint="x"), []
    for _ in range(2):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Linear(6, 3), nn.BatchNorm1d(3))
        # With this loss a step of two batches is computed twice.
        objective = objective_of(TaskLoss(task=Task.REGRESSION, value_loss="rmse"))
        loop, _ = loop_of(data_of(), course, network=network, objective=objective)
        if (state := kept.load(CPU)) is not None:
            loop.restore(state)
        loop.run(save=kept.save)
        found.append(network.state_dict())
    assert all(torch.equal(value, found[1][name]) for name, value in found[0].items())
    assert int(found[0]["1.num_batches_tracked"]) == 9 * 2
