"""Reading ahead and writing behind: order, bounds, faults, and no thread that stays."""

import threading
from collections.abc import Iterator

import pytest

from seqbench.extract.threads import Behind, ahead


def names() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("seqbench")]


def test_entries_come_in_order_and_from_another_thread() -> None:
    made_by = []

    def numbers() -> Iterator[int]:
        for number in range(100):
            made_by.append(threading.current_thread().name)
            yield number

    with ahead(numbers(), 3) as found:
        assert list(found) == list(range(100))
    assert set(made_by) == {"seqbench-reader"}
    assert not names()


def test_the_reader_is_never_far_ahead() -> None:
    made, seen = [], []

    def numbers() -> Iterator[int]:
        for number in range(50):
            made.append(number)
            yield number

    with ahead(numbers(), 3) as found:
        for number in found:
            seen.append(number)
            assert len(made) - len(seen) <= 5


def test_a_fault_of_the_source_reaches_the_consumer_after_what_came_before() -> None:
    def numbers() -> Iterator[int]:
        yield 1
        raise ValueError("broken line")

    seen = []
    with pytest.raises(ValueError, match="broken line"), ahead(numbers(), 3) as found:
        seen.extend(found)
    with ahead(numbers(), 3) as found:
        assert next(found) == 1


def test_leaving_early_ends_the_reader() -> None:
    with ahead(iter(range(10**9)), 3) as found:
        assert next(found) == 0
    assert not names()


def test_jobs_run_in_order_and_faults_are_raised() -> None:
    done: list[int] = []
    writer = Behind(2)
    for number in range(20):
        writer.submit(lambda number=number: done.append(number))  # type: ignore[misc]
    writer.finish()
    assert done == list(range(20))

    def fails() -> None:
        raise OSError("disk full")

    writer.submit(fails)
    with pytest.raises(OSError, match="disk full"):
        writer.finish()
    writer.close()
    assert not names()
