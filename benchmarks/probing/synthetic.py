"""Stores of made-up embeddings, written as an import would write them."""

from pathlib import Path

import numpy as np

from seqbench.config import Config
from seqbench.core.progress import Silent
from seqbench.schedule.run import Outcome, run


def npy_files(folder: Path, *, layers: int, items: dict[str, int], width: int, seed: int = 0) -> None:
    """Pre-extracted embeddings of one data set in the form of `precomputed` models, two classes."""
    import torch

    random = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for split, count in items.items():
        labels = torch.from_numpy(random.integers(0, 2, count))
        for layer in range(layers):
            rows = torch.from_numpy(random.standard_normal((count, width), dtype=np.float32))
            rows[:, 0] += labels
            torch.save({"embeddings": rows, "labels": labels}, folder / f"d{seed}-{layer}layer_{split}.pt")


def config(folder: Path, *, layers: int, datasets: int, **probe: object) -> Config:
    """A config of one pre-extracted model on so many data sets."""
    names = [f"d{number}" for number in range(datasets)]
    return Config.model_validate(
        {
            "models": [
                {"kind": "precomputed", "name": "m", "path": str(folder / "files"), "n_layers": layers}
            ],
            "datasets": {"names": names},
            "store": {"path": folder / "embeddings.zarr"},
            "catalog": folder / "catalog.duckdb",
            "probe": probe,
        }
    )


def imported(made: Config) -> Outcome:
    """Import the files into the store."""
    return run(made, Silent(), "extract")
