"""Several at once on one store and catalog, clocks that go back, and networks that fail."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seqbench.catalog import open_catalog
from seqbench.store import open_store
from tests.command import seqbench as here
from tests.faults.environment import assert_sound, assert_told, write_config
from tests.faults.warm import Ended, Moment, Running, seqbench

pytestmark = pytest.mark.faults


def test_two_runs_on_one_store_and_catalog_both_end_well(tmp_path: Path) -> None:
    config = write_config(tmp_path / "run", tmp_path / "data")
    both = [Running(["run", config]) for _ in range(2)]
    for running in both:
        ended = running.ends()
        assert ended.code == 0, ended.out
    assert_sound(tmp_path / "run", tmp_path / "data")


def test_readers_during_writes_see_what_is_whole_or_are_told(tmp_path: Path) -> None:
    config = write_config(tmp_path / "run", tmp_path / "data")
    folder = tmp_path / "run"
    running = Running(["run", config])
    codes = []
    while running.process.is_alive():
        for command in (
            ("status", config),
            ("store", "list", folder / "embeddings.zarr"),
            ("sql", "SELECT count(*) FROM results", "--catalog", folder / "catalog.duckdb"),
            ("report", config, "--set", f"report.out={tmp_path / 'other'}"),
        ):
            shown = here(*command)
            assert shown.exception is None or isinstance(shown.exception, SystemExit), (
                command,
                shown.exception,
            )
            assert shown.exit_code in (0, 2), (command, shown.output)
            codes.append(shown.exit_code)
    ended = running.ends()
    assert ended.code == 0, ended.out
    assert 0 in codes
    assert_sound(folder, tmp_path / "data")


def test_a_clock_that_goes_back_by_a_year_changes_nothing(tmp_path: Path) -> None:
    config = write_config(tmp_path / "run", tmp_path / "data")
    assert seqbench(["extract", config]).code == 0
    year = 365 * 86_400.0
    for _ in range(2):
        ended = seqbench(["run", config], Moment(behind=year))
        assert ended.code == 0, ended.out
    assert_sound(tmp_path / "run", tmp_path / "data")
    catalog = open_catalog(tmp_path / "run" / "catalog.duckdb")
    runs = catalog.query("SELECT command, status FROM runs ORDER BY started_at").rows
    assert runs == [("run", "done"), ("extract", "done")]


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Any]]:
    """An object store of this process, and what starts and stops its server; its content stays."""
    pytest.importorskip("s3fs", reason="s3fs is absent: pip install 'seqbench[remote]'")
    moto = pytest.importorskip("moto.server", reason="moto is absent: pip install 'moto[server]'")
    from tests.store.conftest import S3Server

    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    server._port = port
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "someone",
        "AWS_SECRET_ACCESS_KEY": "hidden",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    yield S3Server(f"http://{host}:{port}").bucket(), server
    server.stop()


def test_a_network_that_drops_in_the_midst_of_an_extraction_is_told_and_the_next_goes_on(
    tmp_path: Path, bucket: tuple[str, Any]
) -> None:
    from zarr.storage import FsspecStore

    url, server = bucket
    config = write_config(tmp_path / "run", tmp_path / "data", store=f"{url}/embeddings.zarr")
    written = FsspecStore.set
    count = 0

    async def dropping(self: FsspecStore, key: str, value: Any, **given: Any) -> None:
        nonlocal count
        count += 1
        if count == 12:
            server.stop()
            server._server.server_close()
        await written(self, key, value, **given)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(FsspecStore, "set", dropping)
        shown = here("extract", config)
    assert count >= 12
    assert isinstance(shown.exception, SystemExit), shown.exception
    ended = Ended(code=shown.exit_code, seconds=0, out=shown.output)
    assert_told(ended, url, "check address, network and credentials")
    assert "hidden" not in shown.output
    server.start()
    assert here("extract", config).exit_code == 0
    store = open_store(f"{url}/embeddings.zarr")
    assert list(store.verify("kmer-2/gc")) == []
    assert store["kmer-2/gc"].load(0, "train").shape == (40, 1, 16)
