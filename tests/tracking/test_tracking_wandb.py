"""Weights & Biases: offline runs are read back from disk; failures end the tracking and nothing else."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("wandb")

from seqbench.catalog.records import ProbeRecord
from seqbench.catalog.training_records import TrainingRecord
from seqbench.errors import ConfigError
from seqbench.tracking import Tracker, make_trackers
from seqbench.tracking import wandb_runs as tracker_module
from tests.catalog.catalog_records import training_record
from tests.tracking.records import config, record, wandb_runs

SECRET = "0123456789" * 4


@pytest.fixture(autouse=True)
def _own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No login, settings or caches of whoever runs the tests."""
    for name in ("HOME", "WANDB_CONFIG_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_PROJECT", "WANDB_DIR", "NETRC"):
        monkeypatch.delenv(name, raising=False)


def tracker(folder: Path, notes: list[str] | None = None, **changed: Any) -> Tracker:
    section = {"enabled": True, "dir": str(folder / "wandb"), **changed.pop("wandb", {})}
    given = config(wandb=section, **changed)
    (made,) = make_trackers(given, pytest.fail if notes is None else notes.append)
    return made


def test_one_offline_run_a_data_set_holds_a_curve_a_layer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", SECRET)
    made = tracker(tmp_path)
    made.log([record(0), record(1)])
    made.log([record(2)])  # epochs begin at 1 again
    made.log([record(0, dataset="other")])
    made.close()
    runs = wandb_runs(tmp_path / "wandb")
    assert set(runs) == {"m × d", "m × other"}
    run = runs["m × d"]
    assert (run.about.project, run.about.run_group, run.about.job_type) == ("seqbench", "run-1", "probe")
    assert run.config.items() >= {"model": "m", "dataset": "d", "task": "classification"}.items()
    rows = [{key: value for key, value in row.items() if key[0] != "_"} for row in run.rows]
    assert [row["epoch"] for row in rows] == [1, 2, 3, 1, 2, 3]
    assert rows[1] == {
        "epoch": 2, "layer_0/train_loss": 0.5, "layer_0/eval_loss": 0.5, "layer_0/eval_score": 0.5,
        "layer_1/train_loss": 0.5, "layer_1/eval_loss": 1.5, "layer_1/eval_score": 0.5,
    }  # fmt: skip
    assert rows[3] == {"epoch": 1, "layer_2/train_loss": 1.0, "layer_2/eval_loss": 3.0}
    assert [run.summary[f"layer_{layer}/test/accuracy"] for layer in range(3)] == [0.5, 0.625, 0.75]
    assert run.summary["layer_1/convergence"] == "converged"
    written = b"".join(path.read_bytes() for path in (tmp_path / "wandb").rglob("*") if path.is_file())
    assert SECRET.encode() not in written


def test_a_run_stays_open_while_probes_of_several_data_sets_come_in_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    class Run:
        """Tells when it begins and ends."""

        def __init__(self, name: str) -> None:
            self.name, self.summary = name, dict[str, Any]()
            told.append(f"begins {name}")

        def define_metric(self, *given: Any, **more: Any) -> None: ...

        def log(self, row: dict[str, Any]) -> None: ...

        def finish(self) -> None:
            told.append(f"ends {self.name}")

    monkeypatch.setattr(tracker_module.wandb, "init", lambda **given: Run(given["name"]))
    made = tracker(tmp_path)
    for dataset in ("d", "other", "d"):
        made.log([record(0, dataset=dataset)])
    made.finish("m", "d")
    made.finish("m", "never told of")
    made.close()
    assert told == ["begins m × d", "begins m × other", "ends m × d", "ends m × other"]


def test_one_run_a_probe_where_that_is_asked_for(tmp_path: Path) -> None:
    made = tracker(tmp_path, wandb={"run_per": "probe", "project": "p", "entity": "team"})
    made.log([record(1)])
    made.close()
    ((name, run),) = wandb_runs(tmp_path / "wandb").items()
    assert name == "m × d layer_1/mlp/seed_1"
    assert (run.about.project, run.about.entity) == ("p", "team")
    assert run.config["settings"] == {"lr": 0.1}
    assert run.rows[2]["eval_loss"] == pytest.approx(4 / 3)
    assert run.summary["test/accuracy"] == 0.625


def test_a_failure_is_told_once_and_the_rest_goes_on_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def refuse(**given: Any) -> None:
        tried.append(given["name"])
        raise RuntimeError("Network is unreachable\n  and a long story")

    monkeypatch.setattr(tracker_module.wandb, "init", refuse)
    notes: list[str] = []
    made = tracker(tmp_path, notes)
    made.log([record(0)])
    made.log([record(1)])
    made.close()
    assert notes == ["warning: W&B failed, going on without it: Network is unreachable"]
    assert tried == ["m × d"]


def test_ctrl_c_is_not_swallowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(**given: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tracker_module.wandb, "init", stop)
    with pytest.raises(KeyboardInterrupt):
        tracker(tmp_path).log([record(0)])


def test_online_without_a_login_is_an_error_and_asks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def login(**given: Any) -> bool:
        asked.update(given)
        return False

    monkeypatch.setattr(tracker_module.wandb, "login", login)
    with pytest.raises(ConfigError, match="wandb login"):
        tracker(tmp_path, wandb={"mode": "online"})
    assert asked == {"prompt": False, "verify": False}


def test_several_heads_and_seeds_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Run:
        """Remembers what it was told."""

        def __init__(self) -> None:
            self.rows: list[dict[str, Any]] = []
            self.summary: dict[str, Any] = {}

        def define_metric(self, *given: Any, **more: Any) -> None: ...

        def log(self, row: dict[str, Any]) -> None:
            self.rows.append(row)

        def finish(self) -> None: ...

    run = Run()
    monkeypatch.setattr(tracker_module.wandb, "init", lambda **given: run)
    made = tracker(tmp_path, probe={"heads": ["mlp", "linear"], "seeds": [1, 2]})
    made.log([record(0), record(0, seed=2), record(0, head="linear", history=())])
    assert set(run.rows[0]) == {
        "epoch", "layer_0/mlp/seed_1/train_loss", "layer_0/mlp/seed_1/eval_loss",
        "layer_0/mlp/seed_2/train_loss", "layer_0/mlp/seed_2/eval_loss",
    }  # fmt: skip
    assert run.summary["layer_0/linear/seed_1/test/accuracy"] == 0.5


def tuned(folder: Path | None, seed: int = 1, **changed: Any) -> tuple[list[ProbeRecord], TrainingRecord]:
    """A fine-tuning on two targets with its folder."""
    records = [
        record(2, dataset=f"arg/{name}", head="lora", seed=seed, **changed) for name in ("drug", "way")
    ]
    training = training_record(
        model="m", base="m", dataset="arg", seed=seed, folder=None if folder is None else str(folder),
        probes=tuple(each.probe_id for each in records),
    )  # fmt: skip
    return records, training


def test_each_training_is_a_run_with_group_tags_job_type_and_its_model_as_artifact(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints" / "m-arg-lora-1"
    folder.mkdir(parents=True)
    (folder / "adapter_model.safetensors").write_bytes(b"weights")
    made = tracker(tmp_path)
    for number, seed in enumerate((1, 1, 2)):
        records, training = tuned(folder, seed, fold=number % 2, folds=2)
        made.log([record(0, dataset="arg/drug"), *records], [training])
    made.close()
    runs = wandb_runs(tmp_path / "wandb")
    names = [f"m × arg lora seed {seed} fold {fold}" for seed, fold in ((1, 0), (1, 1), (2, 0))]
    assert sorted(runs) == sorted([*names, "m × arg/drug"])
    run = runs[names[1]]
    assert (run.about.run_group, run.about.job_type) == ("m × arg lora", "finetune")
    assert list(run.about.tags) == ["m", "arg", "lora", "classification", "fold 1"]
    assert run.config["settings"] == {"lr": 0.1}
    assert [row["eval_loss"] for row in run.rows] == [3.0, 2.5, pytest.approx(2 + 1 / 3)]
    assert run.summary["drug/test/accuracy"] == run.summary["way/test/accuracy"] == 0.75
    assert run.summary["trained_parameters"] == 1_000
    assert run.artifacts == {"m-arg-lora-seed-1-fold-1": ("model", ["adapter_model.safetensors"])}
    assert not any(
        path.read_bytes() == b"weights" for path in (tmp_path / "wandb").rglob("*") if path.is_file()
    )


def test_a_training_without_a_folder_or_where_that_is_off_logs_no_artifact(tmp_path: Path) -> None:
    made = tracker(tmp_path, wandb={"artifacts": False})
    records, training = tuned(tmp_path)
    made.log(records, [training])
    made.close()
    (run,) = wandb_runs(tmp_path / "wandb").values()
    assert (run.artifacts, run.summary["steps"]) == ({}, 40)
    made = tracker(tmp_path / "two")
    made.log(tuned(None, seed=2)[0])
    made.close()
    (run,) = wandb_runs(tmp_path / "two" / "wandb").values()
    assert run.artifacts == {}
