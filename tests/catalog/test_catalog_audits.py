"""Audits, and scores on clean items: how they are kept and found again, and which of them the views show."""

from dataclasses import replace

import duckdb
import numpy as np
import pytest

from seqbench.catalog import Catalog
from seqbench.catalog.audit_records import clean_key
from seqbench.catalog.check import check
from seqbench.catalog.exchange import export, import_folder
from seqbench.catalog.merge import merge
from seqbench.catalog.tables import CatalogPart
from seqbench.core.types import Task
from seqbench.errors import CatalogError
from tests.catalog.audit_records import audit_record, clean_record, facts, marks, same
from tests.catalog.catalog_records import dataset_record, model_record, probe_record, run_record

AUDIT_TABLES = ("audits", "audit_splits", "audit_findings", "audit_controls", "audit_items")


@pytest.fixture
def catalog(tmp_path):
    return Catalog(tmp_path / "catalog.duckdb")


def counts(catalog):
    return {table: catalog.query(f"SELECT count(*) FROM {table}").rows[0][0] for table in AUDIT_TABLES}


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"task": Task.REGRESSION, "alphabet": "protein", "controls": (), "findings": ()},
        {
            "splits": (facts("train", 9, {}), facts("test", 2, {"clean": 1})),
            "marks": {"test": replace(marks([True, False]), overlap_N=np.array([0.5, 0.0]))},
        },
    ],
    ids=["all", "without controls", "without eval"],
)
def test_an_audit_comes_back_as_it_went_in(catalog, changed):
    record = audit_record(**changed)
    assert catalog.known_audit("splice", "s") is None
    catalog.append([record])
    found, recorded_at = catalog.known_audit("splice", "s")
    assert same(found, record)
    assert not same(found, audit_record(clean=[False] * 5))
    assert catalog.query("SELECT recorded_at FROM audits").rows == [(recorded_at,)]
    assert catalog.known_audit("splice", "other") is None


def test_an_audit_that_is_not_all_there_is_none(catalog, tmp_path):
    catalog.append([audit_record()])
    export(catalog, tmp_path / "out", CatalogPart(tables=("audits", "audit_splits", "audit_findings")))
    back = Catalog(tmp_path / "back.duckdb")
    import_folder(back, tmp_path / "out")
    assert back.query("SELECT verdict, red FROM audit").rows == [("red", "copies")]
    assert back.known_audit("splice", "s") is None
    back.append([audit_record()])
    assert same(back.known_audit("splice", "s")[0], audit_record())


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("audit_items", "rows of audits without the table audits"),
        ("clean_metrics", "without the table probes"),
    ],
)
def test_rows_without_what_they_belong_to_are_refused(catalog, tmp_path, table, message):
    catalog.append([audit_record()])
    export(catalog, tmp_path / "out", CatalogPart(tables=(table,)))
    with pytest.raises(CatalogError, match=message):
        import_folder(Catalog(tmp_path / "back.duckdb"), tmp_path / "out")


def test_an_audit_of_the_same_files_takes_the_place_of_the_older_and_one_of_others_stands_beside_it(catalog):
    catalog.append([audit_record(), audit_record("other")])
    before = counts(catalog)
    again = audit_record(clean=[True] * 5, settings={"near": 0.8})
    catalog.append([again])
    assert counts(catalog) == before
    assert same(catalog.known_audit("splice", "s")[0], again)
    catalog.append([audit_record(sha256="changed")])
    assert counts(catalog)["audits"] == before["audits"] + 1
    assert same(catalog.known_audit("splice", "s")[0], again)


def test_the_view_shows_the_audit_of_the_data_as_last_used_else_the_newest(catalog):
    sql = "SELECT sha256, verdict, red, yellow, n_test, n_clean, clean_share, is_current FROM audit"
    catalog.append([audit_record(sha256="old")])
    shown = ("red", "copies", "label balance", 5, 3, 0.6)
    assert catalog.query(sql).rows == [("old", *shown, None)]
    catalog.append([dataset_record(sha256="new")])
    assert catalog.query(sql).rows == [("old", *shown, False)]
    catalog.append([audit_record(sha256="new", findings=(), clean=[True] * 5)])
    catalog.append([audit_record(sha256="later")])
    assert catalog.query(sql).rows == [("new", "green", None, None, 5, 5, 1.0, True)]
    catalog.append([dataset_record(sha256="newest")])
    assert catalog.query(sql).rows == [("later", *shown, False)]


def test_clean_items_are_those_of_the_data_as_last_used(catalog):
    catalog.append([audit_record(), audit_record(sha256="other", clean=[True] * 5)])
    assert catalog.query("FROM clean_items").rows == []
    catalog.append([dataset_record(sha256="s")])
    assert catalog.query("FROM clean_items ORDER BY item").rows == [("splice", item) for item in (0, 2, 4)]


def test_scores_on_clean_items_stand_beside_those_on_all(catalog):
    audit, probe = audit_record(), probe_record(test={"accuracy": 0.8, "f1": 0.7})
    catalog.append([dataset_record(sha256="s"), audit, probe])
    catalog.append([clean_record(audit, probe.probe_id, accuracy=0.5, f1=None)])
    sql = "SELECT model, metric, n_items, n_clean, score, clean_score, difference, reason FROM clean_scores"
    rows = catalog.query(sql + " ORDER BY metric").rows
    assert rows == [
        ("bert", "accuracy", 5, 3, 0.8, 0.5, pytest.approx(-0.3), None),
        ("bert", "f1", 5, 3, 0.7, None, None, "undefined"),
    ]
    catalog.append([audit_record(clean=[True] * 5)])
    assert catalog.query(sql).rows == []


def test_scores_are_found_by_their_key_and_later_ones_take_their_place(catalog):
    audit = audit_record()
    first, second = (clean_record(audit, id_, accuracy=0.5, f1=None) for id_ in (1, 2))
    assert catalog.known_clean_scores([first.key]) == {}
    catalog.append([first, second])
    catalog.append([replace(second, metrics=first.metrics[:1])])
    assert catalog.known_clean_scores([first.key, second.key, "other"]) == {
        first.key: first,
        second.key: replace(second, metrics=first.metrics[:1]),
    }
    assert catalog.query("SELECT count(*) FROM clean_metrics").rows == [(3,)]


def test_a_key_names_probe_marks_and_resamples():
    other = audit_record(clean=[True] * 5).marks_sha256
    marked = audit_record().marks_sha256
    keys = [clean_key(*given) for given in ((1, marked, 9), (2, marked, 9), (1, other, 9), (1, marked, 99))]
    assert len(set(keys)) == 4
    assert audit_record(sha256="changed").marks_sha256 != marked
    assert audit_record(settings={}).marks_sha256 == marked


@pytest.mark.parametrize(
    ("spoil", "finding"),
    [
        (
            "DELETE FROM audit_items WHERE item = 1 AND split = 'test'",
            "audit_items: 4 of the 5 items of splice",
        ),
        ("DELETE FROM audit_items", "audit_items: 0 of the 3 items of splice's eval"),
        ("DELETE FROM audits", "audit_findings: rows whose audit is not in audits: 3"),
        (
            "INSERT INTO audit_splits FROM audit_splits",
            "audit_splits: several rows of the same (dataset, sha256,",
        ),
        (
            "INSERT INTO clean_metrics FROM clean_metrics",
            "clean_metrics: several rows of the same (key, metric)",
        ),
        ("UPDATE clean_metrics SET probe_id = 1", "clean_metrics: rows whose probe is not in probes: 1"),
    ],
)
def test_what_is_not_whole_is_found(catalog, spoil, finding):
    audit, probe = audit_record(), probe_record(test={"accuracy": 0.8})
    catalog.append([run_record(), model_record(), dataset_record(), audit, probe])
    catalog.append([clean_record(audit, probe.probe_id, accuracy=0.5)])
    assert check(catalog).findings == ()
    with duckdb.connect(catalog.path) as connection:
        connection.execute(spoil)
    assert any(each.startswith(finding) for each in check(catalog).findings), check(catalog).findings


def test_of_two_catalogs_audits_of_the_same_files_the_newest_counts(catalog, tmp_path):
    there = Catalog(tmp_path / "there.duckdb")
    older, newer = audit_record(clean=[False] * 5), audit_record()
    catalog.append([older, audit_record("here")])
    there.append([newer, audit_record("there", sha256="t")])
    scores = clean_record(newer, 7, accuracy=0.5)
    there.append([scores])
    for _ in range(2):
        merge(catalog, [there.path])
        assert counts(catalog) == {
            "audits": 3, "audit_splits": 9, "audit_findings": 9, "audit_controls": 6, "audit_items": 24,
        }  # fmt: skip
        assert same(catalog.known_audit("splice", "s")[0], newer)
        assert catalog.known_clean_scores([scores.key]) == {scores.key: scores}
    merge(there, [catalog.path])
    assert same(there.known_audit("here", "s")[0], audit_record("here"))
    assert same(there.known_audit("splice", "s")[0], newer)


def test_audits_go_through_parquet_and_a_part_holds_those_of_its_data_sets(catalog, tmp_path):
    catalog.append([dataset_record(), dataset_record("other"), audit_record(), audit_record("other")])
    export(catalog, tmp_path / "out", CatalogPart(datasets=("splice",)))
    back = Catalog(tmp_path / "back.duckdb")
    import_folder(back, tmp_path / "out")
    assert same(back.known_audit("splice", "s")[0], audit_record())
    assert back.known_audit("other", "s") is None
