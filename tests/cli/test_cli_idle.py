"""Commands that find nothing to compute."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command import seqbench
from tests.data import write_split

HEAVY = {
    "torch",
    "transformers",
    "scipy",
    "sklearn",
    "xgboost",
    "pandas",
    "botocore",
    "jinja2",
    "matplotlib",
    "zarr",
}
CONFIG = """
models: [{{path: {model}, name: tiny, dtype: float32}}, {{kind: kmer, k: 2}}]
datasets: {{root: data}}
probe: {{heads: [linear]}}
"""


@pytest.fixture
def finished(tiny_model: Callable[[str], Path], tmp_path: Path) -> Path:
    """A config of which everything is done."""
    for split in ("train", "eval", "test"):
        write_split(tmp_path / "data" / "gc", split)
    config = tmp_path / "run.yaml"
    config.write_text(CONFIG.format(model=tiny_model("llama")))
    for command in ("extract", "probe"):
        assert seqbench(command, config).exit_code == 0
    return config


def test_nothing_heavy_is_loaded_where_nothing_is_left(finished: Path) -> None:
    program = (
        "import sys\nfrom seqbench.cli.main import app\n"
        "for command in ('status', 'plan', 'extract', 'probe'):\n"
        f"    app([command, {str(finished)!r}], standalone_mode=False)\n"
        f"    print('loaded:', *sorted({HEAVY} & sys.modules.keys()))"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = [line for line in shown.stdout.splitlines() if line.startswith("loaded:")]
    assert loaded == ["loaded:"] * 4
