"""The commands as a user gives them: what they print, what they leave, and their exit codes."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.command import rows, seqbench
from tests.data import write_split

TinyModel = Callable[[str], Path]
CONFIG = """
models:
  - {{path: {model}, name: tiny, dtype: float32}}
  - {{kind: random-init, path: {model}, name: twin, dtype: float32}}
  - {{kind: kmer, k: 3}}
  - {{kind: onehot}}
datasets: {{root: data}}
probe: {{heads: [mlp, linear], seeds: [1, 2], mlp: {{epochs: 3}}}}
"""


@pytest.fixture
def config(tiny_model: TinyModel, tmp_path: Path) -> Path:
    for split in ("train", "eval", "test"):
        write_split(tmp_path / "data" / "gc", split)
    path = tmp_path / "run.yaml"
    path.write_text(CONFIG.format(model=tiny_model("bert")))
    return path


def test_run_extracts_probes_and_reports_and_again_does_nothing(config: Path) -> None:
    first = seqbench("run", config)
    assert first.exit_code == 0, first.output
    assert "36 probes trained" in first.stderr  # (4 + 4 + 1 layers) x 2 heads x 2 seeds
    assert "not applicable: onehot × gc: one-hot wants sequences of one length" in first.stderr
    assert "tiny" in first.stdout
    assert (config.parent / "report" / "index.html").is_file()
    again = seqbench("probe", config)
    assert "0 probes trained, 36 were there already" in again.stderr


def test_the_catalog_answers_with_a_row_for_each_probe_and_split(config: Path) -> None:
    seqbench("run", config)
    (count,) = rows(config, "SELECT count(*) AS n, count(DISTINCT probe_id) AS probes FROM results")
    assert count == {"n": 72, "probes": 36}
    best = (
        "SELECT test_score FROM best_layers WHERE metric = 'roc_auc' AND model = 'kmer-3' AND head = 'linear'"
    )
    (learned,) = rows(config, best)
    assert learned["test_score"] > 0.95  # GC content decides the labels, and 3-mers tell it
    (run,) = rows(config, "SELECT status, command FROM runs")
    assert run == {"status": "done", "command": "run"}


def test_probing_needs_what_extraction_leaves_and_nothing_else(config: Path) -> None:
    assert seqbench("extract", config).exit_code == 0
    for split in ("train", "eval", "test"):
        (config.parent / "data" / "gc" / f"{split}.jsonl").rename(config.parent / f"{split}.away")
    done = seqbench("probe", config, "--set", "datasets.names=[gc]", "--set", "models=[{kind: kmer, k: 3}]")
    assert done.exit_code == 0, done.output
    assert "4 probes trained" in done.stderr


def test_layers_asked_for_later_are_added(config: Path) -> None:
    assert seqbench("run", config, "--set", "extract.layers=[0]").exit_code == 0
    more = seqbench("run", config, "--set", "extract.layers=[0,-1]")
    assert "8 probes trained, 12 were there already" in more.stderr


def test_without_eval_a_tenth_of_train_stands_in(config: Path) -> None:
    (config.parent / "data" / "gc" / "eval.jsonl").unlink()
    assert seqbench("run", config).exit_code == 0
    found = rows(config, "SELECT DISTINCT split, n_items FROM results ORDER BY split")
    assert found == [{"split": "eval", "n_items": 6}, {"split": "test", "n_items": 60}]


def test_plan_runs_nothing(config: Path) -> None:
    planned = seqbench("plan", config)
    assert planned.exit_code == 0
    assert "gc" in planned.stdout
    assert not (config.parent / "embeddings.zarr").exists()


def test_the_switch_for_controls_adds_what_is_missing_and_trains_nothing_again(config: Path) -> None:
    config.write_text(config.read_text().replace("kmer, k: 3", "kmer, k: 1"))
    quick = ("--set", "probe.seeds=[1]", "--set", "probe.heads=[linear]", "--set", "report.figure_formats=[]")
    first = seqbench("run", config, *quick)
    assert "9 probes trained" in first.stderr  # 4 + 4 + 1 layers
    assert "set `controls: true`" in " ".join(first.stdout.split())
    known = rows(config, "SELECT spec_hash FROM probes")
    planned = seqbench("plan", config, *quick, "--set", "controls=true")
    assert (
        "controls: true adds kmers, counts of 4-mers of nucleotides and 2-mers of proteins" in planned.stderr
    )
    assert "controls: true adds each probe once more on shuffled labels" in planned.stderr
    assert "untrained" not in planned.output  # the config has a twin, under another name
    second = seqbench("run", config, *quick, "--set", "controls=true")
    assert "11 probes trained, 9 were there already" in second.stderr  # kmers, and 10 on shuffled labels
    found = rows(config, "SELECT spec_hash FROM probes")
    assert all(row in found for row in known)
    assert len(found) == 20
    lead = second.stdout.split("tiny scores ")[1].split("chosen on eval")[0]
    assert all(control in lead for control in ("untrained twin twin", "kmers", "kmer-1", "shuffled labels"))
    assert "set `controls: true`" not in second.stdout


def test_a_broken_data_set_is_listed_and_the_others_are_done(config: Path) -> None:
    bad = config.parent / "data" / "bad"
    for split in ("train", "test"):
        write_split(bad, split)
    (bad / "test.jsonl").write_text('{"seq": "ACGT", "label": "yes"}\n')
    partial = seqbench("run", config)
    assert partial.exit_code == 3
    assert f"{bad / 'test.jsonl'}:1" in partial.stderr
    assert rows(config, "SELECT DISTINCT dataset FROM probes") == [{"dataset": "gc"}]


def test_changed_data_is_never_mixed_with_what_is_stored(config: Path) -> None:
    seqbench("run", config)
    write_split(config.parent / "data" / "gc", "test", items=50)
    for command in ("extract", "probe"):
        stopped = seqbench(command, config)
        assert stopped.exit_code == 2
        assert "test" in stopped.stderr
        assert "changed" in stopped.stderr


def test_other_weights_under_the_same_name_are_refused(config: Path, tiny_model: TinyModel) -> None:
    seqbench("extract", config)
    other = config.read_text().replace(str(tiny_model("bert")), str(tiny_model("esm")))
    config.write_text(other)
    stopped = seqbench("extract", config)
    assert stopped.exit_code == 3
    assert "model 'tiny' was stored with fingerprint" in stopped.stderr


def test_users_errors_are_one_line_and_exit_2(config: Path, tmp_path: Path) -> None:
    cases = [
        (("run", tmp_path / "absent.yaml"), "absent.yaml"),
        (("run", config, "--set", "probe.seed=1"), "did you mean probe.seeds?"),
        (("run", config, "--set", "models.0.path=./nowhere"), "nowhere"),
        (("sql", "SELECT 1", "--catalog", tmp_path / "absent.duckdb"), "there is no catalog"),
        (("store", "list", tmp_path / "absent.zarr"), "no embedding store there"),
        (("probe", config), "run `seqbench extract` first"),
    ]
    for arguments, said in cases:
        failed = seqbench(*arguments)
        assert failed.exit_code == 2, arguments
        assert said in failed.stderr
        assert failed.stderr.startswith("seqbench: ")
        assert failed.stderr.count("\n") == 1


def test_sql_can_only_read(config: Path) -> None:
    seqbench("run", config, "--set", "models=[{kind: kmer, k: 2}]")
    for query in ("DROP TABLE probes", "SELECT * FROM read_csv('/etc/passwd')", "ATTACH 'x.duckdb'"):
        assert seqbench("sql", query, "--catalog", config.parent / "catalog.duckdb").exit_code == 2


def test_pre_extracted_files_of_the_reference_run_with_its_flat_config(tmp_path: Path) -> None:
    folder = tmp_path / "embeddings" / "their-model"
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    labels = torch.arange(80) % 2
    for layer in range(3):
        for split in ("train", "test"):
            signal = labels[:, None] * layer + 0.5 * torch.randn(80, 8)
            torch.save({"embeddings": signal, "labels": labels}, folder / f"theirs-{layer}layer_{split}.pt")
    (tmp_path / "config.yaml").write_text(
        "model_name: their-model\nnum_layers: 2\nembedding_output_dir: embeddings\n"
        "eval_result_path: results\nclassifer_type: XGB\nxgb_n_estimators: 10\nseed: 7\n"
        "process_power_per_gpu: 5\nbatch_size: 8\nwandb_report: false\n"
        "target_best_table: [accuracy]\n"
    )
    done = seqbench("run", tmp_path / "config.yaml")
    assert done.exit_code == 0, done.output
    warning = next(line for line in done.stderr.splitlines() if "no effect" in line)
    assert "batch_size" in warning
    assert "wandb_report" not in warning
    (best,) = rows_at(tmp_path / "results" / "catalog.duckdb", "SELECT layer, test_score FROM leaderboard")
    assert best["layer"] == 2
    assert best["test_score"] > 0.9
    assert (tmp_path / "results" / "tables" / "best_accuracy.tsv").is_file()


def rows_at(catalog: Path, query: str) -> list[dict]:
    found: list[dict] = json.loads(seqbench("sql", query, "--catalog", catalog, "--format", "json").stdout)
    return found


def test_config_init_convert_and_schema(tmp_path: Path) -> None:
    assert seqbench("config", "init", tmp_path / "demo").exit_code == 0
    assert "models" in (tmp_path / "demo" / "demo.yaml").read_text()
    (tmp_path / "old.yaml").write_text("model_path: lab/model\ndataset_path: data\nclassifer_type: RF\n")
    converted = seqbench("config", "convert", tmp_path / "old.yaml", "--out", tmp_path / "new.yaml")
    assert converted.exit_code == 0
    assert "heads:" in (tmp_path / "new.yaml").read_text()
    assert json.loads(seqbench("config", "schema").stdout)["properties"]["models"]


def test_datasets_are_listed_checked_and_made(tmp_path: Path) -> None:
    assert "human_ocr_ensembl" in seqbench("datasets", "list").stdout
    made = seqbench("datasets", "make-planted", tmp_path / "p", "planted_motif", "--train", "200")
    assert made.exit_code == 0
    assert "accuracy 0.95" in made.stdout
    checked = seqbench("datasets", "check", tmp_path / "p")
    assert checked.exit_code == 0
    assert "planted_motif" in checked.stdout
    with (tmp_path / "p" / "planted_motif" / "eval.jsonl").open("a") as file:
        file.write("{broken\n")
    faulty = seqbench("datasets", "check", tmp_path / "p")
    assert faulty.exit_code == 2
    assert "eval.jsonl:401" in faulty.stderr


def test_store_list_verify_and_models_list(config: Path) -> None:
    seqbench("extract", config)
    store = config.parent / "embeddings.zarr"
    assert "tiny" in seqbench("store", "list", store).stdout
    assert seqbench("store", "verify", store).exit_code == 0
    chunk = next((store / "tiny" / "gc" / "2" / "test").glob("c.*"))
    chunk.write_bytes(chunk.read_bytes()[:-1] + b"!")
    damaged = seqbench("store", "verify", store)
    assert damaged.exit_code == 3
    assert "tiny/gc/2/test" in damaged.stdout
    assert "random-init" in seqbench("models", "list", config).stdout
