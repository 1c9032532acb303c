"""Several targets of one data set from a config: embedded once, each scored as a data set of its own."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from seqbench.catalog import Catalog
from seqbench.store import open_store
from tests.command import seqbench
from tests.conftest import SHARED

N = {"train": 60, "eval": 20, "test": 30}
INFO = """
d:
  targets:
    length: {eval_task: regression}
    helix: {key: has_helix}
"""
RUN = """
models: [{kind: kmer, k: 1}]
datasets: {root: data, info: info.yaml, names: [d]}
store: {path: s.zarr}
probe: {heads: [linear]}
"""
RESISTANCE = SHARED / "data-training" / "multitask" / "arg_class_mechanism"
"""Its README gives the accuracy on test of a linear model on counts of words of one and two residues."""
TARGETS = "arg:\n  targets: {drug_class: {}, mechanism: {}, mobile: {}}\n"
GIVEN = {"homology": (0.624, 0.837, 0.789), "random": (0.900, 0.949, 0.938)}


def write(folder: Path, splits: dict[str, list[dict]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for split, items in splits.items():
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Proteins with a value and a class; every fifth class is not known."""
    rng, splits = np.random.default_rng(0), {}
    for split, count in N.items():
        sequences = ["".join(rng.choice(list("MKVLAW"), rng.integers(8, 30))) for _ in range(count)]
        splits[split] = [
            {"seq": s, "length": s.count("K") / len(s), "has_helix": None if i % 5 == 0 else int("KK" in s)}
            for i, s in enumerate(sequences)
        ]
    write(tmp_path / "data" / "d", splits)
    (tmp_path / "info.yaml").write_text(INFO)
    (tmp_path / "run.yaml").write_text(RUN)
    return tmp_path / "run.yaml"


def rows(run: Path, sql: str) -> list[tuple]:
    return Catalog(run.parent / "catalog.duckdb").query(sql).rows


def test_each_target_is_scored_on_the_items_that_have_its_label(run: Path) -> None:
    done = seqbench("run", run)
    assert done.exit_code == 0, done.output
    found = rows(run, "SELECT dataset, task, n_items FROM results WHERE split = 'test' ORDER BY dataset")
    assert found == [("d/helix", "classification", 24), ("d/length", "regression", 30)]
    assert rows(run, "SELECT DISTINCT dataset FROM leaderboard ORDER BY dataset") == [
        ("d/helix",),
        ("d/length",),
    ]
    facts = rows(run, "SELECT facts->>'$.train.n_unlabelled' FROM datasets ORDER BY dataset")
    assert facts == [("12",), ("0",)]
    assert list(open_store(run.parent / "s.zarr").keys()) == ["kmer-1/d"]
    # One pass embeds for all targets, so there is one row of it in the catalog, and on the page.
    assert rows(run, "SELECT dataset, split FROM embeddings ORDER BY split") == [
        ("d", "eval"),
        ("d", "test"),
        ("d", "train"),
    ]
    assert "0 items embedded" in seqbench("run", run).output
    assert len(rows(run, "FROM embeddings")) == 3


def test_labels_of_targets_are_in_the_store_for_probes_without_the_files(run: Path) -> None:
    assert seqbench("extract", run).exit_code == 0
    entry = open_store(run.parent / "s.zarr")["kmer-1/d"]
    assert entry.target("length").labels("test").shape == (30, 1)
    for path in (run.parent / "data" / "d").iterdir():
        path.unlink()
    done = seqbench("probe", run)
    assert done.exit_code == 0, done.output
    assert rows(run, "SELECT count(*) FROM probes WHERE status = 'ok'") == [(2,)]


def test_labels_of_targets_are_exported_and_verified(run: Path) -> None:
    assert seqbench("extract", run).exit_code == 0
    store = run.parent / "s.zarr"
    for name in ("parquet", "npy", "anndata"):
        done = seqbench("store", "export", store, run.parent / name, "--format", name)
        assert done.exit_code == 0, done.output
    table = pd.read_parquet(next((run.parent / "parquet").rglob("*_test.parquet")))
    assert (
        table["target.length"].tolist()
        == open_store(store)["kmer-1/d"].target("length").labels("test")[:, 0].tolist()
    )
    assert (table["target.helix"] < 0).sum() == 6
    back = seqbench(
        "store",
        "import",
        run.parent / "other.zarr",
        run.parent / "npy" / "kmer-1",
        "--format",
        "npy",
        "--model",
        "kmer-1",
    )
    assert back.exit_code == 0, back.output
    assert seqbench("store", "verify", store).exit_code == 0
    rows_file = store / "kmer-1/d/targets/helix/test/c.0"
    rows_file.unlink()
    found = seqbench("store", "verify", store, "--repair")
    assert "kmer-1/d/targets/helix/test" in found.output
    assert seqbench("extract", run).exit_code == 0


def test_another_target_needs_no_new_embeddings(run: Path) -> None:
    assert seqbench("run", run).exit_code == 0
    (run.parent / "info.yaml").write_text(
        "d:\n  targets:\n    helix: {key: has_helix}\n    share: {key: length}\n"
    )
    done = seqbench("run", run)
    assert done.exit_code == 0, done.output
    assert "0 items embedded" in done.output
    assert ("d/share",) in rows(run, "SELECT DISTINCT dataset FROM results")


def test_a_target_without_any_label_in_a_split_is_named_and_the_others_are_scored(run: Path) -> None:
    test = run.parent / "data" / "d" / "test.jsonl"
    items = [json.loads(line) | {"has_helix": None} for line in test.read_text().splitlines()]
    write(test.parent, {"test": items})
    done = seqbench("run", run)
    assert done.exit_code == 3, done.output
    assert "test.jsonl:1: no item has a label under 'has_helix'" in " ".join(done.output.split())
    assert rows(run, "SELECT DISTINCT dataset FROM results") == [("d/length",)]


def test_check_and_report_take_a_target_by_its_name(run: Path) -> None:
    checked = seqbench("datasets", "check", run.parent / "data", "--info", run.parent / "info.yaml")
    assert checked.exit_code == 0, checked.output
    assert "d/helix" in checked.output
    assert "no label: 12" in checked.output
    assert seqbench("run", run).exit_code == 0
    assert seqbench("report", run, "--datasets", "d/helix").exit_code == 0
    assert seqbench("report", run, "--datasets", "d").exit_code == 0


def resistance(folder: Path, split: str) -> Path:
    """A config for the data as it is, or with its items split at random as its list says."""
    items = {name: [json.loads(line) for line in (RESISTANCE / f"{name}.jsonl").open()] for name in N}
    if split == "random":
        ids = json.loads((RESISTANCE / "random_split_ids.json").read_text())
        where = {each: name for name, found in ids.items() for each in found}
        every = [item for found in items.values() for item in found]
        items = {name: [item for item in every if where.get(item["id"], "train") == name] for name in N}
    write(folder / "data" / "arg", items)
    (folder / "info.yaml").write_text(TARGETS)
    (folder / "run.yaml").write_text(RUN.replace("names: [d]", "names: [arg]").replace("k: 1", "k: 2"))
    return folder / "run.yaml"


@pytest.mark.slow
@pytest.mark.skipif(not RESISTANCE.exists(), reason="../shared/data-training is absent")
@pytest.mark.parametrize("split", GIVEN)
def test_words_tell_resistance_as_measured_elsewhere(tmp_path: Path, split: str) -> None:
    run = resistance(tmp_path, split)
    assert seqbench("run", run).exit_code == 0
    sql = (
        "SELECT low, high FROM metrics JOIN probes USING (probe_id) "
        "WHERE split = 'test' AND metric = 'accuracy' ORDER BY dataset"
    )
    for given, (low, high) in zip(GIVEN[split], rows(run, sql), strict=True):
        assert low <= given <= high
