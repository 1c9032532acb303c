"""The catalog's file stays in a format that older versions of DuckDB open."""

import os
import shutil
import subprocess
import sys
import venv
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest

from seqbench.catalog import Catalog
from seqbench.errors import CatalogError
from tests.catalog.catalog_records import model_record, probe_record

WRITES_NEWER = int(duckdb.__version__.split(".")[0]) >= 2
newer = pytest.mark.skipif(not WRITES_NEWER, reason="this DuckDB writes no newer format")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A catalog with one probe."""
    Catalog(tmp_path / "catalog.duckdb").append([probe_record(test={"accuracy": 0.5})])
    return tmp_path / "catalog.duckdb"


def stored_as(path: Path) -> str:
    with duckdb.connect(path, read_only=True) as connection:
        sql = "SELECT tags['storage_version'] FROM duckdb_databases() WHERE NOT internal"
        return str(connection.execute(sql).fetchall()[0][0])


def make_newer(path: Path) -> None:
    """Bring a catalog into the format that DuckDB gives files by itself."""
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{path}' AS old (READ_ONLY); ATTACH '{path}.new' AS fresh")
        connection.execute("COPY FROM DATABASE old TO fresh")
    os.replace(f"{path}.new", path)
    assert stored_as(path).startswith("v2")


def test_a_new_catalog_is_in_the_format_of_duckdb_1_2(path: Path) -> None:
    assert stored_as(path).startswith("v1.2.0")


@newer
def test_a_catalog_in_a_newer_format_is_read_as_it_is_and_converted_at_the_next_write(path: Path) -> None:
    sql = "SELECT table_name, column_name, data_type, comment FROM duckdb_columns() ORDER BY ALL"
    columns = Catalog(path).query(sql).rows
    path.chmod(0o640)
    make_newer(path)
    path.chmod(0o640)
    assert Catalog(path).query("SELECT accuracy FROM results").rows == [(0.5,)]
    assert stored_as(path).startswith("v2")
    Catalog(path).append([model_record(model="b")])
    assert (stored_as(path)[:6], path.stat().st_mode & 0o777) == ("v1.2.0", 0o640)
    assert Catalog(path).query("SELECT accuracy, models.model FROM results, models").rows == [(0.5, "b")]
    assert Catalog(path).query(sql).rows == columns
    assert sorted(left.name for left in path.parent.iterdir()) == [path.name]


@newer
def test_of_a_link_what_it_leads_to_is_converted(path: Path, tmp_path: Path) -> None:
    make_newer(path)
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.duckdb"
    link.symlink_to(path)
    Catalog(link).append([model_record(model="b")])
    assert (link.is_symlink(), stored_as(path)[:6]) == (True, "v1.2.0")


@newer
def test_processes_that_write_while_it_is_converted_lose_nothing(path: Path) -> None:
    make_newer(path)
    code = (
        "import sys\n"
        "from seqbench.catalog import Catalog\n"
        "from tests.catalog.catalog_records import model_record\n"
        "for number in range(5):\n"
        "    Catalog(sys.argv[1]).append([model_record(model=f'{sys.argv[2]}-{number}')])\n"
    )
    root = Path(__file__).parents[2]
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(path), name], cwd=root) for name in ("a", "b", "c")
    ]
    assert [process.wait() for process in started] == [0, 0, 0]
    assert Catalog(path).query("SELECT count(*) FROM models").rows == [(15,)]


def test_who_opened_the_file_that_is_being_replaced_writes_to_the_new_one(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect, copy = duckdb.connect, path.with_name("copy.duckdb")
    shutil.copy(path, copy)

    def replaced(*args: object, **options: object) -> duckdb.DuckDBPyConnection:
        opened = connect(*args, **options)
        if copy.exists():
            os.replace(copy, path)
        return opened

    monkeypatch.setattr(duckdb, "connect", replaced)
    Catalog(path).append([model_record(model="b")])
    monkeypatch.undo()
    assert Catalog(path).query("SELECT model FROM models").rows == [("b",)]


@newer
def test_a_view_that_reads_another_file_does_not_read_it_when_a_catalog_is_converted(
    path: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret.csv").write_text("secret\n1\n")
    with duckdb.connect(path) as connection:
        connection.execute(f"CREATE VIEW theirs AS FROM '{tmp_path / 'secret.csv'}'")
    make_newer(path)
    with suppress(CatalogError):  # refused, or copied as the text that it is
        Catalog(path).append([])
    with duckdb.connect(path, read_only=True) as connection:
        tables = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    assert "theirs" not in {name for (name,) in tables}


OLDER = ("1.2.2", "1.3.2", "1.4.5")
READ = (
    "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True); "
    "print(duckdb.__version__, c.execute('SELECT model, accuracy FROM results').fetchall()); "
    "views = c.execute('SELECT view_name FROM duckdb_views() WHERE NOT internal').fetchall(); "
    "[c.execute(f'FROM {name}').fetchall() for (name,) in views]"
)


@pytest.mark.slow
@pytest.mark.parametrize("version", OLDER)
def test_an_older_duckdb_in_an_environment_of_its_own_reads_all_views(
    path: Path, tmp_path: Path, version: str
) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    install = [python, "-m", "pip", "install", "-q", f"duckdb=={version}"]
    if subprocess.run(install, capture_output=True).returncode:
        pytest.skip(f"duckdb {version} can't be installed here")
    done = subprocess.run([python, "-c", READ, path], capture_output=True, text=True)
    assert done.stdout.strip() == f"{version} [('bert', 0.5)]", done.stderr
