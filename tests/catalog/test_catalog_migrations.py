"""Catalogs of other versions, and files that are none.

`data/catalog_v1.duckdb.gz` to `catalog_v4.duckdb.gz` were written by seqbench 0.1.0 with that many
migrations, and stay as they are. Each holds `run_record()`, `model_record()`, `dataset_record()`,
`embedding_record()` and `full_probe_record()`; from the second on they know of a layer too, and the third of
folds and advice, the fourth of a comparison.
"""

import gzip
from pathlib import Path

import duckdb
import pytest

from seqbench.catalog import Catalog
from seqbench.catalog.migrate import Migration, migrations, views
from seqbench.catalog.records import SplitContents
from seqbench.errors import CatalogError
from tests.catalog.audit_records import audit_record
from tests.catalog.catalog_records import (
    comparison_record,
    dataset_record,
    embedding_record,
    model_record,
    probe_record,
    run_record,
    training_record,
)

DATA = Path(__file__).parent / "data"
VERSION_1 = DATA / "catalog_v1.duckdb.gz"
NEXT = len(migrations()) + 1


@pytest.fixture
def path(tmp_path):
    return tmp_path / "catalog.duckdb"


def change(path, sql):
    with duckdb.connect(path) as connection:
        connection.execute(sql)


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_a_catalog_of_an_old_version_is_read_and_written(path, version):
    path.write_bytes(gzip.decompress((DATA / f"catalog_v{version}.duckdb.gz").read_bytes()))
    catalog = Catalog(path)
    assert catalog.query("SELECT model, layer, split, accuracy FROM results").rows == [
        ("bert", 0, "test", 0.8)
    ]
    catalog.append([probe_record(layer=1, test={"accuracy": 0.5})])
    assert catalog.query("SELECT count(*) FROM results").rows == [(2,)]


def test_old_probes_are_of_no_fold_subset_or_control_and_new_ones_stand_beside_them(path):
    path.write_bytes(gzip.decompress((DATA / "catalog_v2.duckdb.gz").read_bytes()))
    catalog = Catalog(path)
    sql = "SELECT folds, subset, repeat, control, thresholds, advice, saved FROM probes ORDER BY layer"
    assert catalog.query(sql).rows == [(None,) * 7]
    assert catalog.query("SELECT strand_consistency FROM embedding_layers").rows == [(0.5,)]
    catalog.append([probe_record(layer=1, folds=5, thresholds=(0.25,), advice="raise lr")])
    assert catalog.query(sql).rows[1] == (5, None, None, None, [0.25], "raise lr", None)


def test_old_data_sets_have_no_facts_and_old_runs_no_process_and_new_ones_stand_beside_them(path):
    path.write_bytes(gzip.decompress((DATA / "catalog_v3.duckdb.gz").read_bytes()))
    catalog = Catalog(path)
    assert catalog.query("SELECT facts, pid FROM datasets, runs").rows == [(None, None)]
    assert catalog.query("SELECT folds, advice FROM probes").rows == [(5, "raise lr")]
    contents = SplitContents(n_items=5, label_counts=(3, 2), lengths=None, targets=None)
    catalog.append([dataset_record("new", splits={"test": contents}), run_record(run_id="r2", pid=7)])
    comparison = comparison_record([probe_record()], [probe_record(model="b")])
    catalog.append([comparison])
    assert catalog.query("SELECT facts->>'$.test.n_items' FROM datasets ORDER BY dataset").rows == [
        ("5",),
        (None,),
    ]
    assert catalog.query("SELECT pid FROM runs ORDER BY run_id").rows == [(None,), (7,)]
    assert catalog.known_comparisons([comparison.key]) == {comparison.key: comparison}


def test_old_catalogs_have_no_audits_and_take_new_ones(path):
    path.write_bytes(gzip.decompress((DATA / "catalog_v4.duckdb.gz").read_bytes()))
    catalog = Catalog(path)
    assert catalog.query("SELECT count(*) FROM paired_comparisons").rows == [(1,)]
    assert catalog.known_audit("splice", "s") is None
    assert [catalog.query(f"FROM {view}").rows for view in ("audit", "clean_items", "clean_scores")] == [
        []
    ] * 3
    catalog.append([audit_record()])
    assert catalog.query("SELECT dataset, verdict, is_current FROM audit").rows == [("splice", "red", True)]


def test_old_catalogs_have_no_trainings_and_take_them_and_comparisons_of_heads(path):
    path.write_bytes(gzip.decompress((DATA / "catalog_v4.duckdb.gz").read_bytes()))
    catalog = Catalog(path)
    assert catalog.query("FROM trainings").rows == []
    comparison = comparison_record([probe_record(head="lora")], [probe_record()], kind="heads")
    catalog.append([training_record(), comparison])
    assert catalog.query("SELECT key FROM trainings").rows == [("t1",)]
    kinds = catalog.query("SELECT kind, count(*) FROM paired_comparisons GROUP BY ALL ORDER BY ALL").rows
    assert kinds == [("heads", 1), ("models", 1)]


def test_an_old_catalog_becomes_what_a_new_one_is(path, tmp_path):
    def columns(catalog):
        sql = "SELECT table_name, column_name, data_type, comment FROM duckdb_columns() ORDER BY ALL"
        return catalog.query(sql).rows, catalog.query("FROM metric_names ORDER BY ALL").rows

    path.write_bytes(gzip.decompress(VERSION_1.read_bytes()))
    fresh = Catalog(tmp_path / "fresh.duckdb")
    fresh.append([])
    assert columns(Catalog(path)) == columns(fresh)


def test_embeddings_that_were_told_of_each_target_become_those_of_the_data_set(path):
    old, new = embedding_record(dataset="arg"), embedding_record(dataset="other")
    Catalog(path).append([run_record(), model_record(), old, new])
    change(
        path,
        """
        DELETE FROM migrations WHERE number >= 14;
        INSERT INTO embeddings BY NAME
            SELECT * REPLACE ('arg/drug' AS dataset, 0.0 AS seconds) FROM embeddings WHERE dataset = 'arg';
        INSERT INTO embeddings BY NAME SELECT * REPLACE ('arg/mechanism' AS dataset) FROM embeddings
            WHERE dataset = 'arg';
        INSERT INTO embedding_layers BY NAME SELECT * REPLACE ('arg/drug' AS dataset) FROM embedding_layers
            WHERE dataset = 'arg';
        DELETE FROM embeddings WHERE dataset = 'arg';
        DELETE FROM embedding_layers WHERE dataset = 'arg';
        """,
    )
    found = Catalog(path).query("SELECT dataset, split, seconds FROM embeddings ORDER BY dataset").rows
    assert found == [("arg", old.split, old.seconds), ("other", new.split, new.seconds)]
    layers = Catalog(path).query("SELECT dataset, layer FROM embedding_layers ORDER BY ALL").rows
    assert layers == [(each.dataset, layer.layer) for each in (old, new) for layer in each.layers]


def test_migrations_are_numbered_from_one_and_recorded_with_the_views(path):
    Catalog(path).append([])
    recorded = Catalog(path).query("SELECT number, name, sha256 FROM migrations ORDER BY number").rows
    assert recorded == [(step.number, step.name, step.sha256) for step in [views(), *migrations()]]
    assert [step.number for step in migrations()] == list(range(1, len(migrations()) + 1))


def test_a_catalog_of_an_older_version_is_migrated_by_a_reader_too(path, monkeypatch):
    Catalog(path).append([run_record()])
    step = Migration(number=NEXT, name="mood", sql="ALTER TABLE runs ADD COLUMN mood VARCHAR DEFAULT 'good'")
    known = [*migrations(), step]
    monkeypatch.setattr("seqbench.catalog.migrate.migrations", lambda: known)
    assert Catalog(path).query("SELECT mood FROM runs").rows == [("good",)]
    assert Catalog(path).query("SELECT max(number) FROM migrations").rows == [(NEXT,)]


def test_a_migration_that_fails_leaves_the_catalog_as_it_was(path, monkeypatch):
    Catalog(path).append([run_record()])
    broken = Migration(number=NEXT, name="broken", sql="DROP VIEW results; SELECT no_such_column")
    known = [*migrations(), broken]
    monkeypatch.setattr("seqbench.catalog.migrate.migrations", lambda: known)
    with pytest.raises(duckdb.BinderException):
        Catalog(path).append([])
    monkeypatch.undo()
    assert Catalog(path).query("SELECT count(*) FROM results").rows == [(0,)]
    assert Catalog(path).query("SELECT max(number) FROM migrations").rows == [(NEXT - 1,)]


def test_views_of_another_version_are_made_anew(path):
    Catalog(path).append([probe_record(test={"accuracy": 0.5})])
    change(path, "CREATE OR REPLACE VIEW results AS SELECT 1 AS old")
    change(path, "UPDATE migrations SET sha256 = 'other' WHERE number = 0")
    assert Catalog(path).query("SELECT accuracy FROM results").rows == [(0.5,)]


def test_a_newer_catalog_is_refused_with_both_versions(path):
    Catalog(path).append([])
    change(path, "INSERT INTO migrations VALUES (99, '0099_later', '', '9.0', now()::TIMESTAMP)")
    for use in (lambda: Catalog(path).query("SELECT 1"), lambda: Catalog(path).append([])):
        with pytest.raises(
            CatalogError, match=rf"catalog\.duckdb has schema 99, .* schema {NEXT - 1}\): upgrade seqbench"
        ):
            use()


def test_another_duckdb_file_is_left_alone(path):
    change(path, "CREATE TABLE theirs (x INTEGER)")
    for use in (lambda: Catalog(path).query("SELECT 1"), lambda: Catalog(path).append([])):
        with pytest.raises(CatalogError, match=r"no seqbench catalog \(it holds theirs\): name another file"):
            use()


def test_a_file_that_is_no_database_is_named_with_the_way_out(path):
    path.write_text("not a database\n" * 1000)
    for use in (lambda: Catalog(path).query("SELECT 1"), lambda: Catalog(path).append([])):
        with pytest.raises(
            CatalogError, match=r"catalog\.duckdb is no catalog \(not a DuckDB file\): move it"
        ):
            use()


def test_a_catalog_that_was_cut_off_is_said_to_be_damaged(path):
    whole = gzip.decompress(VERSION_1.read_bytes())
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CatalogError, match=r"catalog\.duckdb is damaged .*: move it away") as caught:
        Catalog(path).query("FROM results")
    assert "\n" not in str(caught.value)


def test_flipped_bytes_are_found_by_readers_and_writers(path):
    whole = gzip.decompress(VERSION_1.read_bytes())
    path.write_bytes(
        bytes(byte ^ 255 if index % 50_000 == 20_000 else byte for index, byte in enumerate(whole))
    )
    for use in (lambda: Catalog(path).query("FROM results"), lambda: Catalog(path).append([probe_record()])):
        with pytest.raises(CatalogError, match=r"catalog\.duckdb is damaged \(Corrupt database file"):
            use()
