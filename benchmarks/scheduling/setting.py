"""What every benchmark of scheduling is given, and the work that they schedule."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from seqbench.config import Config
from seqbench.schedule.graph import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One run of the benchmarks."""

    folder: Path
    """For models, data sets and stores; the caller deletes it."""
    rounds: int
    quick: bool
    """Whether sizes are so small that only the code is tried; figures then mean nothing."""
    console: Console

    def scaled(self, count: int) -> int:
        """A number of items, a fiftieth of it when quick."""
        return max(32, count // 50) if self.quick else count


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
