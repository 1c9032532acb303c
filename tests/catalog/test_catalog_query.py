import subprocess
import sys

import pytest

from seqbench.catalog import Catalog
from seqbench.errors import CatalogError
from tests.catalog.catalog_records import probe_record, run_record


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    catalog = Catalog(tmp_path_factory.mktemp("query") / "catalog.duckdb")
    catalog.append([run_record(), probe_record(test={"accuracy": 0.5}), probe_record(layer=1)])
    return catalog


def test_a_result_has_names_types_and_rows(catalog):
    result = catalog.query("SELECT layer, model AS who, 0.5::DOUBLE AS half FROM probes ORDER BY layer")
    assert result.columns == ("layer", "who", "half")
    assert result.types == ("INTEGER", "VARCHAR", "DOUBLE")
    assert result.rows == [(0, "bert", 0.5), (1, "bert", 0.5)]


@pytest.mark.parametrize(
    "sql",
    [
        "FROM results",
        "WITH one AS (SELECT 1 AS x) SELECT x FROM one;",
        "DESCRIBE results",
        "SHOW TABLES",
        "SUMMARIZE probes",
        "EXPLAIN SELECT 1",
        "PIVOT metrics ON metric USING max(value) GROUP BY probe_id",
        "SELECT config->>'$.probe.heads[0]' FROM runs",
        "-- a remark\nVALUES (1)",
    ],
)
def test_every_reading_statement_runs(catalog, sql):
    assert catalog.query(sql).rows


def test_parameters_stand_for_values(catalog):
    assert catalog.query("SELECT layer FROM probes WHERE layer = ?", [1]).rows == [(1,)]
    assert catalog.query("SELECT layer FROM probes WHERE layer IN (SELECT unnest($l))", {"l": [0]}).rows == [
        (0,)
    ]


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM probes",
        "INSERT INTO models SELECT * FROM models",
        "CREATE TABLE other (x INTEGER)",
        "CREATE TEMP TABLE other (x INTEGER)",
        "DROP VIEW results",
        "ATTACH 'other.duckdb'",
        "COPY probes TO 'other.csv'",
        "EXPORT DATABASE 'other'",
        "SET enable_external_access = true",
        "PRAGMA database_list",
        "INSTALL httpfs",
        "LOAD httpfs",
        "CHECKPOINT",
        "CALL pragma_version()",
        "PREPARE p AS DELETE FROM probes",
    ],
)
def test_what_does_not_only_read_is_refused(catalog, sql):
    with pytest.raises(CatalogError, match=r"query: [A-Z_]+ is refused, since queries only read: use SELECT"):
        catalog.query(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('{path}')",
        "FROM '{path}.csv'",
        "SELECT * FROM glob('/*')",
        "EXPLAIN ANALYZE DELETE FROM probes",
        "SELECT * FROM query('DELETE FROM probes')",
        "SELECT getenv('HOME')",
        "FROM sql",
    ],
)
def test_files_environment_and_python_are_out_of_reach(catalog, sql):
    with pytest.raises(CatalogError, match=r"^query: "):
        catalog.query(sql.format(path=catalog.path))
    assert catalog.query("SELECT count(*) FROM probes").rows == [(2,)]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("", "0 statements, expected one"),
        ("SELECT 1; SELECT 2", "2 statements, expected one"),
        ("SELECT 1; DROP TABLE probes", "2 statements, expected one"),
        ("SELEC 1", "syntax error"),
        ("FROM result", 'Table with name result does not exist! Did you mean "results"'),
        ("SELECT acc FROM results", "acc"),
    ],
)
def test_a_wrong_query_is_told_in_one_line(catalog, sql, message):
    with pytest.raises(CatalogError, match=f"query: .*{message}") as caught:
        catalog.query(sql)
    assert "\n" not in str(caught.value)


def test_importing_the_catalog_loads_no_duckdb():
    code = "import sys, seqbench.catalog, seqbench.catalog.records; sys.exit('duckdb' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
