"""`seqbench adapt` and `run`: models that a config makes are extracted and probed when they are there."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from seqbench.config import load_config, to_yaml
from tests.adapt.making import save_language_model, write_corpus
from tests.command import rows, seqbench
from tests.data import write_split
from tests.processes import Marked, until
from tests.slurm import Slurm, missing


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stage")
    save_language_model("bert", folder / "bert")
    write_corpus(folder / "corpus.jsonl")
    for split in ("train", "test"):
        write_split(folder / "data" / "gc", split, items=30)
    return folder


def write_config(folder: Path, name: str, *adapt: dict[str, Any], **changed: Any) -> Path:
    small = {"steps": 4, "warmup_steps": 1, "tokens_per_batch": 512, "dtype": "float32"}
    corpora = [{"path": "corpus.jsonl"}]
    config = {
        "models": [{"path": "bert", "dtype": "float32"}],
        "datasets": {"root": "data"},
        "probe": {"heads": ["knn"], "seeds": [1]},
        "store": {"path": f"{name}/e.zarr"},
        "catalog": f"{name}/catalog.duckdb",
        "report": {"out": f"{name}/report", "figure_formats": []},
        "adapt": [{"corpora": corpora, **small, **entry} for entry in adapt],
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(config | changed))
    return path


ADAPT = (
    {"name": "phage", "model": "bert", "checkpoint_steps": 2},
    {"name": "light", "model": "phage@2", "encoder": "lora"},
)


@pytest.fixture(scope="module")
def finished(folder: Path) -> Path:
    config = write_config(folder, "all", *ADAPT)
    shown = seqbench("run", config)
    assert shown.exit_code == 0, shown.output
    return config


def ask(config: Path, query: str) -> list[dict]:
    return rows(config.parent / config.stem / config.name, query)


def test_adapted_models_and_checkpoints_are_probed_beside_their_base(finished: Path) -> None:
    found = ask(finished, "SELECT DISTINCT model FROM results ORDER BY ALL")
    assert [row["model"] for row in found] == ["bert", "light", "phage", "phage@2"]
    scores = ask(finished, "SELECT DISTINCT fingerprint FROM models")
    assert len(scores) == 4


def test_the_catalog_tells_what_each_training_took(finished: Path) -> None:
    found = ask(
        finished, "SELECT model, base, encoder, steps, fingerprint, settings FROM trainings ORDER BY 1"
    )
    assert [(row["model"], row["base"], row["encoder"], row["steps"]) for row in found] == [
        ("light", "phage@2", "lora", 4),
        ("phage", "bert", "full", 4),
        ("phage@2", "bert", "full", 2),
    ]
    models = ask(finished, "SELECT model, fingerprint FROM models WHERE model <> 'bert' ORDER BY 1")
    assert [row["fingerprint"] for row in models] == [row["fingerprint"] for row in found]
    settings = json.loads(found[1]["settings"])
    assert settings["objective"] == "mlm"
    assert len(settings["curve"]) == 5


def test_running_again_does_nothing(finished: Path) -> None:
    shown = seqbench("run", finished)
    assert shown.exit_code == 0, shown.output
    for said in ("0 steps of adaptation, 8 were done before", "0 letters scored", "0 items embedded"):
        assert said in shown.output


def test_the_plan_waits_for_a_model_that_is_not_there(folder: Path) -> None:
    config = write_config(folder, "planned", *ADAPT)
    shown = seqbench("plan", config)
    assert shown.exit_code == 0, shown.output
    lines = {line.split()[0]: line.split() for line in shown.stdout.splitlines() if line.strip()}
    assert lines["phage@2"][1] == "gc"
    alone = seqbench("extract", config)
    assert alone.exit_code == 3
    assert "model 'phage' is not there yet: `seqbench adapt` makes it" in alone.output.replace("\n", " ")


def test_a_trial_of_a_few_steps_leaves_nothing(folder: Path) -> None:
    config = write_config(folder, "trial", *ADAPT, catalog="catalog.duckdb")
    before = sorted(folder.iterdir())
    shown = seqbench("adapt", config, "--steps", 2)
    assert shown.exit_code == 0, shown.output
    assert "4 steps of adaptation" in shown.output
    assert sorted(folder.iterdir()) == before


def test_a_config_is_written_without_the_models_that_it_makes(finished: Path) -> None:
    loaded = load_config(finished)
    assert [model.name for model in loaded.config.models] == ["bert", "phage@2", "phage", "light"]
    written = to_yaml(loaded.config, finished.parent)
    assert len(yaml.safe_load(written)["models"]) == 1
    again = finished.with_name("again.yaml")
    again.write_text(written)
    assert load_config(again).config == loaded.config


def test_an_entry_that_fails_lists_what_waits_for_it(folder: Path) -> None:
    config = write_config(
        folder, "failing", {"name": "phage", "model": "bert", "lr": 1e30, "clip": None}, *ADAPT[1:]
    )
    config.write_text(config.read_text().replace("phage@2", "phage"))
    shown = seqbench("run", config)
    assert shown.exit_code == 3
    output = " ".join(shown.output.split())
    assert "failed: phage: adapt phage: the loss was no number" in output
    assert "failed: light: not adapted, as what makes the model that it begins with failed" in output
    assert "failed: phage × gc: not extracted, as what makes the model failed" in output


@pytest.mark.slow
def test_a_training_whose_slurm_job_ends_goes_on_in_the_next_to_the_bit(folder: Path) -> None:
    if reason := missing():
        pytest.skip(reason)
    entry = {"name": "phage", "model": "bert", "steps": 300, "checkpoint_steps": 20}
    limits = {"cluster": "slurm", "workers": 1, "cpus": 1, "memory": "2GB", "walltime": "00:10:00"}
    models = {}
    for name, schedule in (("here", {"workers": 1}), ("slurm", limits)):
        config = write_config(folder, name, entry, schedule=schedule)
        out = folder / name / "adapted"
        if name == "here":
            assert seqbench("adapt", config).exit_code == 0
        else:
            _cancel_once(folder, config, out / "phage@20")
        models[name] = [(out / each / "model.safetensors").read_bytes() for each in ("phage@20", "phage")]
    assert models["here"] == models["slurm"]


def _cancel_once(folder: Path, config: Path, checkpoint: Path) -> None:
    """Run on SLURM; the job is cancelled when it has written a checkpoint."""
    with Slurm(folder / "daemons") as slurm, pytest.MonkeyPatch.context() as patch:
        for name, value in slurm.environment.items():
            patch.setenv(name, value)
        running = Marked(sys.executable, "-c", "from seqbench.cli.main import main; main()", "adapt", config)
        try:
            assert until(checkpoint.exists, 300)
            slurm.ask("scancel", slurm.ask("squeue", "-h", "-t", "R", "-o", "%i").split()[0])
            code, out = running.ends(500)
            assert code == 0, out
        finally:
            running.clean_up()


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        ({"name": "a", "model": "esm"}, "adapt.0.model: is esm, which is no checkpoint under `models`"),
        ({"name": "bert", "model": "bert"}, "adapt.0.name: makes bert, and there is a model of that name"),
        ({"name": "a", "model": "bert", "corpora": []}, "adapt.0.corpora: must not be empty"),
        ({"name": "a", "model": "bert", "maks": 0.2}, "unknown key; did you mean mask?"),
        ({"name": "a", "model": "bert", "corpora": [{"path": "corpus.jsonl"}] * 2}, "both named corpus"),
        ({"name": "a", "model": "bert", "mask": 1.5}, "adapt.0.mask: must be below 1"),
        (
            {"name": "a", "model": "bert", "encoder": "lora", "lora": {"targets": ["qkv"]}},
            "adapt.lora.targets: qkv is no linear map of bert",
        ),
    ],
)
def test_an_entry_that_does_not_fit_is_one_line(entry: dict[str, Any], line: str, folder: Path) -> None:
    shown = seqbench("plan", write_config(folder, "wrong", entry))
    assert shown.exit_code == 2
    assert line in " ".join(shown.output.replace("'", "").split())
