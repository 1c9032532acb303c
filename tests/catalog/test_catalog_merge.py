"""Catalogs of several machines become one, by merging and by way of Parquet files."""

import gzip
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import duckdb
import pytest

from seqbench.catalog import Catalog
from seqbench.catalog.exchange import export, import_folder
from seqbench.catalog.merge import merge
from seqbench.catalog.migrate import migrations
from seqbench.catalog.records import LayerRecord
from seqbench.catalog.tables import TABLES, CatalogPart
from seqbench.errors import CatalogError, CatalogNotFoundError
from tests.catalog.audit_records import audit_record, clean_record
from tests.catalog.catalog_records import (
    STARTED,
    comparison_record,
    dataset_record,
    embedding_record,
    failed_record,
    full_probe_record,
    likelihood_record,
    model_record,
    probe_record,
    run_record,
    training_record,
    trial_record,
)

DATA = Path(__file__).parent / "data"
NEWEST = migrations()[-1].number


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A catalog without rows, of which tests copy theirs: making one takes as long as most tests."""
    catalog = Catalog(tmp_path_factory.mktemp("empty") / "catalog.duckdb")
    catalog.append([])
    return catalog.path


@pytest.fixture
def here(tmp_path, empty):
    return Catalog(shutil.copy(empty, tmp_path / "here.duckdb"))


@pytest.fixture
def there(tmp_path, empty):
    return Catalog(shutil.copy(empty, tmp_path / "there.duckdb"))


def rows(catalog, sql):
    return catalog.query(sql).rows


def content(catalog):
    """Everything that results are in, in one order."""
    with catalog.as_it_is() as connection:
        return {table: connection.execute(f"FROM {table} ORDER BY ALL").fetchall() for table in TABLES}


def everything(**changed):
    layers = (LayerRecord(layer=0, strand_consistency=0.5, rounding_error=None),)
    probe = full_probe_record(**changed)
    return [
        run_record(),
        model_record(),
        dataset_record(),
        embedding_record(layers=layers),
        probe,
        comparison_record([probe], [probe_record(model="other")]),
        audit_record(),
        clean_record(audit_record(), probe.probe_id, f1=0.5),
        training_record(probes=(probe.probe_id,)),
        trial_record(),
    ]


def change(path, sql):
    with duckdb.connect(path) as connection:
        connection.execute(sql)


def test_merging_into_nothing_gives_the_same_catalog(here, there):
    there.append(everything())
    before = there.path.read_bytes()
    (merged,) = merge(here, [there.path])
    assert (merged.added, merged.replaced, merged.known, merged.warnings) == (1, 0, 0, ())
    assert content(here) == content(there)
    assert there.path.read_bytes() == before
    assert sorted(os.listdir(here.path.parent)) == ["here.duckdb", "there.duckdb"]


def test_equal_probes_are_kept_once(here, there):
    here.append([*everything(), probe_record(layer=1, test={"accuracy": 0.5})])
    there.append([*everything(), probe_record(layer=2, test={"accuracy": 0.6})])
    (merged,) = merge(here, [there.path])
    assert (merged.added, merged.known) == (1, 1)
    assert rows(here, "SELECT layer, accuracy FROM results WHERE layer > 0 ORDER BY layer") == [
        (1, 0.5),
        (2, 0.6),
    ]
    again = content(here)
    (merged,) = merge(here, [there.path])
    assert (merged.added, merged.known) == (0, 2)
    assert content(here) == again


def test_a_failed_probe_gives_way_to_one_that_is_ok_and_never_the_other_way_round(here, there):
    here.append([failed_record(), probe_record(layer=1, test={"accuracy": 0.5}), failed_record(layer=2)])
    there.append(
        [full_probe_record(), failed_record(layer=1), failed_record(layer=2), failed_record(layer=3)]
    )
    (merged,) = merge(here, [there.path])
    assert (merged.added, merged.replaced, merged.known) == (1, 1, 2)
    assert rows(here, "SELECT layer, status FROM probes ORDER BY layer") == [
        (0, "ok"),
        (1, "ok"),
        (2, "failed"),
        (3, "failed"),
    ]
    assert rows(here, "SELECT count(*) FROM predictions") == [(5,)]


def test_of_descriptions_the_newest_counts(here, there, tmp_path):
    def described(n, name):
        layer = LayerRecord(layer=n, strand_consistency=None, rounding_error=n)
        return [
            model_record(revision=name),
            dataset_record(task_group=name),
            embedding_record(device=name, layers=(layer,)),
            comparison_record([probe_record()], [probe_record(model="b")], p=n / 10),
            training_record(device=name, finished_at=STARTED + timedelta(hours=n)),
            likelihood_record(device=name, finished_at=STARTED + timedelta(hours=n)),
        ]

    sql = (
        "SELECT revision, task_group, e.device, layer, p, t.device, l.device "
        "FROM models, datasets, embeddings e, embedding_layers, paired_comparisons, trainings t, "
        "likelihoods l"
    )
    here.append(described(1, "old"))
    there.append(described(2, "new"))
    merge(here, [there.path])
    assert rows(here, sql) == [("new", "new", "new", 2, 0.2, "new", "new")]
    third = Catalog(tmp_path / "third.duckdb")
    third.append([model_record("else")])
    merge(there, [here.path, third.path])
    assert rows(there, sql.replace("models", "(FROM models WHERE model = 'bert')")) == [
        ("new", "new", "new", 2, 0.2, "new", "new")
    ]
    assert rows(there, "SELECT count(*) FROM likelihood_documents") == [(3,)]


def test_of_a_run_the_one_that_has_ended_counts(here, there):
    here.append([run_record(), run_record(run_id="r2", status="done", finished_at=STARTED)])
    ended = run_record(status="done", finished_at=STARTED + timedelta(hours=1))
    there.append([ended, run_record(run_id="r2")])
    merge(here, [there.path])
    assert rows(here, "SELECT run_id, status FROM runs ORDER BY run_id") == [("r1", "done"), ("r2", "done")]


def test_other_data_or_weights_of_one_name_are_told_and_kept_as_variants(here, there):
    scores = {"eval": {"accuracy": 0.5}, "test": {"accuracy": 0.5}}
    here.append([dataset_record(sha256="a" * 64), model_record(), probe_record(**scores)])
    there.append(
        [
            dataset_record(sha256="b" * 64),
            model_record(fingerprint="other weights"),
            probe_record(variant="v2", **scores),
        ]
    )
    (merged,) = merge(here, [there.path])
    assert [warning.partition(": ")[2] for warning in merged.warnings] == [
        f"data set 'splice' is another one there ({'b' * 12}, here {'a' * 12}): results of both are kept, "
        "as variants",
        "model 'bert' is another one there (other weight, here f): results of both are kept, as variants",
    ]
    assert rows(here, "SELECT variant FROM best_layers ORDER BY variant") == [("v1",), ("v2",)]
    assert rows(here, "SELECT sha256 FROM datasets") == [("b" * 64,)]


def test_several_catalogs_are_merged_in_one_transaction_or_not_at_all(here, there, tmp_path):
    here.append([probe_record()])
    there.append([probe_record(layer=1)])
    broken = Catalog(tmp_path / "broken.duckdb")
    broken.append([probe_record(layer=2)])
    change(broken.path, "ALTER TABLE history RENAME COLUMN epoch TO round")
    before = content(here)
    with pytest.raises(duckdb.Error):
        merge(here, [there.path, broken.path])
    assert content(here) == before
    change(broken.path, "ALTER TABLE history RENAME COLUMN round TO epoch")
    assert [merged.added for merged in merge(here, [there.path, broken.path])] == [1, 1]


@pytest.mark.parametrize("version", [1, 3, 4])
def test_an_older_catalog_is_migrated_in_a_copy(here, tmp_path, version):
    old = tmp_path / "old.duckdb"
    old.write_bytes(gzip.decompress((DATA / f"catalog_v{version}.duckdb.gz").read_bytes()))
    before = old.read_bytes()
    (merged,) = merge(here, [old])
    assert merged.added == 1
    assert rows(here, "SELECT accuracy FROM results") == [(0.8,)]
    assert old.read_bytes() == before


def test_what_a_killed_writer_had_committed_is_merged_too(here, there):
    there.append([run_record()])
    code = (
        "import duckdb, os, sys\n"
        "connection = duckdb.connect(sys.argv[1])\n"
        "connection.execute(\"UPDATE runs SET host = 'committed'\")\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(there.path)], check=False)
    assert there.path.with_name("there.duckdb.wal").exists()
    merge(here, [there.path])
    assert rows(here, "SELECT host FROM runs") == [("committed",)]


def test_a_newer_catalog_the_catalog_itself_and_none_are_refused(here, there, tmp_path):
    here.append([probe_record()])
    there.append([])
    change(there.path, "INSERT INTO migrations VALUES (99, '0099_later', '', '9.0', now()::TIMESTAMP)")
    before = content(here)
    with pytest.raises(CatalogError, match=r"catalog .*there\.duckdb has schema 99, .*: upgrade seqbench"):
        merge(here, [there.path])
    with pytest.raises(CatalogError, match=r"is the catalog itself: name the others only"):
        merge(here, [tmp_path / "." / "here.duckdb"])
    with pytest.raises(CatalogNotFoundError, match=r"no catalog at .*none\.duckdb"):
        merge(here, [tmp_path / "none.duckdb"])
    (tmp_path / "text.duckdb").write_text("x" * 10_000)
    with pytest.raises(CatalogError, match=r"text\.duckdb is no catalog"):
        merge(here, [tmp_path / "text.duckdb"])
    assert content(here) == before


def test_a_catalog_goes_through_parquet_and_comes_back_the_same(here, there, tmp_path):
    there.append([*everything(n_classes=3), failed_record(layer=1)])
    counts = export(there, tmp_path / "out")
    assert counts["predictions"] == 15
    assert sorted(os.listdir(tmp_path / "out")) == sorted(
        [*(f"{table}.parquet" for table in TABLES), "manifest.json"]
    )
    merged = import_folder(here, tmp_path / "out")
    assert (merged.added, merged.known) == (2, 0)
    assert content(here) == content(there)
    assert sorted(os.listdir(tmp_path)) == ["here.duckdb", "out", "there.duckdb"]


def test_the_manifest_tells_format_rows_and_hashes(there, tmp_path):
    there.append(everything())
    export(there, tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert (manifest["format"], manifest["models"]) == (NEWEST, None)
    about = manifest["tables"]["metrics"]
    assert about["rows"] == 2
    assert about["sha256"] == sha256((tmp_path / "out" / "metrics.parquet").read_bytes()).hexdigest()


def test_a_part_holds_what_is_about_its_models_and_data_sets(there, here, tmp_path):
    a, b, c = (full_probe_record(model=model, run_id=model) for model in "abc")
    other = full_probe_record(model="a", dataset="other", run_id="other")
    there.append([*(run_record(run_id=name) for name in ("a", "b", "c", "other")), a, b, c, other])
    there.append(
        [*map(model_record, "abc"), dataset_record(), dataset_record("other"), embedding_record(model="b")]
    )
    there.append([comparison_record([a], [b]), comparison_record([a], [c])])
    trained = {"finetuned": {}, "adapted": {"stage": "adapt", "dataset": None}, "other": {"dataset": "other"}}
    there.append([training_record(key=key, model="b", **about) for key, about in trained.items()])
    there.append([training_record(model="c"), trial_record(model="a"), trial_record(1, model="c")])
    there.append([likelihood_record(model="b"), likelihood_record(key="k2", model="c")])
    audit = audit_record()
    there.append([audit, audit_record("other"), *(clean_record(audit, p.probe_id, f1=0.5) for p in (a, c))])
    part = CatalogPart(models=("a", "b"), datasets=("splice",))
    assert export(there, tmp_path / "part", part) == {
        "runs": 2, "models": 2, "datasets": 1, "embeddings": 1, "embedding_layers": 0, "probes": 2,
        "metrics": 4, "class_metrics": 4, "history": 2, "predictions": 10, "effects": 6,
        "paired_comparisons": 1,
        "audits": 1, "audit_splits": 3, "audit_findings": 3, "audit_controls": 2, "audit_items": 8,
        "clean_metrics": 1, "items": 0, "trainings": 2, "trials": 1, "likelihoods": 1,
        "likelihood_documents": 3,
    }  # fmt: skip
    assert import_folder(here, tmp_path / "part").added == 2
    assert rows(here, "SELECT run_id FROM runs ORDER BY ALL") == [("a",), ("b",)]
    assert export(there, tmp_path / "two", CatalogPart(tables=("models", "probes"))) == {
        "models": 3,
        "probes": 4,
    }


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (CatalogPart(tables=("metric",)), r"no table 'metric' \(there is .*metrics"),
        (CatalogPart(models=("brt",)), r"no model 'brt' \(there is bert"),
        (CatalogPart(datasets=("spice",)), r"no data set 'spice' \(there is splice"),
    ],
)
def test_a_part_that_is_not_there_is_answered_with_near_names(there, tmp_path, part, message):
    there.append(everything())
    with pytest.raises(CatalogError, match=message):
        export(there, tmp_path / "out", part)
    assert os.listdir(tmp_path) == ["there.duckdb"]


def test_nothing_is_exported_over_what_is_there(there, tmp_path):
    there.append([])
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("")
    with pytest.raises(CatalogError, match="full: is there already"):
        export(there, tmp_path / "full")
    (tmp_path / "empty").mkdir()
    assert export(there, tmp_path / "empty")["probes"] == 0
    with pytest.raises(CatalogError, match="can't be written: Not a directory"):
        export(there, tmp_path / "full" / "mine" / "out")


def exported(there, folder):
    there.append(everything())
    export(there, folder)
    return folder / "manifest.json"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda out: (out / "metrics.parquet").write_bytes(b"x"),
            "metrics.parquet: is missing or not what",
        ),
        (lambda out: (out / "metrics.parquet").unlink(), "metrics.parquet: is missing or not what"),
        (lambda out: (out / "manifest.json").unlink(), "manifest.json can't be read"),
        (lambda out: (out / "manifest.json").write_text("[]"), "manifest.json: is no manifest"),
        (
            lambda out: edit(out, lambda m: m | {"format": 99}),
            "has format 99, which is newer",
        ),
        (lambda out: edit(out, lambda m: m["tables"].pop("probes") and m), "without the table probes"),
        (
            lambda out: edit(out, lambda m: m["tables"].update(x=m["tables"]["runs"]) or m),
            "manifest.json: names a table 'x', which no catalog has",
        ),
        (
            lambda out: edit(out, lambda m: m["tables"].update(history=m["tables"]["runs"]) or m),
            "history should be in history.parquet, not 'runs.parquet'",
        ),
        (
            lambda out: edit(out, lambda m: m["tables"]["runs"].update(file="../secret") or m),
            "runs should be in runs.parquet, not '../secret'",
        ),
        (
            lambda out: edit(out, lambda m: exchanged(out, m["tables"])),
            "does not fit the table history",
        ),
    ],
)
def test_a_folder_that_is_not_what_was_exported_is_refused(here, there, tmp_path, spoil, message):
    exported(there, tmp_path / "out")
    here.append([probe_record(layer=5)])
    before = content(here)
    spoil(tmp_path / "out")
    with pytest.raises(CatalogError, match=message):
        import_folder(here, tmp_path / "out")
    assert content(here) == before


def exchanged(out, tables):
    """A manifest by which the rows of runs are those of history."""
    shutil.copy(out / "runs.parquet", out / "history.parquet")
    tables["history"] = tables["runs"] | {"file": "history.parquet"}
    return json.loads((out / "manifest.json").read_text()) | {"tables": tables}


def edit(out, changed):
    path = out / "manifest.json"
    path.write_text(json.dumps(changed(json.loads(path.read_text()))))


def test_files_of_an_older_format_are_brought_to_this_one(here, tmp_path):
    folder = tmp_path / "old"
    folder.mkdir()
    old = tmp_path / "old.duckdb"
    old.write_bytes(gzip.decompress((DATA / "catalog_v1.duckdb.gz").read_bytes()))
    tables = {}
    with duckdb.connect(old, read_only=True) as connection:
        for table in ("runs", "models", "datasets", "embeddings", "probes", "metrics", "predictions"):
            path = folder / f"{table}.parquet"
            connection.execute(f"COPY {table} TO '{path}' (FORMAT parquet)")
            tables[table] = {"file": path.name, "sha256": sha256(path.read_bytes()).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps({"format": 1, "tables": tables}))
    assert import_folder(here, folder).added == 1
    assert rows(here, "SELECT accuracy, control FROM results") == [(0.8, None)]


def test_merging_keeps_where_a_head_is_saved_here(here, there):
    here.append([replace(full_probe_record(), saved="here.safetensors")])
    there.append([replace(full_probe_record(), saved="there.safetensors")])
    merge(here, [there.path])
    assert rows(here, "SELECT saved FROM probes") == [("here.safetensors",)]
