"""Models and data sets shared by the threads of a worker."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from seqbench.stages.lending import Models, Once


@pytest.fixture
def loads() -> list[str]:
    return []


@pytest.fixture
def models(loads: list[str]) -> Models:
    def load(model: str) -> Any:
        loads.append(model)
        return [model]

    def ready(loaded: Any, dataset: str) -> Any:
        return (loaded, dataset)

    return Models(load, ready)


def test_a_model_is_loaded_once_and_kept_for_the_next_data_set(models: Models, loads: list[str]) -> None:
    for dataset in ("a", "b", "a"):
        with models.lent("m", dataset) as embedder:
            assert embedder == (["m"], dataset)
    assert loads == ["m"]


def test_two_extractions_have_a_copy_each_and_a_third_waits(models: Models, loads: list[str]) -> None:
    got = threading.Event()

    def third() -> None:
        with models.lent("m", "d"):
            got.set()

    with ExitStack() as second, models.lent("m", "d") as one:
        two = second.enter_context(models.lent("m", "d"))
        assert one[0] is not two[0]  # type: ignore[index]
        waiting = threading.Thread(target=third)
        waiting.start()
        assert not got.wait(0.2)
        second.close()
        assert got.wait(10)
        waiting.join()
    assert loads == ["m", "m"]


def test_another_model_takes_the_place_of_idle_ones_but_not_of_those_in_use(
    models: Models, loads: list[str]
) -> None:
    with models.lent("busy", "d"):
        with models.lent("idle", "d"):
            pass
        with models.lent("new", "d"):
            pass
    with models.lent("busy", "d"), models.lent("idle", "d"):
        pass
    assert loads == ["busy", "idle", "new", "idle"]


def test_a_model_that_can_not_be_loaded_is_tried_again() -> None:
    left = [OSError("gone")]

    def load(model: str) -> Any:
        if left:
            raise left.pop()
        return model

    models = Models(load, lambda loaded, dataset: loaded)
    with pytest.raises(OSError, match="gone"), models.lent("m", "d"):
        pass
    with models.lent("m", "d") as embedder:
        assert str(embedder) == "m"


def test_what_many_threads_ask_for_is_made_once() -> None:
    made: list[int] = []
    together = threading.Barrier(8)

    def make(key: int) -> int:
        made.append(key)
        return key

    values = Once(make)

    def ask(number: int) -> int:
        together.wait()
        return values[number % 2]

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(ask, range(8))) == [0] * 4 + [1] * 4
    assert sorted(made) == [0, 1]
