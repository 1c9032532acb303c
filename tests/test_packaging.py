"""A built wheel holds all that the installed package needs, and runs outside the checkout."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NEEDED = (
    "seqbench/py.typed",
    "seqbench/datasets/registry.yaml",
    "seqbench/catalog/views.sql",
    "seqbench/catalog/migrations/0001_tables.sql",
    "seqbench/demo/demo.yaml",
    "seqbench/demo/model/model.safetensors",
    "seqbench/demo/model/tokenizer.json",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_holds_config_registry_sql_and_model(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert set(NEEDED) <= names
    assert any(name.startswith("seqbench/report/page/assets/") for name in names)
    assert not any(name.startswith(("tests/", "configs/", "docs/")) for name in names)


def test_the_wheel_works_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    unpacked = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(unpacked)
    program = (
        f"import sys; sys.path.insert(0, {str(unpacked)!r}); import seqbench; print(seqbench.__file__);"
        "from seqbench.cli.main import app; app(['config', 'init', 'here'], standalone_mode=False)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert shown.stdout.startswith(str(unpacked))
    assert (tmp_path / "here" / "data" / "planted_motif" / "train.jsonl").is_file()
    assert (tmp_path / "here" / "demo-dna-4l" / "model.safetensors").is_file()
