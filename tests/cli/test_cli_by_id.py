"""Embeddings by id from a config: joined to a data set, probed and compared like any others."""

import json
from pathlib import Path

import numpy as np
import pytest

from seqbench.catalog import Catalog
from seqbench.store import open_store
from tests.command import seqbench

N = {"train": 40, "test": 20}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A data set whose vectors tell its labels, in a file in another order, and a config."""
    rng, vectors = np.random.default_rng(0), {}
    (tmp_path / "data" / "d").mkdir(parents=True)
    for split, count in N.items():
        lines = []
        for number in range(count):
            name, label = f"{split}{number}", number % 2
            vectors[name] = rng.standard_normal(5).astype(np.float32) + 3 * label
            sequence = "".join(rng.choice(list("MKVLAW"), 12))
            lines.append(json.dumps({"id": name, "seq": sequence, "label": label}))
        (tmp_path / "data" / "d" / f"{split}.jsonl").write_text("\n".join(lines) + "\n")
    names = rng.permutation(list(vectors))
    np.savez(tmp_path / "prott5.npz", ids=names, embeddings=np.stack([vectors[name] for name in names]))
    (tmp_path / "run.yaml").write_text(
        "models: [{kind: by-id, path: prott5.npz}, {kind: kmer, k: 1}]\n"
        "datasets: {root: data}\nstore: {path: s.zarr}\nprobe: {heads: [linear]}\n"
    )
    return tmp_path / "run.yaml"


def vector(run: Path, name: str) -> np.ndarray:
    with np.load(run.parent / "prott5.npz") as file:
        return file["embeddings"][file["ids"].tolist().index(name)]


def test_they_are_joined_to_the_items_probed_and_compared(run: Path) -> None:
    done = seqbench("run", run)
    assert done.exit_code == 0, done.output
    entry = open_store(run.parent / "s.zarr")["prott5/d"]
    for number in (0, 7, 19):
        np.testing.assert_array_equal(entry.load(0, "test")[number, 0], vector(run, f"test{number}"))
    assert entry.labels("test").tolist() == [number % 2 for number in range(20)]
    catalog = Catalog(run.parent / "catalog.duckdb")
    sql = "SELECT accuracy FROM results WHERE model = 'prott5' AND split = 'test' AND control IS NULL"
    assert catalog.query(sql).rows[0][0] > 0.9
    pairs = catalog.query("SELECT count(*) FROM comparisons").rows[0][0]
    assert pairs > 0  # the same items as those of k-mers
    assert "0 items embedded" in seqbench("run", run).output


def test_a_changed_file_is_refused(run: Path) -> None:
    assert seqbench("extract", run).exit_code == 0
    with np.load(run.parent / "prott5.npz") as file:
        ids, rows = file["ids"], file["embeddings"]
    np.savez(run.parent / "prott5.npz", ids=ids, embeddings=rows + 1)
    again = seqbench("extract", run)
    assert (again.exit_code, "was stored with fingerprint" in again.output) == (3, True)


def test_missing_ids_are_named_by_file_and_line(run: Path) -> None:
    with np.load(run.parent / "prott5.npz") as file:
        kept = [at for at, name in enumerate(file["ids"]) if name not in ("train3", "test7")]
        ids, rows = file["ids"][kept], file["embeddings"][kept]
    np.savez(run.parent / "prott5.npz", ids=ids, embeddings=rows)
    failed = seqbench("extract", run)
    text = " ".join(failed.output.split())
    assert failed.exit_code == 3
    assert "lacks the ids of 2 of d's 60 items: train3 (train.jsonl:4), test7 (test.jsonl:8) (add" in text


def test_items_without_ids_are_told_where_ids_come_from(run: Path) -> None:
    path = run.parent / "data" / "d" / "test.jsonl"
    path.write_text(path.read_text().replace('"id"', '"entry"'))
    failed = seqbench("extract", run)
    assert failed.exit_code == 3
    assert "id_key in datasets_info.yaml" in " ".join(failed.output.split())


def test_items_of_several_sequences_have_an_id_of_each(run: Path) -> None:
    for split in N:
        path = run.parent / "data" / "d" / f"{split}.jsonl"
        items = [json.loads(line) for line in path.read_text().splitlines()]
        pairs = [
            {"seq1": a["seq"], "seq2": b["seq"], "id1": a["id"], "id2": b["id"], "label": a["label"]}
            for a, b in zip(items, items[::-1], strict=True)
        ]
        path.write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    done = seqbench("extract", run)
    assert done.exit_code == 0, done.output
    row = open_store(run.parent / "s.zarr")["prott5/d"].load(0, "test")[2]
    np.testing.assert_array_equal(row, [vector(run, "test2"), vector(run, "test17")])
