"""Stages from outside run, wait, fail and go on as the package's own do, in one process and on a cluster."""

from pathlib import Path
from typing import Any

import pytest

from seqbench.catalog import Catalog
from seqbench.config import Config
from seqbench.config.stages import STAGES
from seqbench.core.progress import Silent
from seqbench.errors import ConfigError
from seqbench.schedule.plan import PlanProblem
from seqbench.schedule.run import look, run
from tests.command import seqbench
from tests.data import write_split

STACK = {"stack": "tests.schedule.toy:Stack"}
MAKE = {"make": "tests.schedule.toy:MakeModel", **STAGES}
FAILED = {
    PlanProblem(model="cracked", dataset="", reason="cracked: it fell apart (add glue)"),
    PlanProblem(model="roof", dataset="", reason="not laid, as a brick below it is missing"),
}


def config(folder: Path, models: list[dict[str, Any]], workers: int) -> Config:
    return Config.model_validate(
        {
            "models": models,
            "datasets": {"root": folder / "data"},
            "store": {"path": folder / "embeddings.zarr"},
            "catalog": folder / "catalog.duckdb",
            "probe": {"heads": ["knn"], "seeds": [1]},
            "schedule": {"workers": workers},
        }
    )


@pytest.mark.parametrize("workers", [1, 2])
def test_tasks_wait_for_each_other_what_fails_is_listed_and_the_next_run_does_the_rest(
    tmp_path: Path, workers: int
) -> None:
    wanted, told = config(tmp_path, [{"kind": "kmer"}], workers), Silent()
    first = run(wanted, told, "stack", registry=STACK)
    assert (first.done, set(first.failed)) == ({"stack": 3}, FAILED)
    assert "wall lies 2 high" in told.notes
    (tmp_path / "site" / "glue").touch()
    second = run(wanted, told, "run", registry=STACK)
    assert (second.done, second.known, second.failed) == ({"stack": 2}, {"stack": 3}, ())
    heights = Catalog(wanted.catalog).query("SELECT model, n_layers FROM models ORDER BY ALL").rows
    assert heights == [("cracked", 1), ("ground", 1), ("roof", 3), ("sand", 1), ("wall", 2)]
    assert run(wanted, told, "stack", registry=STACK).done == {"stack": 0}


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_model_that_a_task_makes_is_extracted_and_probed_when_it_is_there(
    tmp_path: Path, workers: int
) -> None:
    for split in ("train", "test"):
        write_split(tmp_path / "data" / "gc", split)
    models = [{"path": str(tmp_path / name), "name": name} for name in ("made", "broken")]
    wanted = config(tmp_path, [*models, {"kind": "kmer", "k": 1}], workers)
    plan, _ = look(wanted, Silent(), "run", registry=MAKE)
    assert {node.key: node.after for node in plan.nodes}["extract/made/gc/all"] == {"make/made"}
    first = run(wanted, Silent(), "run", registry=MAKE)
    assert first.done == {"make": 1, "extract": 240, "probe": 1 + 4}
    assert [(problem.model, problem.reason) for problem in first.failed] == [
        ("broken", "broken: the loss is not a number (lower the learning rate)"),
        ("broken", "not extracted, as what makes the model failed"),
        ("broken", "not probed, as not all of it was extracted"),
    ]
    layers = Catalog(wanted.catalog).query("SELECT layer FROM probes WHERE model = 'made' ORDER BY ALL").rows
    assert layers == [(0,), (1,), (2,), (3,)]


def test_the_commands_show_and_run_a_stage_that_is_registered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(STAGES, "stack", STACK["stack"])
    for split in ("train", "test"):
        write_split(tmp_path / "data" / "gc", split)
    path = tmp_path / "run.yaml"
    path.write_text("models: [{kind: kmer, k: 1}]\ndatasets: {root: data}\nprobe: {heads: [knn]}")
    shown = seqbench("run", path)
    assert shown.exit_code == 3, shown.output
    for text in (
        "120 items embedded, 1 probes trained, 3 bricks done",
        "failed: cracked: cracked: it fell apart (add glue)",
        "failed: roof: not laid, as a brick below it is missing",
    ):
        assert text in shown.stderr
    header, *rows = [line.split() for line in seqbench("status", path).stdout.splitlines() if line]
    assert " ".join(header) == "model data set items done left probes done left bricks done left now"
    assert ["wall", "1", "0"] in rows


def test_a_stage_that_is_not_there_or_whose_section_is_empty_is_one_line(tmp_path: Path) -> None:
    wanted = config(tmp_path, [{"kind": "kmer"}], 1)
    with pytest.raises(ConfigError, match=r"there is no stage bake \(there are adapt, likelihood, finetune"):
        run(wanted, Silent(), "bake")
    with pytest.raises(ConfigError, match=r"stage nowhere:Stage: No module named 'nowhere' \(is its package"):
        run(wanted, Silent(), "bake", registry={"bake": "nowhere:Stage"})
    empty = wanted.model_copy(update={"probe": None})
    with pytest.raises(ConfigError, match="the config has no section `probe`"):
        run(empty, Silent(), "probe")
