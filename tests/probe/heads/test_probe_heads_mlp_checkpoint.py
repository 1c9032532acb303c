import pickle
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from seqbench.core.types import Task
from seqbench.errors import TrainingError
from seqbench.probe.heads import Problem, create
from seqbench.probe.heads.base import Fit, Resources
from seqbench.training.checkpoint import Checkpoint
from tests.probe.heads.conftest import SETTINGS

PROBLEM = Problem(task=Task.CLASSIFICATION, n_outputs=3)
DEMANDING = {
    "patience": 4,
    "lr": [1e-3, 5e-2],
    "weight_decay": 0.1,
    "warmup": 0.2,
    "decay": "cosine",
    "clip": 1.0,
}
CHANGES = {
    "as it comes": {"checkpoint_steps": 3},
    "in the middle of averaged gradients": {"checkpoint_steps": 2, "accumulate": 2},
    "everything on": {"checkpoint_steps": 4, "choose_epoch": "last", "weight_decay": 0.1, **DEMANDING},
    "by steps": {"checkpoint_steps": 7, "steps": 31},
    "at the end of a pass": {"checkpoint_steps": 5},
}


class Stopped(Exception):
    pass


@pytest.fixture
def fits(make):
    splits = make(lambda x: (x[:, :3] + 0.5).argmax(axis=1), layers=2, n=300)
    train, evaluation, test = splits
    return [Fit(train=train, evaluation=evaluation, test=test, seed=seed) for seed in (0, 1)]


def head(path, memory_bytes=4 << 30, **changed):
    settings = SETTINGS["mlp"] | {"epochs": 8, "dropout": 0.3, "norm": "layer"} | changed
    return create("mlp", settings, Resources(checkpoint=path, memory_bytes=memory_bytes))


def stop_after(calls):
    left = [calls]

    def advance(_):
        left[0] -= 1
        if left[0] == 0:
            raise Stopped

    return advance


def assert_identical(found, wanted):
    for outcomes, others in zip(found, wanted, strict=True):
        for one, other in zip(outcomes, others, strict=True):
            for split in ("eval", "test"):
                np.testing.assert_array_equal(one.predictions[split], other.predictions[split])
            assert replace(one, seconds=0, predictions={}, state=None) == replace(
                other, seconds=0, predictions={}, state=None
            )


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_training_that_was_cut_off_ends_as_if_it_had_not(tmp_path, fits, change):
    path = tmp_path / "kept" / "training.pt"
    undisturbed = head(None, **change).fit(PROBLEM, fits, advance=lambda _: None)
    for calls in (2, 3):
        with pytest.raises(Stopped):
            head(path, **change).fit(PROBLEM, fits, advance=stop_after(calls))
    assert [found.name for found in path.parent.iterdir()] == ["training.pt"]
    told = []
    went_on = head(path, **change).fit(PROBLEM, fits, advance=told.append)
    assert_identical(went_on, undisturbed)
    assert sum(told) == pytest.approx(4)
    assert list(path.parent.iterdir()) == []


def test_going_on_really_skips_what_was_done(tmp_path, fits, monkeypatch):
    path, steps = tmp_path / "training.pt", []
    with pytest.raises(Stopped):
        head(path, checkpoint_steps=3).fit(PROBLEM, fits, advance=stop_after(5))
    original = torch.optim.AdamW.step
    monkeypatch.setattr(torch.optim.AdamW, "step", lambda self: steps.append(1) or original(self))
    head(path, checkpoint_steps=3).fit(PROBLEM, fits, advance=lambda _: None)
    assert len(steps) == 8 * 5 - 24  # 25 steps were done in 5 passes, the last state is of step 24


def test_blocks_that_were_finished_are_not_trained_again(tmp_path, fits, monkeypatch):
    path, steps, chosen = tmp_path / "training.pt", [], {"memory_bytes": 1, "checkpoint_steps": 10**6}
    undisturbed = head(None, **chosen).fit(PROBLEM, fits, advance=lambda _: None)
    with pytest.raises(Stopped):
        head(path, **chosen).fit(PROBLEM, fits, advance=stop_after(8 * 3 + 2))
    assert len(list(tmp_path.iterdir())) == 3
    original = torch.optim.AdamW.step
    monkeypatch.setattr(torch.optim.AdamW, "step", lambda self: steps.append(1) or original(self))
    told = []
    went_on = head(path, **chosen).fit(PROBLEM, fits, advance=told.append)
    assert_identical(went_on, undisturbed)
    assert len(steps) == 8 * 5
    assert sum(told) == pytest.approx(4)
    assert list(tmp_path.iterdir()) == []


def test_a_signal_to_end_is_obeyed_after_the_state_is_kept(tmp_path, fits, monkeypatch):
    """Within the second of eight passes of 5 steps; no state was due before step 1000."""
    path, steps, chosen = tmp_path / "training.pt", [], {"checkpoint_steps": 1000}
    undisturbed = head(None, **chosen).fit(PROBLEM, fits, advance=lambda _: None)
    original = torch.optim.AdamW.step

    def step(self):
        original(self)
        steps.append(1)
        if len(steps) == 7:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    with pytest.raises(KeyboardInterrupt):
        head(path, **chosen).fit(PROBLEM, fits, advance=lambda _: None)
    assert len(steps) == 7
    assert_identical(head(path, **chosen).fit(PROBLEM, fits, advance=lambda _: None), undisturbed)
    assert len(steps) == 8 * 5


def damaged(content: bytes) -> dict[str, bytes]:
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 1
    return {"empty": b"", "text": b"hello", "cut": content[: len(content) // 2], "flipped": bytes(flipped)}


@pytest.mark.parametrize("kind", ["empty", "text", "cut", "flipped"])
def test_a_damaged_file_is_ignored(tmp_path, fits, kind):
    path = tmp_path / "training.pt"
    undisturbed = head(None, checkpoint_steps=3).fit(PROBLEM, fits, advance=lambda _: None)
    with pytest.raises(Stopped):
        head(path, checkpoint_steps=3).fit(PROBLEM, fits, advance=stop_after(3))
    path.write_bytes(damaged(path.read_bytes())[kind])
    assert_identical(head(path, checkpoint_steps=3).fit(PROBLEM, fits, advance=lambda _: None), undisturbed)


@pytest.mark.parametrize("other", ["seed", "setting", "data"])
def test_the_state_of_another_training_is_ignored(tmp_path, fits, other):
    path = tmp_path / "training.pt"
    with pytest.raises(Stopped):
        head(path, checkpoint_steps=3).fit(PROBLEM, fits, advance=stop_after(3))
    changed = {"lr": 1e-3} if other == "setting" else {}
    if other == "seed":
        fits = [replace(fit, seed=fit.seed + 5) for fit in fits]
    if other == "data":
        moved = replace(fits[0].train, features_LNH=fits[0].train.features_LNH + 1)
        fits = [replace(fit, train=moved) for fit in fits]
    wanted = head(None, checkpoint_steps=3, **changed).fit(PROBLEM, fits, advance=lambda _: None)
    found = head(path, checkpoint_steps=3, **changed).fit(PROBLEM, fits, advance=lambda _: None)
    assert_identical(found, wanted)


def test_a_pickle_that_runs_code_is_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    path = tmp_path / "training.pt"
    path.write_bytes(pickle.dumps({"format": Evil()}, protocol=2))
    assert Checkpoint(path=path, fingerprint="").load(torch.device("cpu")) is None
    assert not (tmp_path / "ran").exists()


def test_nothing_is_written_unless_both_file_and_steps_are_set(tmp_path, fits):
    path = tmp_path / "training.pt"
    with pytest.raises(Stopped):
        head(path).fit(PROBLEM, fits, advance=stop_after(3))
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_can_not_be_written_is_one_line(tmp_path, fits):
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match=r"training\.pt: the state of the training can't be written"):
        head(tmp_path / "file" / "training.pt", checkpoint_steps=3).fit(PROBLEM, fits, advance=lambda _: None)
