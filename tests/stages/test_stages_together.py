"""Targets that are trained together: recorded apart, resumed, and what one network for all of them says."""

import json
from pathlib import Path

import numpy as np
import pytest

from seqbench.catalog import Catalog
from seqbench.config import load_config
from seqbench.core.progress import Silent
from seqbench.schedule.run import look, run
from tests.command import seqbench

N = {"train": 90, "eval": 40, "test": 50}
CONFIG = """
models: [{kind: kmer, k: 1}]
datasets: {root: data, info: info.yaml, names: [d]}
probe:
  heads: [mlp, linear]
  mlp: {hidden: [12], epochs: 5, dropout: 0.0, batch_size: 32, lr: 0.01, standardize: false}
  save_heads: heads
"""
INFO = "d:\n  targets: {share: {eval_task: regression, weight: 3}, rich: {}, marks: {eval_task: labels}}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for split, count in N.items():
        lines = []
        for number in range(count):
            seq = "".join(random.choice(list("ACGT"), 24))
            share = seq.count("G") / 24
            marks = [int(seq.count("A") > 6), None if number % 3 == 0 else int(seq.count("C") > 6)]
            rich = None if number % 4 == 0 else int(share > 0.25)
            lines.append(json.dumps({"seq": seq, "share": share, "rich": rich, "marks": marks}) + "\n")
        path = tmp_path / "data" / "d" / f"{split}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(lines))
    (tmp_path / "info.yaml").write_text(INFO)
    (tmp_path / "run.yaml").write_text(CONFIG)
    return tmp_path


def _rows(root: Path, sql: str) -> list[tuple]:
    return Catalog(root / "catalog.duckdb").query(sql).rows


def test_each_target_has_probes_of_its_own_and_nothing_is_trained_twice(root: Path) -> None:
    config = load_config(root / "run.yaml").config
    plan, _ = look(config, Silent(), "run")
    planned = {share.dataset: share.left for share in plan.shares if share.group.stage == "probe"}
    assert planned == {"d": 3, "d/share": 1, "d/rich": 1, "d/marks": 1}
    first = run(config, Silent(), "run")
    assert (first.probes, first.failed) == (6, ())
    found = _rows(root, "SELECT dataset, head, n_train FROM probes ORDER BY ALL")
    assert [row for row in found if row[1] == "mlp"] == [
        ("d/marks", "mlp", 90),
        ("d/rich", "mlp", 67),
        ("d/share", "mlp", 90),
    ]
    counts = _rows(root, "SELECT dataset, count(*) FROM history JOIN probes USING (probe_id) GROUP BY ALL")
    assert sorted(counts) == [("d/marks", 5), ("d/rich", 5), ("d/share", 5)]
    assert run(config, Silent(), "probe").probes == 0


def test_a_target_that_is_missing_is_trained_with_the_others_again(root: Path) -> None:
    config = load_config(root / "run.yaml").config
    run(config, Silent(), "run")
    before = _rows(
        root, "SELECT dataset, split, item, score FROM predictions JOIN probes USING (probe_id) ORDER BY ALL"
    )
    (root / "heads" / "kmer-1" / "d" / "rich").rename(root / "away")
    again = run(config, Silent(), "probe")
    assert again.probes == 2
    after = _rows(
        root, "SELECT dataset, split, item, score FROM predictions JOIN probes USING (probe_id) ORDER BY ALL"
    )
    assert after == before


def test_other_weights_and_other_targets_are_other_probes(root: Path) -> None:
    assert seqbench("run", root / "run.yaml").exit_code == 0
    (root / "info.yaml").write_text(INFO.replace("weight: 3", "weight: 1"))
    assert "3 probes trained, 3 were there already" in seqbench("probe", root / "run.yaml").output
    (root / "info.yaml").write_text(INFO.replace("weight: 3", "weight: -1"))
    assert "weight must be a number above 0, got -1" in seqbench("probe", root / "run.yaml").output


def test_folds_subsets_and_controls_are_of_all_targets_at_once(root: Path) -> None:
    (root / "data" / "d" / "eval.jsonl").unlink()
    text = CONFIG.replace("heads: [mlp, linear]", "heads: [mlp]\n  folds: 2\n  shuffled_labels: true")
    text = (
        text.replace("epochs: 5", "epochs: 3, checkpoint_steps: 2")
        + "  subsets: {few_shot: [4], repeats: 1}\n"
    )
    (root / "run.yaml").write_text(text)
    config = load_config(root / "run.yaml").config
    plan, _ = look(config, Silent(), "run")
    done = run(config, Silent(), "run")
    planned = sum(share.left for share in plan.shares if share.group.stage == "probe")
    assert (done.failed, done.probes) == ((), planned)
    folds = _rows(
        root,
        "SELECT DISTINCT fold, item FROM predictions JOIN probes USING (probe_id) "
        "WHERE fold IS NOT NULL AND split = 'eval' AND control IS NULL",
    )
    assert len(folds) == 90  # of every target an item is in the same fold
    assert sorted(item for _, item in folds) == list(range(90))
