"""`seqbench catalog`: what its commands print, and their exit codes."""

import json
import os

import duckdb
import pytest

from seqbench.catalog import Catalog
from seqbench.catalog.migrate import migrations
from tests.catalog.catalog_records import (
    dataset_record,
    failed_record,
    full_probe_record,
    model_record,
    probe_record,
    run_record,
)
from tests.command import seqbench


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "catalog.duckdb"
    Catalog(path).append(
        [run_record(), model_record(), dataset_record(), full_probe_record(), failed_record(layer=1)]
    )
    return path


def test_info_shows_tables_size_format_and_the_last_run(path):
    shown = seqbench("catalog", "info", "--catalog", path)
    assert shown.exit_code == 0, shown.output
    lines = shown.stdout.splitlines()
    assert lines[0].startswith(f"{path}: ")
    assert lines[0].endswith(f"MB, format {migrations()[-1].number}")
    assert lines[1:3] == [
        "probes: 2, 1 of them failed",
        "last run: run, running, 2026-01-02 03:04 UTC on here",
    ]
    assert ["predictions", "5", "rows"] in [line.split() for line in lines]


def test_check_tells_what_is_wrong_and_exits_with_three(path):
    sound = seqbench("catalog", "check", "--catalog", path)
    assert (sound.exit_code, sound.stdout) == (0, f"{path}: sound, probes: 2\n")
    with duckdb.connect(path) as connection:
        connection.execute("DELETE FROM models")
    broken = seqbench("catalog", "check", "--catalog", path)
    assert broken.exit_code == 3
    assert broken.stdout.splitlines() == [
        "models: bert is not there, but has probes: 2 (probe it again with its config)",
        f"{path}: findings: 1, probes: 2",
    ]


def test_results_travel_as_parquet(path, tmp_path):
    out = tmp_path / "out"
    shown = seqbench(
        "catalog", "export", out, "--catalog", path, "--models", "bert,", "--tables", "models,probes"
    )
    assert (shown.exit_code, shown.stdout) == (0, f"{out}: 2 tables, 3 rows\n")
    assert sorted(os.listdir(out)) == ["manifest.json", "models.parquet", "probes.parquet"]
    assert json.loads((out / "manifest.json").read_text())["models"] == ["bert"]
    other = tmp_path / "new" / "other.duckdb"
    shown = seqbench("catalog", "import", out, "--catalog", other)
    assert shown.stdout == f"{out}: probes added: 2, in the place of failed ones: 0, there already: 0\n"
    assert Catalog(other).query("SELECT count(*) FROM probes").rows == [(2,)]


def test_catalogs_are_merged_and_warnings_told(path, tmp_path):
    other = tmp_path / "other.duckdb"
    Catalog(other).append(
        [
            dataset_record(sha256="else"),
            full_probe_record(),
            probe_record(layer=1, test={"accuracy": 0.5}),
            probe_record(layer=2, test={"accuracy": 0.5}),
        ]
    )
    shown = seqbench("catalog", "merge", other, "--catalog", path)
    assert shown.exit_code == 0, shown.output
    assert shown.stdout == f"{other}: probes added: 1, in the place of failed ones: 1, there already: 1\n"
    assert shown.stderr.startswith(f"warning: {other}: data set 'splice' is another one there")
    assert seqbench("catalog", "merge", tmp_path / "none.duckdb", "--catalog", path).exit_code == 2


@pytest.mark.parametrize("command", ["info", "check", "export"])
def test_without_a_catalog_nothing_is_made(tmp_path, command):
    more = [tmp_path / "out"] if command == "export" else []
    shown = seqbench("catalog", command, *more, "--catalog", tmp_path / "none.duckdb")
    assert shown.exit_code == 2
    assert "there is no catalog at" in shown.stderr
    assert os.listdir(tmp_path) == []
