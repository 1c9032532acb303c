"""Labels that are missing, from files to the report: nothing is shifted by what is not known."""

import json
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np
import pytest

from seqbench.catalog import Catalog
from seqbench.config import load_config
from seqbench.core.progress import Silent
from seqbench.schedule.run import run
from tests.command import seqbench

CONFIG = """
models: [{kind: kmer, k: 2}, {kind: kmer, k: 1}]
datasets: {root: data}
probe:
  heads: HEADS
  seeds: [1]
  class_weights: balanced
  threshold: f1
  mlp: {hidden: [16], epochs: 4}
  xgb: {n_estimators: 10}
  forest: {n_estimators: 10}
  save_heads: heads
"""
SIZES = {"train": 240, "eval": 60, "test": 120}


def _labels(gc: float, at: float, noise: float) -> dict[str, Any]:
    return {
        "classes": int(gc + noise > 0.5),
        "labels": [int(gc + noise > 0.5), int(at - noise > 0.25), int(at + gc + noise > 0.8)],
        "values": [round(gc + noise, 3), round(10 * at - noise, 3)],
    }


def _holes(label: Any, random: np.random.Generator) -> Any:
    """A fifth of the labels missing."""
    if isinstance(label, list):
        return [None if random.random() < 0.2 else value for value in label]
    return None if random.random() < 0.2 else label


@pytest.fixture
def root(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for split, n_items in SIZES.items():
        for _ in range(n_items):
            share = random.random()
            weights = [(1 - share) / 2, share / 2, share / 2, (1 - share) / 2]
            seq = "".join(random.choice(list("ACGT"), 60, p=weights))
            gc, at = (seq.count("G") + seq.count("C")) / 60, seq.count("A") / 60
            for name, label in _labels(gc, at, 0.05 * random.standard_normal()).items():
                for folder, value in ((name, label), (f"{name}_gaps", _holes(label, random))):
                    path = tmp_path / "data" / folder / f"{split}.jsonl"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    with path.open("a") as file:
                        file.write(json.dumps({"seq": seq, "label": value}) + "\n")
    return tmp_path


def _run(root: Path, heads: str) -> Catalog:
    path = root / "run.yaml"
    path.write_text(CONFIG.replace("HEADS", heads))
    config = load_config(path).config
    outcome = run(config, Silent(), "run")
    assert outcome.failed == ()
    return Catalog(config.catalog)


def test_a_fifth_of_the_labels_missing_changes_no_score_by_more_than_its_interval(root: Path) -> None:
    catalog = _run(root, "[linear]")
    rows = catalog.query(
        "WITH scored AS (SELECT dataset, model, metric, value, low, high FROM probes JOIN metrics "
        "USING (probe_id) WHERE split = 'test') SELECT whole.dataset, metric, whole.value, "
        "whole.high - whole.low, gaps.value FROM scored AS whole JOIN scored AS gaps USING (model, metric) "
        "WHERE gaps.dataset = whole.dataset || '_gaps'"
    ).rows
    assert {row[0] for row in rows} == {"classes", "labels", "values"}
    for dataset, metric, value, width, with_gaps in rows:
        assert abs(value - with_gaps) <= width, (dataset, metric, value, with_gaps)


def test_every_head_is_trained_compared_and_audited_where_values_of_lists_are_missing(root: Path) -> None:
    for name in ("classes", "labels", "values", "classes_gaps"):
        rmtree(root / "data" / name)
    catalog = _run(root, "[mlp, xgb, forest, knn]")
    counts = catalog.query(
        "SELECT dataset, count(*), count(target), count(score) FROM predictions "
        "JOIN probes USING (probe_id) GROUP BY dataset"
    )
    for dataset, n_rows, n_targets, n_scores in counts.rows:
        assert 0.7 < n_targets / n_rows < 0.9, dataset
        assert n_scores == n_rows
    facts = dict(catalog.query("SELECT dataset, facts FROM datasets").rows)
    assert len(json.loads(facts["labels_gaps"])["test"]["missing"]) == 3
    results = seqbench("report", root / "run.yaml")
    assert results.exit_code == 0, results.output
    paired = catalog.query(
        "SELECT count(*), count(p) FROM paired_comparisons WHERE dataset LIKE '%_gaps'"
    ).rows
    assert paired[0][0] == paired[0][1] > 0
    audited = seqbench("datasets", "audit", root / "run.yaml")
    assert audited.exit_code == 0, audited.output
