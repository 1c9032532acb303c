"""No secret that the environment, an address or a config holds is shown, recorded or written.

A marker stands for the secret; everything that a command prints and leaves is searched for it.
"""

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from seqbench import errors
from seqbench.core import redaction
from seqbench.core.progress import ConsoleReporter
from seqbench.errors import ModelError
from seqbench.schedule import run as run_module
from tests.command import seqbench
from tests.data import write_split

MARKER = "hunter2xyz"
VARIABLES = (
    "WANDB_API_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SESSION_TOKEN",
    "HF_TOKEN",
    "DB_PASSWORD",
)
SAID = (
    f"can't connect to https://me:{MARKER}@host/x",
    f"can't connect to https://{MARKER}@host:9000",
    f"no catalog at s3:/me:{MARKER}@bucket/x",
    f"password with an @: http://me:a@{MARKER}@host/",
    f"GET https://host/o?X-Amz-Signature={MARKER}&X-Amz-Date=1",
    f"sbatch: --export=ALL,WANDB_API_KEY={MARKER}",
    f"HF_TOKEN={MARKER}: not found",
)


@pytest.mark.parametrize("said", SAID)
def test_an_error_hides_what_a_library_quotes(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    assert MARKER not in str(ModelError(f"model 'm': {said}"))
    monkeypatch.setattr(errors, "legible", lambda text: text)
    assert MARKER in str(ModelError(f"model 'm': {said}"))


@pytest.mark.parametrize("name", VARIABLES)
def test_the_value_of_a_secret_variable_is_hidden_wherever_it_stands(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    said = f"Illegal header value b'Bearer {MARKER}'"
    assert MARKER in str(ModelError(said))
    monkeypatch.setenv(name, MARKER)
    assert str(ModelError(said)) == "Illegal header value b'Bearer ***'"


def test_what_is_no_secret_stays() -> None:
    for text in (
        "data/H3/train.jsonl:17: label must be an int, got 'yes'", "max_tokens=512 then, 256 now",
        "s3://bucket/model@cls/d", "a@b", "seq_key: x", "tcp://node1:8786", "is this right?",
    ):  # fmt: skip
        assert redaction.legible(text) == text


def test_a_message_cannot_steer_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = "label \x1b[2J\x1b]0;title\x07\u202eabc\r"
    assert str(ModelError(hostile)) == r"label \x1b[2J\x1b]0;title\x07\u202eabc\r"
    monkeypatch.setattr(errors, "legible", lambda text: text)
    assert str(ModelError(hostile)) == hostile


ADDRESSES = {
    "a store": "store.path=s3://me:{marker}@bucket/x",
    "a catalog": "catalog=https://me:{marker}@host/x",
    "a model": "models.0.path=https://me:{marker}@hub/x",
    "a long address": "models.0.path=https://me:{marker}" + "x" * 80 + "@hub/x",
    "a scheduler": "schedule.cluster=tcp://me:{marker}@node:8786",
    "no config": "nothing=https://me:{marker}@host",
}


def config(folder: Path, more: str = "") -> Path:
    for split in ("train", "test"):
        write_split(folder / "data" / "gc", split)
    path = folder / "run.yaml"
    path.write_text("models: [{kind: kmer, k: 2}]\ndatasets: {root: data}\nprobe: {heads: [linear]}\n" + more)
    return path


@pytest.mark.parametrize("what", ADDRESSES)
@pytest.mark.parametrize("command", ["plan", "extract", "report"])
def test_an_address_with_a_password_is_refused_without_it(tmp_path: Path, what: str, command: str) -> None:
    done = seqbench(command, config(tmp_path), "--set", ADDRESSES[what].format(marker=MARKER))
    assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1)
    assert MARKER not in done.output


def left(folder: Path) -> list[Path]:
    """Files that hold the marker; of catalogs, whose texts are compressed, what their tables say."""
    return [path for path in folder.rglob("*") if path.is_file() and MARKER.encode() in content(path)]


def content(path: Path) -> bytes:
    if path.suffix != ".duckdb":
        return path.read_bytes()
    with duckdb.connect(path, read_only=True) as connection:
        tables = [name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        return "\n".join(str(connection.execute(f"FROM {name}").fetchall()) for name in tables).encode()


def test_nothing_that_a_run_leaves_holds_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, f"{MARKER}-{name}")
    path = config(tmp_path, f"wandb: {{project: 'WANDB_API_KEY={MARKER}'}}\n")
    path.write_text(path.read_text().replace("heads: [linear]", "heads: [linear], save_heads: heads"))
    done = seqbench("run", path)
    assert done.exit_code == 0, done.output
    assert MARKER not in done.output
    assert left(tmp_path) == [path]  # the user's own file
    monkeypatch.setattr(run_module, "redact_all", lambda value: value)
    assert seqbench("run", path, "--set", "probe.seeds=[7]").exit_code == 0
    assert [found.name for found in left(tmp_path)] != [path.name]


def test_remarks_go_the_same_way(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.console import Console

    ConsoleReporter(Console(stderr=True, width=200)).note(f"warning: W&B failed: https://me:{MARKER}@host")
    assert capsys.readouterr().err == "warning: W&B failed: https://***@host\n"


def test_a_bucket_that_can_t_be_reached_tells_no_key(tmp_path: Path) -> None:
    pytest.importorskip("s3fs")
    # In a process of its own: s3fs keeps a connection to the endpoint that it was first told.
    secrets = {name: f"{MARKER}-{name}" for name in VARIABLES}
    endpoint = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_REGION": "us-east-1", "AWS_MAX_ATTEMPTS": "1"}
    for command in (
        ["store", "list", "s3://bucket/x"],
        ["extract", str(config(tmp_path)), "--set", "store.path=s3://bucket/x"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "tests.main", *command],
            env=os.environ | secrets | endpoint, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
        assert "s3://bucket" in done.stderr
        assert MARKER not in done.stdout + done.stderr
    assert left(tmp_path) == []


@pytest.mark.parametrize("damaged", ["key", "cert", "ca"])
def test_a_certificate_that_can_t_be_read_is_not_quoted(tmp_path: Path, damaged: str) -> None:
    paths = {name: tmp_path / f"{name}.pem" for name in ("ca", "cert", "key")}
    for path in paths.values():
        path.write_text(f"-----BEGIN PRIVATE KEY-----\n{MARKER}\n-----END PRIVATE KEY-----\n")
    paths[damaged].write_text(f"{MARKER}\n")
    told = ", ".join(f"{name}: {path}" for name, path in paths.items())
    path = config(tmp_path, f"schedule: {{cluster: 'tls://127.0.0.1:9', tls: {{{told}}}}}\n")
    done = seqbench("extract", path)
    assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1), done.output
    assert "tls" in done.stderr
    assert MARKER not in done.output
    assert set(left(tmp_path)) == set(paths.values())


def test_status_and_its_file_tell_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, f"{MARKER}-{name}")
    monkeypatch.setattr("sys.argv", ["seqbench", "run", f"WANDB_API_KEY={MARKER}"])
    path = config(tmp_path)
    assert seqbench("run", path).exit_code == 0
    done = seqbench("status", path)
    assert done.exit_code == 0, done.output
    assert MARKER not in done.output
    assert left(tmp_path) == []
