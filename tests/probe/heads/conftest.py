from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits

from seqbench.probe.heads import FittedHead, HeadData, Problem, create
from seqbench.vocabulary import Task

SETTINGS: dict[str, dict[str, Any]] = {
    "mlp": {
        "hidden": [32, 16],
        "dropout": 0.1,
        "lr": 5e-3,
        "batch_size": 64,
        "epochs": 30,
        "standardize": True,
        "choose_epoch": "best",
    },
    "linear": {},
    "xgb": {
        "n_estimators": 40,
        "learning_rate": 0.3,
        "max_depth": 4,
        "eval_metric": None,
        "choose_epoch": "best",
    },
    "forest": {"n_estimators": 40},
}
Fit = Callable[..., list[FittedHead]]
Splits = tuple[HeadData, HeadData, HeadData]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads that wait for each other cost tens of seconds where other work runs on the cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(before)


@pytest.fixture
def fit() -> Fit:
    def fit_head(
        name: str, task: Task, n_outputs: int, splits: Splits, *, seed: int = 0, **changed: Any
    ) -> list[FittedHead]:
        head = create(name, SETTINGS[name] | changed)
        return head.fit(Problem(task=task, n_outputs=n_outputs), *splits, seed=seed, advance=lambda _: None)

    return fit_head


@pytest.fixture
def make() -> Callable[..., Splits]:
    """Train, eval and test drawn alike: standard normal features and targets by rule of the first layer."""

    def splits(
        rule: Callable[[np.ndarray], np.ndarray], *, width: int = 8, layers: int = 1, n: int = 400
    ) -> Splits:
        random = np.random.default_rng(7)
        made = []
        for n_items in (n, 150, 150):
            features = random.standard_normal((layers, n_items, width)).astype(np.float32)
            made.append(HeadData(features_LNH=features, targets=rule(features[0])))
        return made[0], made[1], made[2]

    return splits
