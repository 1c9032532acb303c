"""Heads on tokens through the whole product: extracted, probed, compared, kept, used on new sequences."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqbench.catalog import Catalog
from seqbench.config import Config, load_config
from seqbench.core.progress import Silent
from seqbench.errors import ConfigError, ProbeError
from seqbench.predict import load, predict
from seqbench.probe.saved_head import SavedHead
from seqbench.schedule.run import run
from tests import tiny_tokenizers
from tests.command import seqbench
from tests.extract.test_extract_tokens import saved

N = {"train": 320, "eval": 80, "test": 120}
FIRST, SECOND = "GATC", "CATG"


def write_order(root: Path) -> None:
    """DNA whose class is the order of two motifs of the same letters, next to each other."""
    for split, count in N.items():
        rng = np.random.default_rng([*split.encode()])
        lines = []
        for item in range(count):
            before, after = ("".join(rng.choice(list("AT"), rng.integers(2, 9))) for _ in range(2))
            motifs = FIRST + SECOND if item % 2 else SECOND + FIRST
            lines.append(json.dumps({"id": f"s{item}", "seq": before + motifs + after, "label": item % 2}))
        (root / split).with_suffix(".jsonl").write_text("\n".join(lines) + "\n")


def config(root: Path, **probe: Any) -> Config:
    own = {"epochs": 20, "lr": 1e-2, "batch_size": 32}
    return Config.model_validate(
        {
            "models": [{"path": str(root / "model"), "name": "m", "dtype": "float32"}],
            "datasets": {"root": root / "data"},
            "extract": {"layers": [0], "tokens": {"layers": [0]}},
            "store": {"path": root / "embeddings.zarr"},
            "catalog": root / "catalog.duckdb",
            "probe": {
                "heads": ["linear", "attention", "conv"], "save_heads": root / "heads",
                "conv": {**own, "kernel": 7, "width": 24}, "attention": own, **probe,
            },
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("world")
    (root / "data/order").mkdir(parents=True)
    write_order(root / "data/order")
    saved(root / "model", tiny_tokenizers.characters())
    outcome = run(config(root), Silent(), "run")
    assert outcome.failed == ()
    return root


def accuracy(root: Path) -> dict[str, float]:
    rows = Catalog(root / "catalog.duckdb").query(
        "SELECT head, accuracy FROM results WHERE split = 'test' AND model = 'm' AND layer = 0"
    )
    return dict(rows.rows)  # type: ignore[arg-type]


def test_a_head_on_the_mean_stays_at_chance_where_convolutions_find_all(world: Path) -> None:
    found = accuracy(world)
    assert abs(found["linear"] - 0.5) < 0.15
    assert found["conv"] == 1.0


def test_what_is_known_is_not_trained_again(world: Path) -> None:
    assert run(config(world), Silent(), "run").done["probe"] == 0


def head(world: Path, kind: str) -> tuple[SavedHead, Path]:
    (path,) = (world / "heads/m/order/0").glob(f"{kind}-*.safetensors")
    return load(path), path


def scores(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


@pytest.mark.parametrize("given", ["embeddings.zarr/m/order/test", "embeddings.zarr/m@tokens/order/test"])
def test_a_kept_head_scores_a_split_in_the_store_as_in_training(
    world: Path, tmp_path: Path, given: str
) -> None:
    kept, where = head(world, "conv")
    predict(kept, where, str(world / given), tmp_path / "s.npy", None, Silent())
    stored = Catalog(world / "catalog.duckdb").query(
        "SELECT score FROM predictions JOIN probes USING (probe_id) WHERE head = 'conv' AND split = 'test' "
        "AND output = 1 ORDER BY item"
    )
    found = np.load(tmp_path / "s.npy")[:, 1]
    np.testing.assert_allclose(found, np.asarray(stored.rows)[:, 0], atol=1e-5)


def test_new_sequences_get_scores_and_letters_their_weights(world: Path, tmp_path: Path) -> None:
    _, where = head(world, "attention")
    out, weights = tmp_path / "s.tsv", tmp_path / "w.tsv"
    done = seqbench(
        "probe", "predict", str(where), str(world / "data/order/test.jsonl"),
        "--out", str(out), "--attention", str(weights),
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert len(scores(out)) == N["test"]
    first = [row for row in scores(weights) if row["item"] == "0"]
    text = json.loads((world / "data/order/test.jsonl").read_text().split("\n")[0])["seq"]
    assert "".join(row["letter"] for row in first) == text
    assert {row["id"] for row in first} == {"s0"}
    assert sum(float(row["weight"]) for row in first) == pytest.approx(1, abs=1e-5)


def test_a_head_that_weighs_no_tokens_says_so(world: Path, tmp_path: Path) -> None:
    kept, where = head(world, "conv")
    given = str(world / "embeddings.zarr/m/order/test")
    with pytest.raises(ProbeError, match="does not weigh tokens"):
        predict(kept, where, given, tmp_path / "s.npy", None, Silent(), attention=tmp_path / "w.tsv")
    assert not (tmp_path / "w.tsv").exists()


def test_heads_on_tokens_want_tokens_to_be_kept(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("models: [{kind: kmer}]\ndatasets: {root: .}\nprobe: {heads: [conv]}\n")
    with pytest.raises(ConfigError, match=r"c\.yaml:3: probe\.heads: names conv, which reads tokens"):
        load_config(tmp_path / "c.yaml")
