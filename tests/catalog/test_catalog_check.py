"""Whether a catalog is sound, and what is in it at a glance."""

import gzip
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from seqbench.catalog import Catalog
from seqbench.catalog.check import check, may_be_alive
from seqbench.catalog.migrate import migrations
from seqbench.catalog.overview import overview
from seqbench.errors import CatalogError
from tests.catalog.catalog_records import (
    STARTED,
    dataset_record,
    failed_record,
    full_probe_record,
    likelihood_record,
    model_record,
    run_record,
    training_record,
    trial_record,
)

DATA = Path(__file__).parent / "data"
NOW = datetime.now(UTC)


@pytest.fixture
def catalog(tmp_path):
    catalog = Catalog(tmp_path / "catalog.duckdb")
    done = run_record(status="done", finished_at=STARTED + timedelta(minutes=2))
    catalog.append([done, model_record(), dataset_record(), full_probe_record(), failed_record(layer=1)])
    catalog.append([training_record(), trial_record(), likelihood_record()])
    return catalog


def change(catalog, *statements):
    with duckdb.connect(catalog.path) as connection:
        for statement in statements:
            connection.execute(statement)


def test_a_sound_catalog_has_no_findings(catalog):
    found = check(catalog)
    assert (found.probes, found.findings, found.remarks) == (2, (), ())


EXAMPLE = "as mlp on layer 0 of bert × splice, seed 1"
TWICE = "several rows of the same"


@pytest.mark.parametrize(
    ("spoil", "finding"),
    [
        ("DELETE FROM probes WHERE status = 'ok'", "metrics: rows whose probe is not in probes: 2"),
        ("INSERT INTO metrics FROM metrics", f"metrics: {TWICE} (probe_id, split, metric): 2 times"),
        ("INSERT INTO history FROM history", f"history: {TWICE} (probe_id, epoch): 1 times"),
        (
            "INSERT INTO predictions FROM predictions",
            f"predictions: {TWICE} (probe_id, split, item, place, output): 5 times",
        ),
        (
            "INSERT INTO class_metrics FROM class_metrics",
            f"class_metrics: {TWICE} (probe_id, split, label, metric): 2 times",
        ),
        ("INSERT INTO trainings FROM trainings", f"trainings: {TWICE} (key): 1 times"),
        ("INSERT INTO trials FROM trials", f"trials: {TWICE} (study, number): 1 times"),
        ("INSERT INTO likelihoods FROM likelihoods", f"likelihoods: {TWICE} (key): 1 times"),
        ("DELETE FROM metrics", f"probes: ok but without metrics: 1, {EXAMPLE}"),
        ("DELETE FROM runs", f"probes: of a run that is not in runs: 2, {EXAMPLE}"),
        (
            "DELETE FROM models",
            "models: bert is not there, but has probes: 2 (probe it again with its config)",
        ),
        (
            "UPDATE datasets SET dataset = 'other'",
            "datasets: splice is not there, but has probes: 2 (probe it again with its config)",
        ),
    ],
)
def test_what_does_not_fit_together_is_found(catalog, spoil, finding):
    change(catalog, spoil)
    assert finding in check(catalog).findings


def test_every_table_of_a_probe_is_looked_at(catalog):
    change(catalog, "DELETE FROM probes")
    assert [line.partition(":")[0] for line in check(catalog).findings] == [
        "metrics",
        "class_metrics",
        "history",
        "predictions",
        "effects",
    ]


def test_nothing_is_changed_and_an_old_catalog_stays_old(tmp_path):
    path = tmp_path / "old.duckdb"
    path.write_bytes(gzip.decompress((DATA / "catalog_v1.duckdb.gz").read_bytes()))
    before = path.read_bytes()
    assert check(Catalog(path)).findings == ()
    found = overview(Catalog(path))
    assert (found.format, found.newest_format) == (1, migrations()[-1].number)
    assert "paired_comparisons" not in found.rows
    assert path.read_bytes() == before


def test_a_damaged_block_is_found(catalog):
    catalog.append([full_probe_record(n_items=20_000, seed=seed) for seed in range(2, 5)])
    whole = bytearray(catalog.path.read_bytes())
    for place in range(100_000, len(whole), 200_000):
        whole[place] ^= 255
    catalog.path.write_bytes(bytes(whole))
    with pytest.raises(CatalogError, match="is damaged"):
        check(catalog)


def test_runs_whose_process_is_gone_are_told(catalog):
    gone = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    here = {"host": socket.gethostname(), "started_at": NOW}
    catalog.append(
        [
            run_record(run_id="killed", pid=int(gone.stdout), **here),
            run_record(run_id="alive", pid=os.getpid(), **here),
            run_record(run_id="elsewhere", pid=int(gone.stdout), host="other", started_at=NOW),
            run_record(run_id="before-the-boot", host=here["host"], started_at=STARTED.replace(year=1999)),
        ]
    )
    found = check(catalog)
    assert found.findings == ()
    where = f"on {here['host']}) was killed: its process is gone"
    assert found.remarks == (
        f"runs: before-the-boot (run, since 1999-01-02 03:04 UTC {where}",
        f"runs: killed (run, since {NOW:%Y-%m-%d %H:%M} UTC {where}",
    )


def test_a_process_that_started_after_the_run_is_another_one():
    assert may_be_alive(os.getpid(), NOW + timedelta(hours=1))
    assert not may_be_alive(os.getpid(), NOW - timedelta(days=3650))


def test_an_overview_counts_rows_and_tells_the_last_run(catalog):
    found = overview(catalog)
    assert found.bytes == catalog.path.stat().st_size
    assert (found.rows["probes"], found.rows["predictions"], found.failed) == (2, 5, 1)
    assert (found.format, found.newest_format) == (len(migrations()),) * 2
    assert found.last_run is not None
    assert (found.last_run.command, found.last_run.status, found.last_run.host) == ("run", "done", "here")
    empty = Catalog(catalog.path.parent / "empty.duckdb")
    empty.append([])
    assert overview(empty).last_run is None
