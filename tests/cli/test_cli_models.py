"""`seqbench models check`: what it prints, where, and its exit codes."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from seqbench.cli.certificate_table import print_certificate
from seqbench.cli.main import app
from seqbench.models.preflight import Certificate, Check, Verdict
from tests.data import write_split

TinyModel = Callable[[str], Path]


def check(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["models", "check", *map(str, arguments)])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for split in ("train", "eval", "test"):
        write_split(tmp_path / "data" / "gc", split)
    return tmp_path / "data"


@pytest.fixture
def config(tiny_model: TinyModel, data: Path) -> Path:
    path = data.parent / "run.yaml"
    path.write_text(
        f"models:\n  - {{path: {tiny_model('bert')}, name: tiny, dtype: float32}}\n"
        f"  - {{path: {tiny_model('gpt2')}, name: other, dtype: float32}}\n  - {{kind: kmer, k: 3}}\n"
        "datasets: {root: data}\n"
    )
    return path


def test_a_directory_alone_is_checked(tiny_model: TinyModel) -> None:
    shown = check(tiny_model("bert"), "--dtype", "float32")
    assert shown.exit_code == 0, shown.output
    assert "4 × 32, float32" in shown.stdout
    assert "alphabets" in shown.stdout
    assert "verdict: pass" in shown.stdout


def test_a_directory_is_checked_on_data_sets(tiny_model: TinyModel, data: Path) -> None:
    shown = check(tiny_model("bert"), "--data", data / "gc")
    assert shown.exit_code == 0, shown.output
    assert "on gc" in shown.stdout
    assert "bfloat16" in shown.stdout
    assert "tokens/s" in shown.stdout


def test_letters_that_a_model_lacks_end_in_exit_code_3(tiny_model: TinyModel, data: Path) -> None:
    for path in data.glob("*/*.jsonl"):
        path.write_text(path.read_text().replace("A", "N").replace("G", "X"))
    shown = check(tiny_model("bert"), "--data", data / "gc")
    assert shown.exit_code == 3
    assert "fail: unknown tokens on gc: " in shown.stdout
    assert "verdict: fail" in shown.stdout


def test_a_configs_models_are_checked_on_its_data_sets(config: Path) -> None:
    shown = check(config)
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.count("verdict: pass") == 2
    assert "kmer-3: nothing to check" in shown.stderr
    only = check(config, "--model", "other", "--json")
    (certificate,) = json.loads(only.stdout)
    assert (certificate["model"], certificate["verdict"]) == ("other", "pass")
    assert "gc" in {each["dataset"] for each in certificate["checks"]}


def test_a_model_that_cannot_be_loaded_does_not_end_the_check_of_others(config: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    broken = f"models:\n  - {{path: {tmp_path / 'empty'}, name: broken}}\n"
    config.write_text(config.read_text().replace("models:\n", broken))
    shown = check(config, "--json")
    assert shown.exit_code == 3, shown.output
    verdicts = {each["model"]: each["verdict"] for each in json.loads(shown.stdout)}
    assert verdicts == {"broken": "fail", "tiny": "pass", "other": "pass"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["./nowhere"], "no such model directory"),
        (["{model}", "--dtype", "float8"], "dtype"),
        (["{model}", "--data", "nowhere/gc"], "nowhere"),
        (["{model}", "--model", "tiny"], "--model and --set go with a config"),
        (["{config}", "--dtype", "float32"], "--dtype goes with a model's path"),
        (["{config}", "--model", "missing"], "the config has tiny, other, kmer-3"),
    ],
)
def test_unusable_input_is_one_line_and_exit_code_2(
    tiny_model: TinyModel, config: Path, arguments: list[str], says: str
) -> None:
    shown = check(*[part.format(model=tiny_model("bert"), config=config) for part in arguments])
    assert (shown.exit_code, shown.stderr.count("\n")) == (2, 1), shown.output
    assert says in shown.stderr


def certificate() -> Certificate:
    long = "A sentence of some length that says what was measured and what it means for embeddings."
    checks = [
        Check(name="hooks", verdict=Verdict.PASS, measured="0, by hooks", tolerance=1e-4, says=long),
        Check(name="padding", verdict=Verdict.WARN, measured="1.0e-01", says=long, advice="Do [that]."),
        Check(
            name="unknown tokens", dataset="a-data-set", verdict=Verdict.FAIL, measured="30 % X", says=long
        ),
    ]
    return Certificate(
        model="m", fingerprint="f", dtype="float32", device="cpu", method="hooks", checks=tuple(checks)
    )


@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_line_a_check_fits_the_terminal(width: int) -> None:
    out = io.StringIO()
    print_certificate(certificate(), Console(file=out, width=width))
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert "verdict: fail (1 passed, 1 warned, 1 failed)" in lines
    assert "warn: padding: " in out.getvalue()
    assert out.getvalue().replace("\n", " ").count("Do [that].") == 1
    assert sum(line.startswith(("hooks", "padding", "  unknown tokens")) for line in lines) == 3
