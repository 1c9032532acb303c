"""Groups of items from an entry to folds and held-out eval."""

import json
from pathlib import Path

import numpy as np
import pytest

from seqbench.catalog import Catalog
from seqbench.config import load_config
from seqbench.core.progress import Silent
from seqbench.schedule.run import run
from seqbench.store import open_store
from tests.command import seqbench

CONFIG = """
models: [{kind: kmer, k: 1}]
datasets: {root: data, info: info.yaml, names: [d]}
probe: {heads: [linear], folds: FOLDS}
"""
GROUPS = [f"cluster {number // 4}" for number in range(48)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for split in ("train", "test"):
        items = [
            {"seq": "".join(random.choice(list("ACGT"), 20)), "label": number % 2, "cluster": group}
            for number, group in enumerate(GROUPS)
        ]
        path = tmp_path / "data" / "d" / f"{split}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(item) + "\n" for item in items))
    (tmp_path / "info.yaml").write_text("d: {group_key: cluster}\n")
    return tmp_path


def _predicted(root: Path, folds: str) -> list[tuple]:
    """Fold and group of each item of train that a training did not have."""
    path = root / "run.yaml"
    path.write_text(CONFIG.replace("FOLDS", folds))
    config = load_config(path).config
    assert run(config, Silent(), "run").failed == ()
    sql = (
        "SELECT DISTINCT fold, item FROM predictions JOIN probes USING (probe_id) WHERE split = 'eval' "
        "AND (fold IS NOT NULL OR folds IS NULL)"
    )
    return [(fold, GROUPS[item]) for fold, item in Catalog(config.catalog).query(sql).rows]


def test_a_group_is_in_one_fold_and_what_is_held_out_is_whole_groups(root: Path) -> None:
    found = _predicted(root, "3")
    assert len(found) == 48
    assert len(set(found)) == 12
    held = [group for fold, group in _predicted(root, "null") if fold is None]
    assert len(held) in (4, 8)
    assert all(held.count(group) == 4 for group in held)


def test_groups_are_kept_in_the_store_and_probes_are_others_without_them(root: Path) -> None:
    _predicted(root, "3")
    stored = open_store(root / "embeddings.zarr")["kmer-1/d"].grouped("cluster").groups("train")
    assert len(set(stored)) == 12
    assert "0 probes trained, 4 were there already" in seqbench("probe", root / "run.yaml").output
    (root / "info.yaml").write_text("d: {}\n")
    assert "4 probes trained" in seqbench("probe", root / "run.yaml").output


def test_an_item_without_its_group_and_too_few_groups_are_a_line(root: Path) -> None:
    (root / "run.yaml").write_text(CONFIG.replace("FOLDS", "13"))
    found = seqbench("run", root / "run.yaml")
    assert "train has 12 groups of items that stay together (group_key), too few for 13 folds" in found.output
    with (root / "data" / "d" / "train.jsonl").open("a") as file:
        file.write('{"seq": "ACGT", "label": 1}\n')
    found = seqbench("run", root / "run.yaml")
    assert "train.jsonl:49: 'cluster' must be a text or whole number, no key 'cluster'" in found.output
