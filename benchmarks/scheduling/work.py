"""The work that benchmarks of scheduling schedule."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common.setting import Setting

from seqbench.config import Config
from seqbench.schedule.graph import Node


class Unheard:
    """A listener that keeps what failed."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def gave_up(self, node: Node, reason: str) -> None:
        """Keep the reason."""
        self.reasons.append(reason)

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *what: None

    def check(self) -> None:
        """See that all was done.

        Raises:
            RuntimeError: Something failed.
        """
        if self.reasons:
            raise RuntimeError(f"nothing measured: {self.reasons[0]}")


def write_data(folder: Path, items: int, letters: int, seed: int = 0) -> None:
    """A data set of random DNA: `items` in train, a tenth of it in test."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for split, count in {"train": items, "test": max(8, items // 10)}.items():
        with (folder / f"{split}.jsonl").open("w", encoding="utf-8") as file:
            for index in range(count):
                sequence = "".join(rng.choice(list("ACGT"), letters))
                file.write(f'{{"seq": "{sequence}", "label": {index % 2}}}\n')


def config(setting: Setting, out: str, model: Path, schedule: dict[str, Any]) -> Config:
    """A transformer on the data sets of the setting's folder."""
    folder = setting.folder / out
    folder.mkdir(parents=True, exist_ok=True)
    return Config.model_validate(
        {
            "models": [{"path": str(model), "name": "model", "dtype": "float32"}],
            "datasets": {"root": setting.folder / "data"},
            "extract": {"tokens_per_batch": 2048},
            "store": {"path": folder / "embeddings.zarr"},
            "catalog": folder / "catalog.duckdb",
            "schedule": schedule,
        }
    )
