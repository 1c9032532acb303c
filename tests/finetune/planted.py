"""Planted data that the mean of a frozen model can't tell apart, and configs that fine-tune on it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml

SPLITS = {"train": 192, "eval": 48, "test": 64}


def write_order(folder: Path, *, n_letters: int = 12, sizes: dict[str, int] = SPLITS) -> Path:
    """Classes that differ in the order of letters alone: whether A and C alternate or stand in halves.

    Each item has as many A as C, so no count of letters tells them apart.
    """
    random = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    for name, size in sizes.items():
        lines = []
        for number in range(size):
            label = number % 2
            half = n_letters // 2
            seq = "AC" * half if label else "A" * half + "C" * half
            flank = "".join(random.choice(list("GT"), int(random.integers(0, 6))))
            lines.append(
                json.dumps({"seq": flank + seq + flank[::-1], "label": label, "id": f"{name}{number}"})
            )
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def config_of(root: Path, model: Path, **finetune: Any) -> dict[str, Any]:
    """A config that fine-tunes one model on all data sets below a root."""
    return {
        "models": [{"path": str(model), "name": "m", "dtype": "float32"}],
        "datasets": {"root": str(root)},
        "store": {"path": str(root.parent / "store.zarr")},
        "catalog": str(root.parent / "catalog.duckdb"),
        "finetune": {"out": str(root.parent / "out"), **finetune},
    }


def write_config(path: Path, config: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(config))
    return path
