"""Two runs are compared to the last bit, and what differs is named."""

import math
import shutil
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import zarr

from seqbench.catalog import Catalog
from tests.catalog.catalog_records import full_probe_record

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def same(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return import_module("same.comparing")


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    group = zarr.open_group(old / "embeddings.zarr", mode="w")
    group.create_array("m/d/0/train", data=np.array([[0.0, 1.0], [np.nan, 2.0]], np.float32))
    Catalog(old / "catalog.duckdb").append([full_probe_record()])
    shutil.copytree(old, new)
    return old, new


def change(folder: Path, sql: str) -> None:
    with duckdb.connect(folder / "catalog.duckdb") as catalog:
        catalog.execute(sql)


def test_runs_that_are_the_same_differ_in_nothing(same: Any, runs: tuple[Path, Path]) -> None:
    assert same.differences(*runs) == []


def test_the_sign_of_a_zero_in_a_store_is_a_difference(same: Any, runs: tuple[Path, Path]) -> None:
    zarr.open_group(runs[1] / "embeddings.zarr")["m/d/0/train"][0, 0] = -0.0
    assert [(each.place, each.rows) for each in same.differences(*runs)] == [("store/m/d/0/train", 1)]


def test_the_last_bit_of_a_score_is_a_difference(same: Any, runs: tuple[Path, Path]) -> None:
    [(old,)] = Catalog(runs[0] / "catalog.duckdb").query("SELECT max(value) FROM metrics").rows
    value = math.nextafter(old, 2)
    change(runs[1], f"UPDATE metrics SET value = {value!r} WHERE value = (SELECT max(value) FROM metrics)")
    assert "metrics.value" in {each.place for each in same.differences(*runs)}


def test_null_and_a_row_too_many_are_differences(same: Any, runs: tuple[Path, Path]) -> None:
    change(runs[1], "UPDATE predictions SET score = NULL WHERE item = 0")
    change(runs[1], "INSERT INTO history SELECT probe_id, 99, 0, 0, 0 FROM history LIMIT 1")
    found = {each.place: each.said for each in same.differences(*runs)}
    assert "NULL now" in found["predictions.score"]
    assert found["history"] == "that only one has"


def test_only_what_was_told_beforehand_is_expected(same: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    judged = import_module("same_numbers").judged
    found = [same.Difference("best_layers.test_low", 19, "NULL now")]
    assert judged(found, {"best_layers.test_low": 19})[1]
    assert not judged(found, {"best_layers.test_low": 18})[1]
    assert not judged(found, {})[1]
    assert not judged([], {"best_layers.test_low": 19})[1]
