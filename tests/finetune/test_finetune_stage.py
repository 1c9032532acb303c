"""`seqbench finetune`, from a config to records, folders and predictions."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from peft import PeftModel
from sklearn.linear_model import LogisticRegression

from seqbench.config import load_config
from seqbench.core.progress import Silent
from seqbench.datasets.dataset import open_dataset
from seqbench.datasets.spec import DatasetSpec
from seqbench.errors import ModelError, TrainingError
from seqbench.finetune.folder import open_folder, read_facts
from seqbench.models.base import EmbedOptions, SequenceFacts
from seqbench.models.huggingface import HuggingFace
from seqbench.schedule.run import look, run
from tests.command import rows, seqbench
from tests.finetune.conftest import Tuned
from tests.finetune.planted import config_of, write_config, write_order


def test_lora_and_full_reach_the_ceiling_where_the_frozen_mean_is_at_chance(tuned: Tuned) -> None:
    assert not tuned.outcome.failed
    found = rows(
        tuned.config,
        "SELECT head, layer, value FROM probes JOIN metrics USING (probe_id) "
        "WHERE split = 'test' AND metric = 'accuracy' ORDER BY head",
    )
    assert [(row["head"], row["layer"]) for row in found] == [("full", 3), ("lora", 3)]
    assert min(row["value"] for row in found) > 0.98
    dataset = open_dataset(DatasetSpec(name="order", folder=tuned.base.parent / "data" / "order"))
    facts = SequenceFacts(name="order", alphabet="dna", min_length=12, max_length=24)
    embedder = HuggingFace(
        name="m", path=str(tuned.base), dtype="float32", options=EmbedOptions()
    ).load().embedder(facts)  # fmt: skip
    features = {}
    for name in ("train", "test"):
        split = dataset.splits[name]  # type: ignore[index]
        features[name] = embedder.embed([seq for (seq,) in split.sequences(0, len(split))], [3]).layers[3]
    head = LogisticRegression(max_iter=2000).fit(features["train"], dataset.splits["train"].targets)
    assert head.score(features["test"], dataset.splits["test"].targets) < 0.85


def test_what_it_took_stands_in_the_catalog(tuned: Tuned) -> None:
    (full, lora) = rows(tuned.config, "FROM trainings ORDER BY encoder")
    assert full["trained_parameters"] > lora["trained_parameters"] > 0
    assert lora["total_parameters"] > full["total_parameters"]
    assert (full["steps"], full["items"], full["dataset"]) == (12 * 12, 12 * 192, "order")
    assert Path(full["folder"]).is_dir()
    again = HuggingFace(name="m", path=full["folder"], dtype="float32", options=EmbedOptions())
    assert again.fingerprint == full["fingerprint"]
    (dataset,) = rows(tuned.config, "SELECT facts FROM datasets")
    assert "192" in str(dataset["facts"])  # contents of splits, without an extraction


def test_running_again_trains_nothing(tuned: Tuned) -> None:
    plan, _ = look(tuned.loaded, Silent(), "finetune")
    assert plan.nodes == []
    assert [(share.done, share.left) for share in plan.shares] == [(2, 0)]


def test_the_folders_open_without_seqbench(tuned: Tuned) -> None:
    ids = torch.tensor([[2, 4, 5, 4, 5, 3]])
    full = transformers.AutoModel.from_pretrained(tuned.out / "m-order-full-42").eval()
    base = transformers.AutoModel.from_pretrained(tuned.base)
    lora = PeftModel.from_pretrained(base, tuned.out / "m-order-lora-42").eval()
    for theirs, name in ((full, "full"), (lora.base_model.model, "lora")):
        ours = open_folder(tuned.out / f"m-order-{name}-42").network.encoder
        with torch.no_grad():
            wanted = theirs(input_ids=ids).last_hidden_state
            torch.testing.assert_close(ours.states([ids[0].int().numpy()])[0], wanted)
        card = (tuned.out / f"m-order-{name}-42" / "README.md").read_text()
        assert "| order | test | accuracy | 1.0000 |" in card
        assert "from_pretrained" in card


@pytest.mark.parametrize("encoder", ["lora", "full"])
def test_predict_gives_the_predictions_of_the_catalog(tuned: Tuned, encoder: str, tmp_path: Path) -> None:
    out = tmp_path / "scores.jsonl"
    test = tuned.base.parent / "data" / "order" / "test.jsonl"
    shown = seqbench("predict", tuned.out / f"m-order-{encoder}-42", test, "--out", out)
    assert shown.exit_code == 0, shown.output
    found = [list(json.loads(line)["scores"].values()) for line in out.read_text().splitlines()]
    stored = rows(
        tuned.config,
        "SELECT score FROM predictions JOIN probes USING (probe_id) "
        f"WHERE split = 'test' AND head = '{encoder}' ORDER BY item",
    )
    np.testing.assert_allclose([scores[1] for scores in found], [row["score"] for row in stored], atol=1e-5)


def test_a_trained_folder_is_a_model_of_a_config(tuned: Tuned) -> None:
    models = [
        {"path": str(tuned.out / f"m-order-{name}-42"), "name": name, "dtype": "float32"}
        for name in ("lora", "full")
    ]
    config: Any = config_of(tuned.base.parent / "data", tuned.base) | {"models": models}
    config["catalog"] = str(tuned.base.parent / "layers.duckdb")
    del config["finetune"]
    path = write_config(tuned.base.parent / "layers.yaml", config | {"probe": {"heads": ["linear"]}})
    loaded = load_config(path).config
    assert not run(loaded, Silent(), "run").failed
    shown = seqbench(
        "sql",
        "SELECT model, max(value) AS best FROM probes JOIN metrics USING (probe_id) "
        "WHERE layer = 3 AND split = 'test' AND metric = 'accuracy' GROUP BY model ORDER BY model",
        "--catalog", tuned.base.parent / "layers.duckdb", "--format", "json",
    )  # fmt: skip
    assert [row["best"] > 0.95 for row in json.loads(shown.stdout)] == [True, True]


def test_a_folder_that_this_run_makes_is_extracted_and_probed_after_its_training(
    tuned: Tuned, tmp_path: Path
) -> None:
    write_order(tmp_path / "data" / "order", sizes={"train": 16, "eval": 8, "test": 8})
    config: Any = config_of(tmp_path / "data", tuned.base, epochs=2, encoder=["lora"], seeds=[1], keep=2)
    config["finetune"]["out"] = "tuned"  # below the config
    config["models"] += [
        {"path": f"tuned/m-order-lora-1{inner}", "name": name, "dtype": "float32"}
        for name, inner in (("t", ""), ("other", "/best-2"), ("none", "0"))
    ]
    config |= {"extract": {"layers": [0, 3]}, "probe": {"heads": ["linear"]}}
    path = write_config(tmp_path / "c.yaml", config)
    shown = seqbench("extract", path)
    assert shown.exit_code == 3
    assert "model 't' is not there yet: `seqbench finetune` makes" in shown.output.replace("\n", " ")
    outcome = run(load_config(path).config, Silent(), "run")
    found = rows(path, "SELECT DISTINCT model, head FROM probes ORDER BY ALL")
    assert [tuple(row.values()) for row in found] == [
        ("m", "linear"), ("m", "lora"), ("other", "linear"), ("t", "linear"),
    ]  # fmt: skip
    assert {failure.model for failure in outcome.failed} == {"none"}


def test_several_targets_train_together_and_are_scored_apart(tuned: Tuned, tmp_path: Path) -> None:
    folder = write_order(tmp_path / "data" / "two", sizes={"train": 40, "eval": 12, "test": 12})
    for path in folder.glob("*.jsonl"):
        items = [json.loads(line) for line in path.read_text().splitlines()]
        for number, item in enumerate(items):
            item["first"], item["length"] = item.pop("label"), float(len(item["seq"]))
            if number % 5 == 0:
                item["first"] = None
        path.write_text("\n".join(map(json.dumps, items)))
    (tmp_path / "info.yaml").write_text(
        "two: {targets: {first: {weight: 3}, length: {eval_task: regression}}}"
    )
    config: Any = config_of(tmp_path / "data", tuned.base, epochs=2, encoder=["full"], seeds=[1], keep=2)
    config["datasets"]["info"] = str(tmp_path / "info.yaml")
    path = write_config(tmp_path / "c.yaml", config)
    assert not run(load_config(path).config, Silent(), "finetune").failed
    found = rows(path, "SELECT dataset, n_train, task FROM probes ORDER BY dataset")
    assert [row["dataset"] for row in found] == ["two/first", "two/length"]
    (spec,) = rows(path, "SELECT spec FROM probes WHERE dataset = 'two/first'")
    assert "0.75" in str(spec["spec"])
    (training,) = rows(path, "SELECT dataset, len(probes) AS n FROM trainings")
    assert training == {"dataset": "two", "n": 2}
    shown = seqbench(
        "predict", tmp_path / "out" / "m-two-full-1", folder / "test.jsonl", "--out", tmp_path / "p.tsv"
    )
    assert shown.exit_code == 0, shown.output
    assert {each.name for each in tmp_path.glob("p-*.tsv")} == {"p-first.tsv", "p-length.tsv"}
    best = read_facts(tmp_path / "out" / "m-two-full-1")
    other = open_folder(tmp_path / "out" / "m-two-full-1" / "best-2").facts
    assert {best.training["chosen_point"], other.training["chosen_point"]} == {1, 2}
    assert [set(scores) for scores in other.scores.values()] == [{"eval"}, {"eval"}]
    assert [set(scores) for scores in best.scores.values()] == [{"eval", "test"}, {"eval", "test"}]


def test_a_folder_that_was_changed_is_told(tuned: Tuned, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no finetuned\.json there"):
        read_facts(tmp_path)
    (tmp_path / "finetuned.json").write_text('{"format": "another"}')
    with pytest.raises(ModelError, match="is no record of a fine-tuned model: format"):
        read_facts(tmp_path)
    facts = read_facts(tuned.out / "m-order-lora-42")
    assert replace(facts, seed=1) != facts


def test_models_without_weights_are_refused_by_name(tuned: Tuned, tmp_path: Path) -> None:
    config: Any = config_of(tuned.base.parent / "data", tuned.base, models=["counts"])
    config["models"].append({"kind": "kmer", "k": 2, "name": "counts"})
    shown = seqbench("finetune", write_config(tmp_path / "c.yaml", config))
    assert shown.exit_code == 2
    assert "finetune.models: counts is of kind kmer, which has no weights to train" in shown.output
    config["finetune"] = {"models": ["other"]}
    shown = seqbench("finetune", write_config(tmp_path / "c.yaml", config))
    assert "finetune.models.0: is other, but `models:` has counts, m" in shown.output
    config["finetune"], config["models"] = {}, config["models"][1:]
    shown = seqbench("finetune", write_config(tmp_path / "c.yaml", config))
    assert shown.exit_code == 2
    assert "no model of `models:` has weights to train" in shown.output


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"out": "c.yaml"}, "c.yaml is no folder (name another place for trained models)"),
        ({"out": "c.yaml/models"}, "c.yaml is no folder (name another place for trained models)"),
        (
            {"out": "/proc/models"},
            "finetune.out: /proc/models can't be made: No such file or directory (name",
        ),
        ({"freeze_blocks": 3}, "finetune.freeze_blocks: 3 leaves nothing of m to train, which has 3 blocks"),
        (
            {"lora": {"targets": ["query", "qkv"]}},
            "finetune.lora.targets: 'qkv' is no linear map of m (there are attention.output.dense, "
            "attention.self.key, attention.self.query,",
        ),
        ({"lora": {"modules_to_save": ["norms"]}}, "finetune.lora.modules_to_save: 'norms' is no part of m"),
        ({"folds": 193}, "finetune.folds: 193 folds can't be made of 192 items, as order has"),
        ({"choose_by": "f2"}, "finetune.choose_by: must be loss or a metric, such as accuracy, f1"),
    ],
)
def test_settings_that_no_training_can_have_are_told_in_one_line(
    tuned: Tuned, tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    config = config_of(tuned.base.parent / "data", tuned.base, **settings)
    shown = seqbench("finetune", write_config(tmp_path / "c.yaml", config))
    assert shown.exit_code == 2
    assert message in " ".join(shown.output.split())
    assert len(shown.output.strip().splitlines()) == 1


def test_a_metric_that_a_target_lacks_is_told_before_anything_is_trained(
    tuned: Tuned, tmp_path: Path
) -> None:
    config: Any = config_of(tuned.base.parent / "data", tuned.base, choose_by="mcrmse")
    shown = seqbench("finetune", write_config(tmp_path / "c.yaml", config))
    assert shown.exit_code == 2
    assert "finetune.choose_by: mcrmse is no metric of classification, which order is" in " ".join(
        shown.output.split()
    )


def test_a_training_that_fails_is_recorded_and_leaves_the_others(
    tuned: Tuned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import seqbench.finetune.run as runs

    def refuse(job: Any, **others: Any) -> Any:
        raise TrainingError(f"out of memory with a single item ({job.design.encoder})")

    monkeypatch.setattr(runs, "finetune", refuse)
    config: Any = config_of(tuned.base.parent / "data", tuned.base, epochs=1)
    path = write_config(tmp_path / "c.yaml", config | {"catalog": str(tmp_path / "catalog.duckdb")})
    outcome = run(load_config(path).config, Silent(), "finetune")
    assert len(outcome.failed) == 2
    found = rows(path, "SELECT head, status, error FROM probes ORDER BY head")
    assert [(row["head"], row["status"]) for row in found] == [("full", "failed"), ("lora", "failed")]
    assert "out of memory with a single item (full)" in found[0]["error"]
