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


MOTIF = "GATC"


def write_motif(folder: Path, *, sizes: dict[str, int] = SPLITS) -> Path:
    """Labels of letters: which letter of a motif each one is, `-` outside; some, `.`, are not known.

    The last letters of long items are known in none, as in constructs with a tail that is not measured.
    """
    random = np.random.default_rng(1)
    folder.mkdir(parents=True, exist_ok=True)
    for name, size in sizes.items():
        lines = []
        for number in range(size):
            seq = random.choice(list("ACGT"), int(random.integers(10, 25)))
            for start in random.choice(len(seq) - len(MOTIF) + 1, 2):
                seq[start : start + len(MOTIF)] = list(MOTIF)
            text = "".join(seq)
            label = motif_label(text)
            for place in np.flatnonzero(random.random(len(text)) < 0.1):
                label[place] = "."
            label[20:] = "." * len(label[20:])
            lines.append(json.dumps({"id": f"{name}{number}", "seq": text, "label": "".join(label)}))
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    (folder.parent / "info.yaml").write_text(f"{folder.name}: {{level: token, classes: ['-', a, b, c, d]}}\n")
    return folder


def motif_label(text: str) -> list[str]:
    """What each letter is."""
    label = ["-"] * len(text)
    for start in range(len(text) - len(MOTIF) + 1):
        if text[start : start + len(MOTIF)] == MOTIF:
            label[start : start + len(MOTIF)] = list("abcd")
    return label


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
