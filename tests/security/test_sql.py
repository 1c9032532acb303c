"""`seqbench sql` reads the catalog and nothing else; names and catalogs from elsewhere are only data.

Each attack is then made without the defence, on a plain connection, where it must work.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from seqbench.catalog import Catalog, query
from seqbench.catalog import catalog as catalog_module
from seqbench.catalog import connection as connection_module
from seqbench.catalog import merge as merge_module
from seqbench.catalog.exchange import export, import_folder
from seqbench.catalog.merge import merge
from seqbench.errors import CatalogError
from tests.catalog.catalog_records import model_record, probe_record, run_record
from tests.command import seqbench

MARKER = "this-is-private"
READS = {
    "read_text": "SELECT content FROM read_text('{folder}/private.csv')",
    "read_csv": "FROM read_csv('{folder}/private.csv', header = false)",
    "read_blob": "SELECT content::VARCHAR FROM read_blob('{folder}/private.csv')",
    "the name of a file": "FROM '{folder}/private.csv'",
    "a glob": "SELECT file || '{marker}' FROM glob('{folder}/private*')",
    "text that is run": "FROM query('SELECT content FROM read_text(''{folder}/private.csv'')')",
    "an expression": "SELECT (SELECT content FROM read_text('{folder}/private.csv')) FROM probes",
    "another database": "FROM read_duckdb('{folder}/other.duckdb', table_name = 'private')",
}
WRITES = {
    "COPY": "COPY probes TO '{folder}/new.csv'",
    "COPY in a plan": "EXPLAIN ANALYZE COPY probes TO '{folder}/new.csv'",
    "EXPORT": "EXPORT DATABASE '{folder}/new'",
    "ATTACH": "ATTACH '{folder}/new.duckdb'",
    "DELETE": "DELETE FROM probes",
    "DELETE in a plan": "EXPLAIN ANALYZE DELETE FROM probes",
    "DELETE in a CTE": "WITH gone AS (DELETE FROM probes RETURNING *) FROM gone",
    "a view": "CREATE OR REPLACE VIEW leaderboard AS SELECT 1",
    "a log": "CALL enable_logging(storage = 'file', storage_path = '{folder}/new')",
    "a setting": "SET enable_external_access = true",
    "a setting in a plan": "EXPLAIN ANALYZE SET enable_external_access = true",
    "a secret": "CREATE SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b')",
    "an extension": "LOAD '{folder}/new.duckdb_extension'",
    "a second statement": "SELECT 1; DELETE FROM probes",
}

SEEN = ("COPY", "EXPORT", "DELETE", "a view")
"""Those that leave something behind; the others change a connection that ends with the query."""


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    catalog = Catalog(tmp_path / "catalog.duckdb")
    catalog.append([run_record(), probe_record(test={"accuracy": 0.5}), model_record()])
    (tmp_path / "private.csv").write_text(f"{MARKER},1\n")
    with duckdb.connect(str(tmp_path / "other.duckdb")) as connection:
        connection.execute(f"CREATE TABLE private AS SELECT '{MARKER}' AS secret")
    return catalog


@contextmanager
def plain(path: Path, **_: object) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection as DuckDB gives it."""
    with duckdb.connect(str(path)) as connection:
        yield connection


def undefended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog_module, "connect", plain)
    monkeypatch.setattr(query, "_check", lambda statements: None)


@pytest.mark.parametrize("way", READS)
def test_a_query_reads_no_other_file(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    sql = READS[way].format(folder=tmp_path, marker=MARKER)
    done = seqbench("sql", sql, "--catalog", catalog.path, "--format", "json")
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert done.stderr.startswith("seqbench: query: ")
    undefended(monkeypatch)
    assert MARKER in str(catalog.query(sql).rows)


@pytest.mark.parametrize("way", WRITES)
def test_a_query_writes_nothing(catalog: Catalog, tmp_path: Path, way: str) -> None:
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    done = seqbench("sql", WRITES[way].format(folder=tmp_path), "--catalog", catalog.path)
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    "way", [way for way in WRITES if way.startswith(("COPY", "EXPORT", "DELETE", "a v"))]
)
def test_without_the_defence_the_same_writes_work(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    undefended(monkeypatch)
    before = (sorted(os.listdir(tmp_path)), catalog.query("FROM probes").rows, _views(catalog))
    catalog.query(WRITES[way].format(folder=tmp_path))
    assert (sorted(os.listdir(tmp_path)), catalog.query("FROM probes").rows, _views(catalog)) != before


def _views(catalog: Catalog) -> list[Any]:
    return catalog.query("SELECT sql FROM duckdb_views() WHERE NOT internal ORDER BY ALL").rows


def test_a_large_query_leaves_nothing_on_the_disk(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = "SELECT current_setting('temp_directory')"
    assert catalog.query(asked).rows == [("",)]
    undefended(monkeypatch)
    assert catalog.query(asked).rows == [(f"{catalog.path}.tmp",)]


NAMES = ("') OR true --", "x'; DROP TABLE probes; --", 'x"; DELETE FROM probes; --', "$1", "\\'", "x; y")


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_a_value_in_every_query(catalog: Catalog, tmp_path: Path, name: str) -> None:
    """No switch takes parameters away; so it is shown that the first would act where it is pasted."""
    catalog.append([probe_record(model=name, dataset=name, layer=2)])
    count = "SELECT count(*) FROM probes"
    assert catalog.query(f"{count} WHERE model = ? AND dataset = ?", [name, name]).rows == [(1,)]
    for option in ("--models", "--datasets"):
        out = tmp_path / option[2:]
        done = seqbench("catalog", "export", out, "--catalog", catalog.path, option, name)
        assert done.exit_code == 0, done.output
        probes = f"SELECT model, dataset FROM read_parquet('{out}/probes.parquet')"
        assert duckdb.sql(probes).fetchall() == [(name, name)]
    assert catalog.query(count).rows == [(2,)]
    with plain(catalog.path) as connection:
        pasted = connection.execute(f"{count} WHERE model IN ('{NAMES[0]}')").fetchall()
    assert pasted == [(2,)]


def hostile_view(catalog: Catalog, tmp_path: Path) -> None:
    """Put a view that reads a file in the place of a table."""
    with duckdb.connect(str(catalog.path)) as connection:
        connection.execute("ALTER TABLE models RENAME TO hidden")
        connection.execute(
            "CREATE VIEW models AS SELECT * REPLACE "
            f"((SELECT content FROM read_text('{tmp_path}/private.csv')) AS path) FROM hidden"
        )


def test_a_catalog_from_elsewhere_cannot_read_files_of_who_merges_it(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile_view(catalog, tmp_path)
    mine = Catalog(tmp_path / "mine.duckdb")
    done = seqbench("catalog", "merge", mine.path, catalog.path)
    assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1), done.output
    assert not mine.path.exists() or mine.query("FROM models").rows == []
    with pytest.raises(CatalogError):
        export(catalog, tmp_path / "out")
    monkeypatch.setattr(connection_module, "_kept_to", lambda folders: "SELECT 1")
    merge(mine, [catalog.path])
    assert MARKER in mine.query("SELECT path FROM models").rows[0][0]


@pytest.mark.parametrize("name", ["../../x", "<script>alert(1)</script>", "=cmd()", "a/b", "x'; --"])
def test_names_that_are_no_names_do_not_come_in(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    catalog.append([probe_record(model=name, layer=3)])
    export(catalog, tmp_path / "out")
    mine = Catalog(tmp_path / "mine.duckdb")
    for take in (lambda: merge(mine, [catalog.path]), lambda: import_folder(mine, tmp_path / "out")):
        with pytest.raises(CatalogError, match=r"holds the model name .* nothing is taken over"):
            take()
        assert mine.query("FROM probes").rows == []
    monkeypatch.setattr(merge_module, "check_name", lambda found, what: found)
    merge(mine, [catalog.path])
    assert mine.query("SELECT count(*) FROM probes WHERE model = ?", [name]).rows == [(1,)]
