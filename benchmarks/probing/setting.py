"""What every benchmark of probing is given, and the real embeddings that they train on.

Shape letters: L layers, N items, H width.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import ClassVar

import common.setting
import numpy as np
from numpy.typing import NDArray

from seqbench import open_store
from seqbench.config import Config
from seqbench.core.progress import Silent
from seqbench.probe.heads.base import Fit, HeadData
from seqbench.schedule.run import run

SHARED = Path(__file__).parents[2].parent / "shared"
MODEL, SEQUENCES = SHARED / "models" / "dna-esm-6l", SHARED / "data" / "deephf"

N_TEST = 1000
"""Items of eval and of test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting(common.setting.Setting):
    """One run of the benchmarks."""

    LEAST: ClassVar[int] = 100


def shared_is_there() -> bool:
    """Whether the model and the sequences are."""
    return MODEL.is_dir() and SEQUENCES.is_dir()


def real_fit(setting: Setting, n_train: int) -> Fit:
    """Two classes from embeddings of real guide RNA targets, all 7 layers, both strands: 256 wide.

    The class is whether the first target (the efficiency with wild-type Cas9) is above its median in train.
    """
    n_train, n_test = setting.scaled(n_train), setting.scaled(N_TEST)
    features = _embedded(setting.folder, n_train, n_test)
    return Fit(seed=42, **{name: _data(*features[name]) for name in ("train", "evaluation", "test")})


def widened(fit: Fit, n_layers: int, width: int) -> Fit:
    """More and wider layers: real ones, again where they do not suffice, through fixed random matrices."""
    random = np.random.default_rng(0)
    n_real, _, real_width = fit.train.features_LNH.shape
    maps = [random.standard_normal((real_width, width), dtype=np.float32) / 16 for _ in range(n_layers)]

    def wide(data: HeadData) -> HeadData:
        layers = [data.features_LNH[layer % n_real] @ matrix for layer, matrix in enumerate(maps)]
        return HeadData(features_LNH=np.stack(layers), targets=data.targets)

    return Fit(train=wide(fit.train), evaluation=wide(fit.evaluation), test=wide(fit.test), seed=fit.seed)


def _data(features_LNH: NDArray[np.float32], targets_N: NDArray[np.int64]) -> HeadData:
    return HeadData(features_LNH=features_LNH, targets=targets_N)


@cache
def _embedded(
    folder: Path, n_train: int, n_test: int
) -> dict[str, tuple[NDArray[np.float32], NDArray[np.int64]]]:
    data = folder / "data" / "guides"
    data.mkdir(parents=True, exist_ok=True)
    with (SEQUENCES / "train.jsonl").open(encoding="utf-8") as lines:
        for split, count in (("train", n_train), ("eval", n_test), ("test", n_test)):
            _write(data / f"{split}.jsonl", islice(lines, count))
    config = Config.model_validate(
        {
            "models": [{"path": str(MODEL), "name": "model", "dtype": "float32"}],
            "datasets": {"root": data.parent, "names": [data.name]},
            "extract": {"reverse_complement": "concat"},
            "store": {"path": folder / "embeddings.zarr"},
            "catalog": folder / "extraction.duckdb",
        }
    )
    run(config, Silent(), "extract")
    entry = open_store(folder / "embeddings.zarr")["model/guides"]
    median = np.median(entry.labels("train")[:, 0])
    return {
        name: (
            np.stack([entry.load(layer, split)[:, 0] for layer in entry.layers]),
            (entry.labels(split)[:, 0] > median).astype(np.int64),
        )
        for name, split in (("train", "train"), ("evaluation", "eval"), ("test", "test"))
    }


def _write(path: Path, lines: Iterable[str]) -> None:
    path.write_text("".join(lines), encoding="utf-8")
