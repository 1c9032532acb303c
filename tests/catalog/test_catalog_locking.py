import subprocess
import sys
import threading
from pathlib import Path

import duckdb
import pytest

from seqbench.catalog import Catalog
from seqbench.errors import CatalogError
from tests.catalog.catalog_records import model_record, probe_record

HOLD = (
    "import duckdb, sys, time\n"
    "connection = duckdb.connect(sys.argv[1])\n"
    "print('open', flush=True)\n"
    "time.sleep(float(sys.argv[2]))\n"
)


@pytest.fixture
def hold(tmp_path):
    """Starts another process that keeps the catalog open for so many seconds."""
    started = []

    def start(catalog, seconds):
        catalog.append([])
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(catalog.path), str(seconds)], stdout=subprocess.PIPE
        )
        started.append(process)
        process.stdout.readline()
        return process.pid

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_readers_and_writers_wait_for_another_process(tmp_path, hold):
    catalog = Catalog(tmp_path / "catalog.duckdb")
    hold(catalog, 0.5)
    assert catalog.query("SELECT count(*) FROM probes").rows == [(0,)]
    hold(catalog, 0.5)
    catalog.append([probe_record()])
    assert len(catalog.known_spec_hashes()) == 1


def test_a_catalog_that_stays_locked_is_reported_with_the_process_and_the_way_out(tmp_path, hold):
    catalog = Catalog(tmp_path / "catalog.duckdb", wait_seconds=0.1)
    pid = hold(catalog, 60)
    for use in (lambda: catalog.query("SELECT 1"), lambda: catalog.append([])):
        with pytest.raises(
            CatalogError, match=rf"catalog\.duckdb has been in use by process {pid} for over 0.1 s"
        ):
            use()


def test_a_thread_reads_while_another_writes(tmp_path):
    catalog = Catalog(tmp_path / "catalog.duckdb")
    catalog.append([])
    writer = threading.Thread(
        target=lambda: [catalog.append([probe_record(seed=seed)]) for seed in range(15)]
    )
    writer.start()
    seen = [len(catalog.known_spec_hashes()) for _ in range(15)]
    writer.join()
    assert seen == sorted(seen)
    assert len(catalog.known_spec_hashes()) == 15


def test_a_connection_that_this_process_keeps_open_is_named_as_such(tmp_path):
    catalog = Catalog(tmp_path / "catalog.duckdb", wait_seconds=0.1)
    catalog.append([])
    with (
        duckdb.connect(catalog.path),
        pytest.raises(CatalogError, match="in use by another connection for over"),
    ):
        catalog.query("SELECT 1")


def test_two_processes_that_make_the_catalog_at_once_lose_nothing(tmp_path):
    path = tmp_path / "catalog.duckdb"
    code = (
        "import sys\n"
        "from seqbench.catalog import Catalog\n"
        "from tests.catalog.catalog_records import model_record\n"
        "Catalog(sys.argv[1]).append([model_record(model=sys.argv[2])])\n"
    )
    root = Path(__file__).parents[2]
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(path), name], cwd=root) for name in ("a", "b")
    ]
    assert [process.wait() for process in started] == [0, 0]
    Catalog(path).append([model_record(model="c")])
    assert Catalog(path).query("SELECT model FROM models ORDER BY model").rows == [("a",), ("b",), ("c",)]


def test_queries_within_a_block_share_one_connection_and_see_one_catalog(tmp_path, monkeypatch):
    catalog = Catalog(tmp_path / "catalog.duckdb")
    catalog.append([probe_record()])
    opened = []
    connect = duckdb.connect
    monkeypatch.setattr(
        duckdb, "connect", lambda *args, **settings: opened.append(1) or connect(*args, **settings)
    )
    with catalog.kept_open():
        assert opened == []
        with catalog.kept_open():
            assert len(catalog.known_spec_hashes()) == 1
        assert catalog.query("SELECT count(*) FROM probes").rows == [(1,)]
        with pytest.raises(CatalogError, match="no column 'hed'"):
            catalog.query("SELECT hed FROM probes")
        assert catalog.query("SELECT count(*) FROM models").rows == [(0,)]
        assert opened == [1]
        catalog.append([probe_record(seed=2)])
        assert len(catalog.known_spec_hashes()) == 2
        assert len(opened) == 3
    catalog.append([probe_record(seed=3)])
    assert len(catalog.known_spec_hashes()) == 3


def test_a_block_of_queries_lets_go_of_the_file_however_it_ends(tmp_path):
    catalog = Catalog(tmp_path / "catalog.duckdb")
    other = Catalog(catalog.path, wait_seconds=0.1)
    catalog.append([])

    def read_while_another_writes():
        with catalog.kept_open():
            catalog.known_spec_hashes()
            other.append([probe_record()])

    with pytest.raises(CatalogError, match="in use by another connection"):
        read_while_another_writes()
    other.append([probe_record()])
    assert len(catalog.known_spec_hashes()) == 1
