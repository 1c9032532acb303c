"""Tracking as a user asks for it: what is shown is what the catalog says."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("wandb")
pytest.importorskip("tensorboard")

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.command import rows, seqbench
from tests.data import write_split
from tests.tracking.records import wandb_runs

CONFIG = """
models: [{kind: kmer, k: 2}]
datasets: {root: data}
probe: {heads: [mlp, linear], mlp: {epochs: 3}}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    for split in ("train", "test"):
        write_split(tmp_path / "data" / "gc", split, items=40)
    path = tmp_path / "run.yaml"
    path.write_text(CONFIG)
    assert seqbench("extract", path).exit_code == 0
    return path


def test_a_missing_package_stops_the_command_before_anything_is_trained(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    stopped = seqbench("probe", config, "--set", "wandb.enabled=true")
    assert stopped.exit_code == 2
    assert stopped.stderr == (
        "seqbench: wandb.enabled: needs the package wandb (pip install 'seqbench[wandb]')\n"
    )
    assert rows(config, "FROM probes") == []
    assert seqbench("probe", config).exit_code == 0  # off: that it is missing does not matter


def test_curves_in_wandb_and_tensorboard_are_those_of_the_catalog(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(config.parent))
    options = ("wandb.enabled=true", "tensorboard.dir=board")
    done = seqbench("probe", config, *(word for option in options for word in ("--set", option)))
    assert done.exit_code == 0, done.output
    curve = rows(
        config, "SELECT epoch, eval_loss, eval_score, run_id FROM history JOIN probes USING (probe_id)"
    )
    run = wandb_runs(config.parent / "wandb")["kmer-2 × gc"]
    assert run.about.run_group == curve[0]["run_id"]
    assert [row["epoch"] for row in run.rows] == [1, 2, 3]
    for name in ("eval_loss", "eval_score"):
        wanted = [point[name] for point in curve]
        assert [row[f"layer_0/mlp/{name}"] for row in run.rows] == pytest.approx(wanted)
        (folder,) = (config.parent / "board" / "kmer-2" / "gc").iterdir()
        events = EventAccumulator(str(folder))
        events.Reload()
        assert [each.value for each in events.Scalars(f"layer_0/mlp/{name}")] == pytest.approx(wanted)
    scored = rows(config, "SELECT head, roc_auc FROM results WHERE split = 'test'")
    for row in scored:
        assert run.summary[f"layer_0/{row['head']}/test/roc_auc"] == pytest.approx(row["roc_auc"])
    assert len(scored) == 2
    assert "W&B" not in done.stderr
