"""Records that wait to be appended."""

from pathlib import Path

import numpy as np
import pytest

from seqbench.catalog import Catalog
from seqbench.errors import CatalogError
from seqbench.schedule import pending
from seqbench.schedule.pending import Pending
from tests.catalog.catalog_records import full_probe_record, probe_record


class Counting(Catalog):
    """A catalog that tells how many records came at once."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.appended: list[int] = []

    def append(self, records):
        super().append(batch := list(records))
        self.appended.append(len(batch))


@pytest.fixture
def catalog(tmp_path: Path) -> Counting:
    return Counting(tmp_path / "catalog.duckdb")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(pending.time, "monotonic", lambda: now[0])
    return now


def test_records_of_one_second_are_appended_together(catalog: Counting, clock: list[float]) -> None:
    waiting = Pending(catalog)
    for layer in range(4):
        waiting.add([probe_record(layer=layer)])
    assert catalog.appended == [1]
    clock[0] += 1.5
    waiting.add([probe_record(layer=4)])
    waiting.add([probe_record(layer=5)])
    assert catalog.appended == [1, 4]
    waiting.flush()
    waiting.flush()
    assert catalog.appended == [1, 4, 1]
    assert len(catalog.known_spec_hashes()) == 6


def test_slow_appends_are_fewer(
    catalog: Counting, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    append = Counting.append

    def slow(self, records):
        append(self, records)
        clock[0] += 0.5

    monkeypatch.setattr(Counting, "append", slow)
    waiting = Pending(catalog)
    for layer in range(11):
        waiting.add([probe_record(layer=layer)])
        clock[0] += 1.0
    assert catalog.appended == [1, 5, 5]


def test_many_records_or_large_predictions_do_not_wait(
    catalog: Counting, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = Pending(catalog)
    waiting.add([])
    waiting.flush()
    monkeypatch.setattr(pending, "MOST_RECORDS", 10)
    monkeypatch.setattr(pending, "MOST_BYTES", 5_000)
    waiting.add(probe_record(layer=layer) for layer in range(10))
    assert catalog.appended == [10]
    waiting.add([full_probe_record(layer=20, n_items=1000)])
    assert catalog.appended == [10, 1]


def test_what_could_not_be_appended_is_not_lost(
    catalog: Counting, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*given: object) -> None:
        raise CatalogError("in use")

    waiting = Pending(catalog)
    with monkeypatch.context() as broken:
        broken.setattr(Catalog, "append", locked)
        with pytest.raises(CatalogError):
            waiting.add([probe_record(layer=0)])
    waiting.flush()
    assert len(catalog.known_spec_hashes()) == 1
    assert np.sum(catalog.appended) == 1
