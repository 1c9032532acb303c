"""Several labels of an item keep their proportions when items are split."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from tests.audit.making import dna_items
from tests.command import seqbench
from tests.splitting.splits import one_file, read


def labelled(count: int) -> list[dict[str, Any]]:
    """Items of three labels that hang together a little, of which some are missing."""
    rng = np.random.default_rng(3)
    items = dna_items(rng, count)
    for at, item in enumerate(items):
        drug = int(rng.choice(4, p=[0.6, 0.25, 0.1, 0.05]))
        item |= {
            "drug": f"d{drug}",
            "mechanism": int(rng.random() < 0.3 + 0.1 * drug) if at % 10 else None,
            "mic": [float(rng.gamma(2.0) + drug)],
            "family": f"f{at % 200}",
        }
    return items


def imbalance(splits: dict[str, list[dict[str, Any]]], key: str) -> float:
    """Largest distance of a class's share of test from its share of all."""
    every = [str(item[key]) for items in splits.values() for item in items]
    test = Counter(str(item[key]) for item in splits["test"])
    return max(
        abs(test[name] / len(splits["test"]) - count / len(every)) for name, count in Counter(every).items()
    )


def at_random(items: list[dict[str, Any]], seed: int) -> dict[str, list[dict[str, Any]]]:
    """A tenth of the families as test."""
    test = set(np.random.default_rng(seed).permutation([f"f{number}" for number in range(200)])[:20].tolist())
    return {
        "train": [item for item in items if item["family"] not in test],
        "test": [item for item in items if item["family"] in test],
    }


def test_several_labels_keep_their_proportions_better_than_by_chance(tmp_path: Path) -> None:
    source = one_file(tmp_path / "in", labelled(600))
    given = ["--by", "group:family", "--label-key", "drug,mechanism,mic"]
    done = seqbench("datasets", "split", source, tmp_path / "all", *given)
    assert done.exit_code == 0, done.output
    splits = read(tmp_path / "all")
    assert sum(map(len, splits.values())) == 600
    families = {split: {item["family"] for item in items} for split, items in splits.items()}
    assert not families["train"] & families["test"]
    assert not families["eval"] & families["test"]
    items = [item for split in splits.values() for item in split]
    tenths = np.quantile([item["mic"][0] for item in items], np.arange(0.1, 1, 0.1))
    for item in items:  # which are those of `splits`
        item["tenth"] = int(np.searchsorted(tenths, item["mic"][0]))
    for key in ("drug", "mechanism", "tenth"):
        by_chance = np.mean([imbalance(at_random(items, seed), key) for seed in range(50)])
        assert imbalance(splits, key) < 0.6 * by_chance, key

    manifest = json.loads((tmp_path / "all" / "manifest.json").read_text())
    test = manifest["splits"]["test"]
    assert test["labels"] == {
        str(number): sum(item["drug"] == f"d{number}" for item in splits["test"]) for number in range(4)
    }
    assert test["other_labels"]["mechanism"] == {
        str(number): sum(item["mechanism"] == number for item in splits["test"]) for number in (0, 1)
    }
    assert manifest["other_tasks"] == {"mechanism": "classification", "mic": "regression"}


def test_several_labels_go_without_a_task(tmp_path: Path) -> None:
    source = one_file(tmp_path / "in", labelled(20))
    done = seqbench(
        "datasets", "split", source, tmp_path / "out", "--label-key", "drug,mic", "--task", "regression"
    )
    assert done.exit_code == 2
    assert "--task goes with one --label-key" in done.stderr
    assert not (tmp_path / "out").exists()
