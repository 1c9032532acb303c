"""A process that is ended while it trains, and run again, makes what an undisturbed one does, to the bit."""

import signal
from pathlib import Path
from typing import Any

import pytest

from seqbench.config import load_config
from seqbench.core.progress import Silent
from seqbench.schedule.run import run
from tests.command import rows
from tests.finetune.planted import config_of, write_config, write_order
from tests.processes import seqbench_process, until
from tests.tiny import save_tiny_model

SETTINGS = {
    "encoder": ["lora"], "epochs": 6, "batch_size": 8, "checkpoint_steps": 2, "keep": 2, "dropout": 0.2,
    "encoder_dropout": 0.1, "seeds": [3],
}  # fmt: skip
Found = tuple[dict[str, bytes], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("kill")
    save_tiny_model("bert", made / "base")
    write_order(made / "data" / "order", sizes={"train": 48, "test": 12})
    return made


def config(folder: Path, name: str, *, folds: int | None, **changed: Any) -> Path:
    (folder / name).mkdir()
    found = config_of(folder / "data", folder / "base", **SETTINGS, folds=folds)
    found |= {"catalog": "catalog.duckdb", "store": {"path": "store.zarr"}, **changed}
    found["finetune"]["out"] = "out"
    return write_config(folder / name / "run.yaml", found)


def outcome(path: Path) -> Found:
    """All weights, and everything that was predicted."""
    out = path.parent / "out"
    weights = {str(file.relative_to(out)): file.read_bytes() for file in out.rglob("*.safetensors")}
    predictions = rows(
        path, "SELECT fold, split, item, score FROM predictions JOIN probes USING (probe_id) ORDER BY ALL"
    )
    return weights, predictions


def undisturbed(path: Path) -> Found:
    assert not run(load_config(path).config, Silent(), "finetune").failed
    return outcome(path)


def ended_and_run_again(path: Path, how: signal.Signals) -> Found:
    """End a process as soon as it has written a state, and let another one go on."""
    states = path.parent / ".seqbench-checkpoints"
    running = seqbench_process("finetune", path)
    try:
        assert until(lambda: list(states.glob("finetune-*")))
        running.process.send_signal(how)
        code, out = running.ends()
    finally:
        running.clean_up()
    assert code == {signal.SIGTERM: 143, signal.SIGKILL: -9}[how], out
    assert [file.suffix for file in states.glob("finetune-*")] == [""]  # what the next run goes on from
    code, out = seqbench_process("finetune", path).ends()
    assert code == 0, out
    assert not list(states.glob("finetune-*"))
    return outcome(path)


def test_a_training_that_was_killed_goes_on_to_the_bit(folder: Path) -> None:
    weights, predictions = undisturbed(config(folder, "whole", folds=None))
    assert {Path(name).name for name in weights} == {"adapter_model.safetensors", "head.safetensors"}
    assert len(weights) == 4  # with the second best
    assert len(predictions) == 5 + 12  # a tenth of train is eval
    path = config(folder, "killed", folds=None)
    assert ended_and_run_again(path, signal.SIGKILL) == (weights, predictions)


@pytest.fixture(scope="module")
def folds(folder: Path) -> Found:
    weights, predictions = undisturbed(config(folder, "folds", folds=2))
    assert (len(weights), len(predictions)) == (2 * (2 * 2 + 1), 2 * 48 + 3 * 12)
    return weights, predictions


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_folds_that_were_ended_go_on_to_the_bit(folder: Path, folds: Found, how: signal.Signals) -> None:
    assert ended_and_run_again(config(folder, how.name, folds=2), how) == folds


@pytest.mark.slow
def test_workers_of_a_cluster_train_the_same_folds_and_put_them_together(folder: Path, folds: Found) -> None:
    path = config(folder, "cluster", folds=2, schedule={"workers": 2})
    code, out = seqbench_process("finetune", path).ends()
    assert code == 0, out
    assert outcome(path) == folds
