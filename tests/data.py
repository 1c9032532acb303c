"""Small data sets for tests, deterministic by their arguments."""

import json
from pathlib import Path

import numpy as np


def write_split(
    folder: Path, split: str, *, items: int = 60, seqs: int = 1, shortest: int = 8, longest: int = 40
) -> Path:
    """Write a binary split of random DNA in which GC-rich items have label 1."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([items, seqs, *split.encode()])
    lines = []
    for index in range(items):
        gc = 0.75 if index % 2 else 0.25
        weights = [(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2]
        drawn = ["".join(rng.choice(list("ACGT"), rng.integers(shortest, longest + 1), p=weights))
                 for _ in range(seqs)]  # fmt: skip
        keys = ["seq"] if seqs == 1 else [f"seq{number + 1}" for number in range(seqs)]
        lines.append(json.dumps({**dict(zip(keys, drawn, strict=True)), "label": index % 2}))
    path = folder / f"{split}.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
