"""`seqbench sql`: formats, what a terminal shows, completion, and reading while another process writes."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from rich.cells import cell_len
from rich.console import Console
from typer.testing import CliRunner

from seqbench.catalog import Catalog
from seqbench.cli.main import app
from seqbench.cli.query_table import print_rows, shortened
from seqbench.cli.query_text import to_csv, to_json, to_markdown
from seqbench.cli.sql import complete_query
from tests.catalog.catalog_records import dataset_record, model_record, probe_record, run_record
from tests.command import seqbench

ROOT = Path(__file__).parents[2]
WIDTHS = [80, 120, 200]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("sql") / "catalog.duckdb"
    scores = {"accuracy": 0.912345, "mcc": None}
    Catalog(path).append(
        [
            run_record(),
            model_record("bert", fingerprint="f" * 64),
            model_record("=cmd|' /C calc'!A1"),
            dataset_record(sha256="0123456789abcdef" * 4),
            *[probe_record(layer=layer, eval=scores, test=scores) for layer in range(3)],
        ]
    )
    return path


def ask(path, query, *more):
    return seqbench("sql", query, "--catalog", path, *more)


def table(columns, rows, width):
    out = io.StringIO()
    print_rows(columns, rows, Console(file=out, width=width))
    return out.getvalue()


def test_rows_come_as_a_table_with_their_number(path):
    shown = ask(path, "SELECT model, layer, accuracy, mcc FROM results WHERE split = 'test' ORDER BY layer")
    assert shown.stdout.splitlines() == [
        "model  layer  accuracy  mcc",
        "─────  ─────  ────────  ───",
        "bert       0    0.9123",
        "bert       1    0.9123",
        "bert       2    0.9123",
        "3 rows",
    ]
    assert ask(path, "SELECT 1 AS x").stdout.endswith("1 row\n")
    assert ask(path, "SELECT 1 AS x WHERE false").stdout == "x\n─\n0 rows\n"


def test_csv_has_numbers_in_full_and_formulas_defused(path):
    query = "SELECT model, 0.1::DOUBLE AS x, -1 AS n, NULL AS none, true AS yes FROM models ORDER BY model"
    read = list(csv.reader(io.StringIO(ask(path, query, "--format", "csv").stdout)))
    assert read == [
        ["model", "x", "n", "none", "yes"],
        ["'=cmd|' /C calc'!A1", "0.1", "-1", "", "true"],
        ["bert", "0.1", "-1", "", "true"],
    ]
    assert to_csv(["@a"], [["+1"], ["\tx"], [[1, 2]], ['a,"b"']]) == (
        '\'@a\n\'+1\n\'\tx\n"[1, 2]"\n"a,""b"""\n'
    )


def test_json_is_a_list_of_objects_without_nan(path):
    query = "SELECT 'x' AS a, 0.5 AS exact, 'NaN'::DOUBLE AS bad, NULL AS none, [1] AS many"
    assert json.loads(ask(path, query, "--format", "json").stdout) == [
        {"a": "x", "exact": 0.5, "bad": None, "none": None, "many": [1]}
    ]
    assert json.loads(to_json(["t"], [[datetime(2026, 1, 2)]])) == [{"t": "2026-01-02 00:00:00"}]


def test_markdown_is_a_table_whose_cells_stay_cells(path):
    assert to_markdown(["a|b", "n"], [["x|<b>\ny", 0.123456], [None, Decimal("2.5")]]) == (
        "| a\\|b | n |\n| --- | ---: |\n| x\\|&lt;b> y | 0.1235 |\n|  | 2.5 |\n"
    )
    assert ask(path, "SELECT 1 AS one", "--format", "md").stdout == "| one |\n| ---: |\n| 1 |\n"


def test_parquet_keeps_names_types_and_values(path, tmp_path):
    query = """
        SELECT
            r.model, r.layer, accuracy, mcc, probe_id, [r.seed] AS seeds, {'a': split, 'b': NULL} AS pair,
            0.25 AS exact, true AS yes, TIMESTAMP '2026-01-02 03:04:05.678' AS at, DATE '2026-01-02' AS day,
            spec, 1 AS layer, 'a,["' AS odd, ['b]', NULL] AS words, NULL AS none, '\\x00a'::BLOB AS bytes,
            INTERVAL 90 MINUTES AS time
        FROM results r JOIN probes USING (probe_id)
        ORDER BY ALL
    """
    out = tmp_path / "rows.parquet"
    assert ask(path, query, "--out", out).exit_code == 0
    asked = Catalog(path).query(query)
    with duckdb.connect() as connection:
        found = connection.execute(f"FROM '{out}'")
        assert [str(column[0]) for column in found.description] == [
            *asked.columns[:12],
            "layer_1",
            *asked.columns[13:],
        ]
        assert [str(column[1]) for column in found.description] == [
            kind.replace('"NULL"', "VARCHAR") for kind in asked.types
        ]
        assert found.fetchall() == asked.rows
    assert os.listdir(tmp_path) == ["rows.parquet"]


def test_parquet_without_rows_has_the_columns(path, tmp_path):
    assert ask(path, "FROM results WHERE false", "--out", tmp_path / "none.parquet").exit_code == 0
    with duckdb.connect() as connection:
        assert connection.execute(f"FROM '{tmp_path}/none.parquet'").fetchall() == []


@pytest.mark.parametrize("name", ["rows.csv", "rows.json", "rows.md", "rows.parquet"])
def test_the_name_of_the_file_tells_the_format(path, tmp_path, name):
    shown = ask(path, "SELECT 1 AS one", "--out", tmp_path / name)
    assert (shown.exit_code, shown.stdout) == (0, "")
    assert (tmp_path / name).stat().st_size > 0


def test_a_table_in_a_file_is_as_wide_as_it_needs_to_be(path, tmp_path):
    out = tmp_path / "rows.txt"
    assert ask(path, "SELECT repeat('x', 500) AS long", "--format", "table", "--out", out).exit_code == 0
    assert "x" * 500 in out.read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--format", "parquet"], "name a file with --out"),
        (["--out", "{folder}/rows.txt"], r"its name tells no format \(say --format"),
        (["--out", "{folder}/no/where.csv"], "can't be written: No such file"),
        (["--out", "{folder}/no/where.parquet"], "can't be written"),
    ],
)
def test_what_cannot_be_written_is_told_in_one_line(path, tmp_path, options, message):
    shown = ask(path, "SELECT 1", *[option.format(folder=tmp_path) for option in options])
    assert shown.exit_code == 2
    assert re.search(message, shown.stderr)
    assert shown.stderr.count("\n") == 1


def test_a_query_can_come_from_standard_input(path):
    given = CliRunner().invoke(app, ["sql", "-", "--catalog", str(path)], input="SELECT 42 AS answer\n;")
    assert "42" in given.stdout


@pytest.mark.parametrize(
    ("query", "near"),
    [
        ("SELECT acc FROM results", "accuracy, accuracy_per_sequence, balanced_accuracy"),
        ("SELECT r.modle FROM results r", "near it: model"),
        ("SELECT model FROM probes JOIN metrics USING (probeid)", "near it: probe_id"),
        ("SELECT fingerprint FROM results", "it is in likelihoods, models"),
        ("SELECT zzz FROM leaderboard", "`DESCRIBE leaderboard` tells"),
    ],
)
def test_a_wrong_column_is_answered_with_near_ones(path, query, near):
    shown = ask(path, query)
    assert shown.exit_code == 2
    assert near in shown.stderr
    assert shown.stderr.count("\n") == 1


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    "query", ["FROM leaderboard", "FROM results", "FROM datasets", "FROM probes", "FROM runs", "SHOW TABLES"]
)
def test_no_line_is_wider_than_the_terminal_and_no_word_is_broken_up(path, width, query):
    result = Catalog(path).query(query)
    lines = table(result.columns, result.rows, width).splitlines()
    assert all(cell_len(line) <= width for line in lines)
    names = " ".join(lines).replace("_ ", "_")
    assert all(part in names for name in result.columns for part in name.split("_"))


def test_long_values_lose_their_middle_and_numbers_nothing():
    rows = [["a" * 40 + "b" * 40, 1234567890123, 0.5]]
    (_, _, line, _) = table(["hash", "number", "score"], rows, 50).splitlines()
    assert re.fullmatch(r"a+…b+  1234567890123    0.5", line)
    assert len(line) == 50
    assert shortened("abcdefghij", 5) == "ab…ij"
    assert shortened("名" * 20, 9) == "名名…名名"


def test_names_of_columns_break_at_underscores_before_values_are_shortened():
    shown = table(["balanced_accuracy", "name"], [[0.5, "x" * 12]], 24).splitlines()
    assert [line.split() for line in shown[:2]] == [["balanced_"], ["accuracy", "name"]]
    assert "x" * 12 in shown[3]


def test_columns_that_do_not_fit_become_a_record_a_row():
    columns = [f"column_{number}" for number in range(30)]
    lines = table(columns, [list(range(30)), ["y" * 300] * 30], 80).splitlines()
    assert lines[0].startswith("── row 1 ─")
    assert lines[1:31] == [f"{name:9}  {number}" for number, name in enumerate(columns)]
    assert all(len(line) == 80 and "…" in line for line in lines[32:62])
    assert lines[-1] == "2 rows"


def test_a_plan_is_printed_as_duckdb_draws_it(path):
    assert "\n│" in ask(path, "EXPLAIN SELECT count(*) FROM probes").stdout


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("FROM lead", ["FROM leaderboard"]),
        ("select * from layer_", ["select * from layer_comparisons", "select * from layer_scores"]),
        ("SELECT oracle", ["SELECT oracle_layer", "SELECT oracle_score"]),
        ("FROM metric_names SELECT higher", ["FROM metric_names SELECT higher_is_better"]),
        ("FROM metric_names SELECT acc", []),
        ("FROM runs WHERE start", ["FROM runs WHERE started_at"]),
    ],
)
def test_the_shell_completes_names_of_tables_views_and_columns(typed, expected):
    assert complete_query(typed) == expected


COMMAND = "import sys; sys.argv = ['seqbench']; from seqbench.cli.main import main; main()"


def test_completion_needs_no_catalog_and_goes_through_the_shell(tmp_path):
    words = 'seqbench sql "SELECT model FROM leaderb'
    asked = {"_SEQBENCH_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": "2"}
    shown = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; sys.argv = ['seqbench']; from seqbench.cli.main import main; main()",
        ],
        cwd=tmp_path,
        env={**os.environ, **asked, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.stdout.strip() == "SELECT model FROM leaderboard"
    assert os.listdir(tmp_path) == []


COUNTS = "SELECT count(*) AS n, count(DISTINCT probe_id) AS probes FROM results"
WRITER = """
import sys, time
from seqbench.catalog import Catalog
from tests.catalog.catalog_records import probe_record
catalog = Catalog(sys.argv[1])
for start in range(0, 250, 50):
    catalog.append([probe_record(seed=start + n, test={"accuracy": 0.5}) for n in range(50)])
    print("written", flush=True)
    time.sleep(0.1)
"""


def test_queries_are_answered_while_another_process_writes(tmp_path):
    path = tmp_path / "catalog.duckdb"
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], cwd=ROOT, stdout=subprocess.PIPE)
    assert writer.stdout is not None
    writer.stdout.readline()
    seen, is_writing = [], True
    while is_writing:
        shown = ask(path, COUNTS, "--format", "json")
        is_writing = writer.poll() is None
        assert shown.exit_code == 0, shown.stderr
        (row,) = json.loads(shown.stdout)
        assert row["n"] == row["probes"]
        assert row["n"] % 50 == 0  # transactions are seen whole
        seen.append(row["n"])
    writer.stdout.close()
    assert writer.returncode == 0
    assert seen == sorted(seen)
    assert json.loads(ask(path, COUNTS, "--format", "json").stdout)[0]["n"] == 250
