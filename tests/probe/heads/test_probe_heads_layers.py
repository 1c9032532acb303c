"""Layers that are trained apart, several at a time."""

import threading

import numpy as np
import pytest

from seqbench.core.types import Task
from seqbench.probe.heads import Problem, create, each_layer
from seqbench.probe.heads.base import Resources
from seqbench.probe.heads.knn import KnnHead
from tests.probe.heads.conftest import SETTINGS, fit_of

PROBLEM = Problem(task=Task.CLASSIFICATION, n_outputs=2)


@pytest.fixture
def _four_cores(monkeypatch):
    monkeypatch.setattr(each_layer, "available_threads", lambda: 4)
    monkeypatch.setattr(each_layer, "SMALL", 0)


@pytest.fixture
def splits(make):
    return make(lambda x: (x[:, 0] > 0).astype(int), layers=6, n=100)


@pytest.fixture
def at_once(monkeypatch):
    """The largest number of layers in training at a time, as the last of a list."""
    running, most, fit_layer, lock = [], [0], KnnHead.fit_layer, threading.Lock()
    gate = threading.Semaphore(0)

    def watched(self, layer):
        with lock:
            running.append(layer)
            most.append(max(most[-1], len(running)))
        gate.acquire(timeout=0.05)
        try:
            return fit_layer(self, layer)
        finally:
            with lock:
                running.pop()

    monkeypatch.setattr(KnnHead, "fit_layer", watched)
    return most


def train(splits, name="knn", memory_bytes=4 << 30):
    head = create(name, SETTINGS[name], Resources(memory_bytes=memory_bytes))
    told = []
    (outcomes,) = head.fit(PROBLEM, [fit_of(splits)], advance=told.append)
    assert told == [1.0] * 6
    return outcomes


@pytest.mark.parametrize("name", ["linear", "xgb", "forest", "knn"])
def test_several_at_a_time_give_the_numbers_of_one_after_the_other(name, splits, request):
    in_turn = train(splits, name)
    request.getfixturevalue("_four_cores")
    together = train(splits, name)
    assert [layer.layer_index for layer in together] == list(range(6))
    for one, other in zip(in_turn, together, strict=True):
        np.testing.assert_array_equal(one.predictions["test"], other.predictions["test"])


@pytest.mark.usefixtures("_four_cores")
def test_as_many_layers_train_at_a_time_as_there_are_cores(splits, at_once):
    train(splits)
    assert at_once[-1] == 4


@pytest.mark.usefixtures("_four_cores")
def test_as_many_layers_train_at_a_time_as_memory_holds(splits, at_once):
    a_layer = 4 * KnnHead.copies * (100 + 150 + 150) * 8
    train(splits, memory_bytes=2 * a_layer + 1)
    assert at_once[-1] == 2
    train(splits, memory_bytes=1)


def test_small_layers_are_trained_in_turn(monkeypatch, splits, at_once):
    monkeypatch.setattr(each_layer, "available_threads", lambda: 4)
    train(splits)
    assert at_once[-1] == 1


@pytest.mark.parametrize("cores", [1, 4])
def test_a_layer_that_does_not_fit_memory_fails_alone(monkeypatch, splits, request, cores):
    if cores == 4:
        request.getfixturevalue("_four_cores")
    fails_with(monkeypatch, splits, MemoryError("Unable to allocate 9 GiB"))
    outcomes = train(splits)
    assert outcomes[2].error == "MemoryError: Unable to allocate 9 GiB"
    assert outcomes[2].state is None
    assert [layer.error for layer in outcomes if layer is not outcomes[2]] == [None] * 5


@pytest.mark.parametrize("cores", [1, 4])
def test_a_bug_is_raised(monkeypatch, splits, request, cores):
    if cores == 4:
        request.getfixturevalue("_four_cores")
    fails_with(monkeypatch, splits, KeyError("a bug"))
    with pytest.raises(KeyError, match="a bug"):
        train(splits)


def fails_with(monkeypatch, splits, fault):
    """The third layer's training raises."""
    fit_layer, third = KnnHead.fit_layer, splits[0].features_LNH[2]

    def failing(self, layer):
        if np.array_equal(layer.features["train"], third):
            raise fault
        return fit_layer(self, layer)

    monkeypatch.setattr(KnnHead, "fit_layer", failing)
