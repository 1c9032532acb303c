"""A running cluster: a scheduler and workers as they are started by hand, with TLS, and on two hosts."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest

from seqbench.catalog import Catalog
from seqbench.config import Config, load_config
from seqbench.schedule.executors.opening import open_cluster
from tests.data import write_split
from tests.processes import Marked, until
from tests.schedule.test_schedule_dask import work_off
from tests.schedule.test_schedule_graph import graph, pair

CONFIG = """
models: [{kind: kmer, k: 2}]
datasets: {root: data}
probe: {heads: [linear, knn]}
schedule: {cluster: ADDRESS, power_per_gpu: 2, extract_power: 1, probe_power: 1, shard_items: 30, tls: TLS}
"""
SEQBENCH = (sys.executable, "-c", "from seqbench.cli.main import main; main()")
DASK = (sys.executable, "-m", "dask")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    for split in ("train", "eval", "test"):
        write_split(tmp_path / "data" / "gc", split)
    return tmp_path / "run.yaml"


@contextmanager
def cluster(
    folder: Path, scheduler: tuple[object, ...], *workers: tuple[object, ...], host: str = "127.0.0.1"
) -> Iterator[str]:
    """Start `dask scheduler` and `dask worker`s, and tell the address."""
    said = folder / "scheduler.json"
    with ExitStack() as stack:

        def start(*command: object) -> None:
            started = Marked(*command, cwd=folder)
            stack.callback(started.clean_up)

        start(*scheduler, "--host", host, "--port", 0, "--no-dashboard", "--scheduler-file", said)
        assert until(lambda: said.is_file() and '"address"' in said.read_text(), 60)
        address = json.loads(said.read_text())["address"]
        for worker in workers:
            start(*worker, address, "--nthreads", 2, "--resources", "power=2", "--no-dashboard")
        yield address


def run(config: Path, address: str, tls: str = "{}", *prefix: object) -> tuple[int, str]:
    config.write_text(CONFIG.replace("ADDRESS", address).replace("TLS", tls))
    running = Marked(*prefix, *SEQBENCH, "run", config)
    try:
        return running.ends(150)
    finally:
        running.clean_up()


def probes(config: Path) -> int:
    query = "SELECT count(*) FROM probes WHERE status = 'ok'"
    return int(Catalog(load_config(config).config.catalog).query(query).rows[0][0])


@pytest.mark.slow
def test_a_running_cluster_is_used_and_left_running(config: Path, tmp_path: Path) -> None:
    worker = (*DASK, "worker")
    with cluster(tmp_path, (*DASK, "scheduler"), worker, worker) as address:
        code, out = run(config, address)
        assert (code, probes(config)) == (0, 2), out
        (tmp_path / "catalog.duckdb").unlink()
        code, out = run(config, address)  # the same workers do another run
        assert (code, probes(config)) == (0, 2), out


@pytest.mark.slow
def test_workers_whose_time_is_up_in_mid_shard_leave_it_to_others_and_nothing_counts_as_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passing = (*DASK, "worker", "--lifetime", "9s", "--lifetime-restart")
    with cluster(tmp_path, (*DASK, "scheduler"), passing, passing) as address:
        schedule = {"cluster": address, "power_per_gpu": 2, "extract_power": 2, "retries": 0}
        config = Config.model_validate(
            {"models": [{"kind": "kmer"}], "datasets": {"root": "data"}, "schedule": schedule}
        )
        with open_cluster(config.schedule, print, str(tmp_path)) as found:
            told = work_off(found, config, graph(pair("m", "sleepy", 6, ())), monkeypatch)
    assert told.reasons == {}
    assert len(set(told.calls["extracted"])) == len(told.calls["extracted"]) == 6
    assert len(told.calls["started"]) > 6


def certificates(folder: Path) -> dict[str, Path]:
    """An authority, and one certificate for all, valid for an hour."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "seqbench-test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = {kind: folder / f"{kind}.pem" for kind in ("ca", "cert", "key")}
    for kind in ("ca", "cert"):
        files[kind].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files["key"].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    return files


@pytest.mark.slow
def test_an_encrypted_cluster_takes_only_clients_with_its_certificates(config: Path, tmp_path: Path) -> None:
    files = certificates(tmp_path)
    flags = [part for kind, flag in {"ca": "ca-file", "cert": "cert", "key": "key"}.items()
             for part in (f"--tls-{flag}", files[kind])]  # fmt: skip
    scheduler = (*DASK, "scheduler", *flags, "--protocol", "tls")
    with cluster(tmp_path, scheduler, (*DASK, "worker", *flags)) as address:
        assert address.startswith("tls://")
        code, out = run(config, address, "{ca: ca.pem, cert: cert.pem, key: key.pem}")
        assert (code, probes(config)) == (0, 2), out
        code, out = run(config, address)
        assert (code, "schedule.tls: is missing" in out) == (2, True)


def ip(*arguments: object) -> None:
    subprocess.run(["ip", *map(str, arguments)], check=True, capture_output=True)


@contextmanager
def two_hosts() -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Two network namespaces joined by a cable, 10.77.0.1 and 10.77.0.2: commands that run in each."""
    names = ("seqbench-a", "seqbench-b")
    try:
        for name in names:
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        ip(
            "link",
            "add",
            "sb-a",
            "netns",
            names[0],
            "type",
            "veth",
            "peer",
            "name",
            "sb-b",
            "netns",
            names[1],
        )
        for number, (name, end) in enumerate(zip(names, ("sb-a", "sb-b"), strict=True), start=1):
            ip("-n", name, "address", "add", f"10.77.0.{number}/24", "dev", end)
            ip("-n", name, "link", "set", end, "up")
        yield tuple(("ip", "netns", "exec", name) for name in names)  # type: ignore[misc]
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


@pytest.mark.slow
def test_workers_on_another_host_do_the_work(config: Path, tmp_path: Path) -> None:
    try:
        with two_hosts() as (here, there):
            worker = (*there, *DASK, "worker")
            with cluster(tmp_path, (*here, *DASK, "scheduler"), worker, host="10.77.0.1") as address:
                assert address.startswith("tcp://10.77.0.1:")
                code, out = run(config, address, "{}", *here)
                assert (code, probes(config)) == (0, 2), out
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        pytest.skip(f"no network namespaces here: {error}")
